"""A close-up of the runs that lie on one another at R = 0, where the axes of the RD plane have room for it."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import BboxBase

from rdplane.figures import plane, room, runs, style

__all__ = ["crowd", "draw_close_up"]

_SHARE = 0.03  # of the rate's axis: marks nearer than that overlap
_FEWEST = 3  # runs that are worth a close-up
_SIZES = ((2.5, 2.1), (2.1, 1.8), (1.8, 1.5), (1.5, 1.3))  # inches, with ticks and heading; the first that fits
_LEFT, _BOTTOM, _RIGHT, _TOP = 0.44, 0.28, 0.10, 0.24  # inches of these


def crowd(table: pd.DataFrame, axes: Axes) -> pd.DataFrame:
    """The rows so near to R = 0 in the axes that what is drawn of them lies on one another.

    None if they are of fewer than three training runs.
    """
    (left, right), (_, top) = axes.get_xlim(), axes.get_ylim()
    near = table[(table["rate"] <= _SHARE * (right - left)) & (table["distortion"] <= top)]
    return near if len(runs.trainings(near)) >= _FEWEST else table[:0]


def draw_close_up(axes: Axes, table: pd.DataFrame, draw: Callable[[Axes], object]) -> np.ndarray | None:
    """Draw a close-up of `crowd` in the largest free place of axes whose limits are final.

    Args:
        axes: with all runs drawn.
        table: the runs.
        draw: draws everything into axes.

    Returns:
        The place taken, (4,) left, bottom, right, top in pixels; None if there is no crowd or no room.
    """
    shown = crowd(table, axes)
    figure = axes.get_figure(root=True)
    assert figure is not None
    if shown.empty:
        return None
    boxes, middle = room.taken(axes), axes.transData.transform(shown[["rate", "distortion"]].mean().to_numpy())
    places = (room.free(axes, width * figure.dpi, height * figure.dpi, boxes, middle) for width, height in _SIZES)
    box = next((place for place in places if place is not None), None)
    if box is None:
        return None
    margins = figure.dpi * np.array((_LEFT, _BOTTOM, -_RIGHT, -_TOP))
    inset = figure.add_axes(_share(box + margins, figure.bbox))
    draw(inset)
    xlim = _around(np.append(shown["rate"], 0.0), least=0.1)
    ylim = _around(shown["distortion"].to_numpy(), least=1.0)
    inset.set(xlim=xlim, ylim=ylim)
    most = math.ceil(10 * shown["rate"].max()) / 10
    count = "" if runs.on_curves(shown).any() else f" of {len(shown)} runs"
    inset.set_title(f"close-up{count} at R ≤ {most:g}", size=style.SMALL, pad=4)
    inset.tick_params(labelsize=style.SMALL - 1)
    inset.xaxis.set_major_locator(MaxNLocator(4))
    inset.yaxis.set_major_locator(MaxNLocator(4))
    for spine in inset.spines.values():
        spine.set_visible(True)
    plane.label_runs(inset, shown, "distortion")
    left, right, bottom, top = *xlim, *ylim
    corners = [left, right, right, left, left], [bottom, bottom, top, top, bottom]
    axes.plot(*corners, color=style.FAINT, linewidth=0.8, zorder=3.6)
    return box


def _share(box: np.ndarray, page: BboxBase) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of a box in pixels as shares of the page."""
    left, bottom, right, top = box
    return left / page.width, bottom / page.height, (right - left) / page.width, (top - bottom) / page.height


def _around(values: np.ndarray, least: float) -> tuple[float, float]:
    """Limits around values with room for their marks, at least so many nats."""
    low, high = float(values.min()), float(values.max())
    margin = max(0.15 * (high - low), (least - (high - low)) / 2)
    return low - margin, high + margin
