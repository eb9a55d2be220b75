"""Figures of the toy model, from its source and its records alone: pure functions that return matplotlib figures."""

from rdplane.toy.figures.curve import draw_curve
from rdplane.toy.figures.models import draw_models
from rdplane.toy.figures.phase_diagram import draw_phase_diagram

__all__ = ["draw_curve", "draw_models", "draw_phase_diagram"]
