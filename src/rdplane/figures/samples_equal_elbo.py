"""Samples of models of nearly one ELBO that spend it differently (Figure 4d of the paper)."""

import matplotlib.figure
import pandas as pd

from rdplane.declare import Figure
from rdplane.figures.runs import precisions, spaced
from rdplane.figures.samples import Samples, draw_grid

__all__ = ["at_one_elbo", "draw_samples_equal_elbo"]

FIGURE = Figure(
    name="samples_equal_elbo", title="Different models of nearly one ELBO", draws="draw_samples_equal_elbo",
    needs=("samples",), place=10, caption="Models of nearly one -ELBO that spend it differently (Figure 4d).",
)  # fmt: skip


def at_one_elbo(table: pd.DataFrame, count: int = 4) -> pd.DataFrame:
    """Runs of nearly one ELBO that spend it differently, by falling rate.

    A window of -ELBO is 2 % of the best -ELBO wide, and at least 1 nat. Of all windows that hold `count` runs, the one
    whose runs span the widest range of rates is taken, thinned to `count` runs evenly spaced in rate. Without such a
    window, the runs of the lowest -ELBO are.
    """
    width = max(1.0, 0.02 * float(table["neg_elbo"].min()))
    windows = [table[table["neg_elbo"].between(low, low + width)] for low in table["neg_elbo"]]
    windows = [window for window in windows if len(window) >= count]
    if not windows:
        windows = [table.nsmallest(count, "neg_elbo")]
    widest = max(windows, key=lambda window: window["rate"].max() - window["rate"].min())
    return spaced(widest, count).sort_values("rate", ascending=False).reset_index(drop=True)


def draw_samples_equal_elbo(
    table: pd.DataFrame, samples: Samples, *, note: str | None = None
) -> matplotlib.figure.Figure:
    """The samples of `at_one_elbo`.

    Args:
        table: one row per run.
        samples: gives those of a cell.
        note: a line under the title.
    """
    return draw_grid(at_one_elbo(table), samples, FIGURE.title, note=note, footnotes=precisions(table))
