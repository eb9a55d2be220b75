"""Samples of the models along the Pareto frontier (Figure 6 of the paper)."""

import matplotlib.figure
import pandas as pd

from rdplane.declare import Figure
from rdplane.figures.runs import precisions, spaced
from rdplane.figures.samples import Samples, draw_grid
from rdplane.table.frontier import best_elbo, pareto

__all__ = ["draw_samples_frontier", "on_frontier"]

FIGURE = Figure(
    name="samples_frontier", title="Models along the frontier", draws="draw_samples_frontier", needs=("samples",),
    place=9,
    caption="Models along the Pareto frontier (Figure 6), from high to low rate, that of best -ELBO among them.",
)  # fmt: skip


def on_frontier(table: pd.DataFrame, most: int = 9) -> pd.DataFrame:
    """Runs on the Pareto frontier by falling rate: at most `most`, evenly spaced in rate, and that of best -ELBO."""
    front = table.iloc[pareto(table["rate"], table["distortion"])].reset_index(drop=True)
    chosen = spaced(front, most, kept=best_elbo(front["rate"], front["distortion"]))
    return chosen.sort_values("rate", ascending=False).reset_index(drop=True)


def draw_samples_frontier(
    table: pd.DataFrame, samples: Samples, *, title: str = FIGURE.title, note: str | None = None
) -> matplotlib.figure.Figure:
    """The samples of `on_frontier`.

    Args:
        table: one row per run.
        samples: gives those of a cell.
        title: heading; '' leaves it and the subtitle out.
        note: a line under the title.
    """
    return draw_grid(on_frontier(table), samples, title, note=note, footnotes=precisions(table))
