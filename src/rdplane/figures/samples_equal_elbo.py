"""Samples of models of nearly one ELBO that spend it differently (Figure 4d of the paper)."""

import matplotlib.figure
import numpy as np
import pandas as pd

from rdplane.declare import Figure
from rdplane.experiment.layout import cell_of
from rdplane.figures.runs import on_curves, precisions, spaced
from rdplane.figures.samples import Samples, draw_grid
from rdplane.table.frontier import best_elbo

__all__ = ["at_one_elbo", "draw_samples_equal_elbo", "one_of_each"]

FIGURE = Figure(
    name="samples_equal_elbo", title="Different models of nearly one ELBO", draws="draw_samples_equal_elbo",
    needs=("samples",), place=10,
    caption="Models of nearly the best -ELBO at very different rates (Figure 4d). A line below says how near.",
)  # fmt: skip

# The paper's four lie within 0.8 nats of 80.2, at rates that differ by 8 nats.
_NEAR, _SPAN = 0.01, 5.0  # share of the best -ELBO, and at least 1 nat; nats of rate
_APART = 1.0  # nats of rate between two runs that are shown


def at_one_elbo(table: pd.DataFrame, count: int = 4) -> pd.DataFrame:
    """Runs of nearly the best -ELBO at very different rates, by falling rate.

    They are within 1 % of the best -ELBO, or 1 nat if that is more; where the rates of those runs span less than 5
    nats, this is doubled until they do or all runs are within it. Of these runs the one of the best -ELBO is shown and
    others, `count` at most, spread over log(1 + R): this takes runs at R = 0 as well as at 7 and at 30. No two of them
    are within 1 nat of rate.
    """
    table = table.reset_index(drop=True)
    best = best_elbo(table["rate"], table["distortion"])
    excess = table["neg_elbo"] - table["neg_elbo"][best]
    reach = max(1.0, _NEAR * abs(float(table["neg_elbo"][best])))
    while np.ptp(table["rate"][excess <= reach]) < _SPAN and not (excess <= reach).all():
        reach *= 2
    near = _apart(table[excess <= reach], best)
    return spaced(near, count, kept=best, low_rates=True).sort_values("rate", ascending=False).reset_index(drop=True)


def one_of_each(table: pd.DataFrame) -> pd.DataFrame:
    """The rows, of the points of each curve that of the best -ELBO alone: the others are of the same model.

    All rows if there is but one training run.
    """
    table = table.reset_index(drop=True)
    points = on_curves(table)
    best = table[points].groupby(table["cell"].map(cell_of))["neg_elbo"].idxmin()
    different = table[~points | table.index.isin(best)]
    return different if len(different) > 1 else table


def _apart(table: pd.DataFrame, best: int) -> pd.DataFrame:
    """Of runs that are near to one another in rate the one of the lowest -ELBO."""
    chosen: list[int] = []
    for index in [best, *table["neg_elbo"].sort_values(kind="stable").index]:
        if all(abs(table["rate"][index] - table["rate"][other]) >= _APART for other in chosen):
            chosen.append(index)
    return table.loc[chosen]


def draw_samples_equal_elbo(
    table: pd.DataFrame, samples: Samples, *, title: str = FIGURE.title, note: str | None = None
) -> matplotlib.figure.Figure:
    """The samples of `at_one_elbo`, of each curve one point at most; a line below says how far apart their -ELBOs are.

    Args:
        table: one row per run.
        samples: gives those of a cell.
        title: heading; '' leaves it and the subtitle out.
        note: a line under the title.
    """
    shown = at_one_elbo(one_of_each(table))
    return draw_grid(shown, samples, title, note=note, footnotes=_tolerance(shown) + precisions(table))


def _tolerance(shown: pd.DataFrame) -> list[str]:
    """A footnote: how nearly equal the -ELBOs of the runs are, beside their standard errors."""
    if len(shown) < 2:
        return []
    best, apart = shown["neg_elbo"].min(), np.ptp(shown["neg_elbo"])
    return [
        f"The −ELBOs of these runs differ by up to {apart:.1f} nats ({apart / abs(best):.1%} of the best); the "
        f"standard error of each over test images is {shown['neg_elbo_se'].max():.1f} nats or less"
    ]
