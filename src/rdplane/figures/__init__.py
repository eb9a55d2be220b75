"""Figures from ``rd.csv``, stored samples and histories alone: pure functions, each declared in its own file."""
