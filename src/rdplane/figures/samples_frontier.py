"""Samples of the models along the Pareto frontier (Figure 6 of the paper)."""

import matplotlib.figure
import pandas as pd

from rdplane.declare import Figure
from rdplane.figures.runs import precisions, spaced
from rdplane.figures.samples import Samples, draw_grid
from rdplane.table.frontier import pareto

__all__ = ["draw_samples_frontier", "on_frontier"]

FIGURE = Figure(
    name="samples_frontier", title="Models along the frontier", draws="draw_samples_frontier", needs=("samples",),
    place=9, caption="The models along the Pareto frontier (Figure 6), from high to low rate.",
)  # fmt: skip


def on_frontier(table: pd.DataFrame, most: int = 9) -> pd.DataFrame:
    """The runs on the Pareto frontier by falling rate, at most `most`, evenly spaced in rate."""
    chosen = spaced(table.iloc[pareto(table["rate"], table["distortion"])], most)
    return chosen.sort_values("rate", ascending=False).reset_index(drop=True)


def draw_samples_frontier(
    table: pd.DataFrame, samples: Samples, *, note: str | None = None
) -> matplotlib.figure.Figure:
    """The samples of `on_frontier`.

    Args:
        table: one row per run.
        samples: gives those of a cell.
        note: a line under the title.
    """
    return draw_grid(on_frontier(table), samples, FIGURE.title, note=note, footnotes=precisions(table))
