"""Where the cells of an experiment stand. Needs no torch."""
