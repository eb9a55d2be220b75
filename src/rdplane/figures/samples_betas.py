"""Samples of one model along its betas (Figure 4a, b of the paper)."""

import matplotlib.figure
import pandas as pd

from rdplane.declare import Figure
from rdplane.figures.runs import in_grid_order, precisions, spaced
from rdplane.figures.samples import Samples, draw_grid

__all__ = ["along_betas", "draw_samples_betas"]

FIGURE = Figure(
    name="samples_betas", title="One model along its betas", draws="draw_samples_betas", needs=("samples",),
    objective="beta", place=7,
    caption="One model along its betas (Figure 4a, b): the one that spans the widest range of rates.",
)  # fmt: skip


def along_betas(table: pd.DataFrame, most: int = 6) -> pd.DataFrame:
    """One model along its betas: the one whose runs span the widest range of rates.

    A model is an architecture with one annealing and one seed. At most `most` runs, evenly spaced in rate, by beta.
    Each is a training of its own; `rdplane.figures.samples_curve` shows a curve.
    """
    candidates = table[table["objective"] == "beta"]
    models = [group for _, group in candidates.groupby(["architecture", "anneal", "seed"], sort=False)]
    widest = max(models, key=lambda group: group["rate"].max() - group["rate"].min())
    return in_grid_order(spaced(widest, most))


def draw_samples_betas(
    table: pd.DataFrame, samples: Samples, *, title: str = FIGURE.title, note: str | None = None
) -> matplotlib.figure.Figure:
    """The samples of `along_betas`.

    Args:
        table: one row per run, with at least one trained with a beta.
        samples: gives those of a cell.
        title: heading; '' leaves it and the subtitle out.
        note: a line under the title.
    """
    return draw_grid(along_betas(table), samples, title, note=note, footnotes=precisions(table))
