"""Samples of one code's way along a curve that one training gave, from autoencoder to autodecoder."""

import matplotlib.figure
import numpy as np
import pandas as pd

from rdplane.declare import Figure
from rdplane.experiment.layout import cell_of
from rdplane.figures import runs
from rdplane.figures.samples import Samples, draw_grid

__all__ = ["along_curve", "draw_samples_curve"]

FIGURE = Figure(
    name="samples_curve", title="One training along its curve", draws="draw_samples_curve", needs=("samples",),
    objective="curve", place=8,
    caption="One training along its curve, from high rate to low: the same images and the same random numbers at every "
    "beta. Of all curves the one that spans the widest range of rates.",
)  # fmt: skip

_ALONG = (
    "All columns are one training, each at another β. Along a row only β changes: the image and the random numbers "
    "stay the same"
)


def along_curve(table: pd.DataFrame, most: int = 7) -> pd.DataFrame:
    """The points of the curve that spans the widest range of rates, by beta.

    At most `most`, both ends among them and the others evenly spaced in rate; all from one training.
    """
    points = table[runs.on_curves(table)]
    widest = max((curve for _, curve in points.groupby(points["cell"].map(cell_of), sort=False)), key=_span)
    return runs.in_grid_order(runs.spaced(widest, most))


def _span(curve: pd.DataFrame) -> float:
    return float(np.ptp(curve["rate"]))


def draw_samples_curve(
    table: pd.DataFrame, samples: Samples, *, title: str = FIGURE.title, note: str | None = None
) -> matplotlib.figure.Figure:
    """The samples of `along_curve`.

    Args:
        table: one row per run or point of a curve, with at least one point.
        samples: gives those of a row.
        title: heading; '' leaves it and the subtitle out.
        note: a line under the title.
    """
    shown, footnotes = along_curve(table), [_ALONG, *runs.precisions(table)]
    return draw_grid(shown, samples, title, note=note, footnotes=footnotes, across=len(shown))
