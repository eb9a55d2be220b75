"""Figures of the toy model from its records alone: pure functions, each declared in its own file."""
