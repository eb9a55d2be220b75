"""Where axes are free: what is drawn in them, as boxes that labels and insets keep off. All in pixels."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.lines import Line2D

__all__ = ["free", "overlaps", "taken"]

_MARK = 5.0  # points from the middle of a mark to what keeps off it, at least
_STEPS = 40  # places tried along each side


def taken(axes: Axes) -> np.ndarray:
    """Boxes (N, 4) as left, bottom, right, top: around marks, error bars and pieces of lines.

    Call it when the limits of the axes are final.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    point = figure.dpi / 72
    found = [np.empty((0, 4))]
    for collection in axes.collections:
        if isinstance(collection, LineCollection):  # of error bars
            ends = [axes.transData.transform(segment) for segment in collection.get_segments()]
            found += [np.concatenate((end.min(axis=0), end.max(axis=0)))[None] for end in ends]
        else:
            areas = collection.get_sizes() if isinstance(collection, PathCollection) else ()
            reach = max([_MARK, *(math.sqrt(area) / 2 + 1.5 for area in areas)])
            found.append(_around(axes.transData.transform(np.asarray(collection.get_offsets())), reach * point))
    found += [_around(_along(axes, line, 2 * point), point) for line in axes.get_lines()]
    return np.vstack(found)


def overlaps(box: np.ndarray, boxes: np.ndarray) -> bool:
    """Whether a box (4,) overlaps one of `boxes` (N, 4)."""
    apart = (boxes[:, 0] > box[2]) | (boxes[:, 2] < box[0]) | (boxes[:, 1] > box[3]) | (boxes[:, 3] < box[1])
    return bool((~apart).any())


def free(axes: Axes, width: float, height: float, boxes: np.ndarray, near: np.ndarray) -> np.ndarray | None:
    """A free place in the axes.

    Args:
        width, height: of the place.
        boxes: (N, 4), what it must not overlap.
        near: (2,), what its middle shall be near to.

    Returns:
        The box (4,), the nearest of those tried; None if there is no room.
    """
    frame = axes.bbox
    if width > frame.width or height > frame.height:
        return None
    lefts = np.linspace(frame.x0, frame.x1 - width, _STEPS)
    bottoms = np.linspace(frame.y0, frame.y1 - height, _STEPS)
    candidates = [np.array((left, bottom, left + width, bottom + height)) for left in lefts for bottom in bottoms]
    candidates = [box for box in candidates if not overlaps(box, boxes)]
    return min(candidates, key=lambda box: float(np.hypot(*((box[:2] + box[2:]) / 2 - near))), default=None)


def _around(places: np.ndarray, reach: float) -> np.ndarray:
    """Boxes (N, 4) around places (N, 2)."""
    return np.hstack((places - reach, places + reach))


def _along(axes: Axes, line: Line2D, step: float) -> np.ndarray:
    """Places (N, 2) along a line, about `step` apart, inside the axes."""
    corners = line.get_transform().transform(line.get_xydata())
    length = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))))
    along = np.arange(0.0, length[-1] + step, step)
    places = np.column_stack([np.interp(along, length, corners[:, axis]) for axis in (0, 1)])
    inside = axes.bbox.padded(step)
    return places[
        (places[:, 0] >= inside.x0)
        & (places[:, 0] <= inside.x1)
        & (places[:, 1] >= inside.y0)
        & (places[:, 1] <= inside.y1)
    ]
