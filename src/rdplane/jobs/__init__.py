"""What surrounds a computation: signs of life, signals, leases of GPUs, lines to read. Needs no torch."""
