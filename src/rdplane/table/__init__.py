"""From the metrics of all cells to tables, and what a table says. Needs no torch."""
