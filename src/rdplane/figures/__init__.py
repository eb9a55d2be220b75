"""Figures from ``rd.csv``, stored samples and histories alone: pure functions that return matplotlib figures."""

from rdplane.figures.elbo_rate import draw_elbo_rate
from rdplane.figures.groups import draw_groups
from rdplane.figures.rd_plane import draw_rd_plane
from rdplane.figures.samples import draw_samples, read_samples
from rdplane.figures.style import save
from rdplane.figures.training import draw_training, draw_training_overview, read_history

__all__ = [
    "draw_elbo_rate",
    "draw_groups",
    "draw_rd_plane",
    "draw_samples",
    "draw_training",
    "draw_training_overview",
    "read_history",
    "read_samples",
    "save",
]
