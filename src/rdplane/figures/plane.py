"""Drawing runs into axes over their rate: marks, error bars, curves, and labels that do not overlap."""

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D

from rdplane.experiment.architectures import place
from rdplane.figures import keys, marks, runs, style
from rdplane.table import frontier

__all__ = ["MOST_CURVES", "draw_runs", "label_runs"]

MOST_CURVES = 30  # more would hide the marks
_MOST_LABELS = 30
_ANNEALED: keys.Dashes = (0, (1, 1.2))


def draw_runs(axes: Axes, table: pd.DataFrame, y: str, published: pd.DataFrame) -> list[keys.Entry]:
    """Draw every run of `table` at (rate, `y`), with error bars, and curves over the number of the objective.

    A setting's error bars are centred at its mean (see `rdplane.figures.runs.per_setting`).

    Args:
        y: 'distortion' or 'neg_elbo'.
        published: points of the paper to draw besides, maybe none.

    Returns:
        What the key must explain.
    """
    settings = runs.per_setting(table)
    entries = [keys.cross("± 1 standard error: over seeds\nif several, else over images")]
    entries += _draw_curves(axes, runs.curves(settings), y, table)
    axes.errorbar(
        settings["rate"],
        settings[y],
        xerr=settings["rate_se"],
        yerr=settings[f"{y}_se"],
        fmt="none",
        ecolor=style.INK,
        elinewidth=0.7,
        alpha=0.7,
        zorder=2.5,
    )
    scale = marks.size(len(table))
    for architecture in place(table["architecture"]):
        group = table[table["architecture"] == architecture]
        marks.scatter(axes, group["rate"], group[y], architecture, scale)
    for marker, objectives in runs.overlays(table).items():
        group = table[table["objective"].isin([objective.name for objective in objectives])]
        axes.scatter(group["rate"], group[y], s=60 * scale, marker=marker, color="black", linewidth=1.1, zorder=3.5)
    entries += keys.overlays(table)
    if len(published):
        entries.append(keys.ring("ringed: printed in the paper"))
        for architecture in place(published["architecture"]):
            group = published[published["architecture"] == architecture]
            marks.scatter(axes, group["rate"], group[y], architecture, 0.6, zorder=3.2)
        axes.scatter(
            published["rate"],
            published[y],
            s=95,
            marker="o",
            facecolor="none",
            edgecolor="black",
            linewidth=0.9,
            zorder=3.2,
        )
    return entries


def _draw_curves(axes: Axes, curves: list[pd.DataFrame], y: str, table: pd.DataFrame) -> list[keys.Entry]:
    """Draw the curves unless they are too many; returns what the key must explain of them."""
    if not 0 < len(curves) <= MOST_CURVES:
        return []
    for curve in curves:
        colour = marks.darker(marks.mark(curve["architecture"].iloc[0]).colour)
        dashes = _ANNEALED if curve["anneal"].iloc[0] else "solid"
        axes.plot(curve["rate"], curve[y], color=colour, linewidth=1.0, alpha=0.75, linestyle=dashes, zorder=1.2)
    entries = [keys.line(textwrap.fill(f"one architecture over {runs.symbols(table)}", 34), "#999999")]
    if table["anneal"].nunique() > 1:
        text = textwrap.fill(f"the same, with annealed {runs.annealed(table)}", 34)
        entries.append(keys.line(text, "#999999", dashes=_ANNEALED))
    return entries


def label_runs(axes: Axes, table: pd.DataFrame, y: str, lines: Sequence[Line2D] = ()) -> None:
    """Write the objective's number beside runs of the frontier and the ends of curves, wherever there is room.

    Labels keep off the marks, the error bars, `lines` and one another. Call it when the limits of the axes are final.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    settings = runs.per_setting(table)
    places = axes.transData.transform(settings[["rate", y]].to_numpy())
    point = figure.dpi / 72
    boxes = np.vstack(
        [
            _around(axes.transData.transform(table[["rate", y]].to_numpy()), 5 * point),
            _bars(axes, settings, y),
            *(_around(_along(axes, line, 2 * point), point) for line in lines),
        ]
    )
    frame = axes.bbox.padded(-4 * point)  # the labels' white rim must not rub out the axes
    renderer = FigureCanvasAgg(figure).get_renderer()
    written: list[tuple[str, float, float]] = []
    for index in _candidates(settings):
        if len(written) >= _MOST_LABELS:
            break
        text, (x, up) = runs.label(settings.iloc[index]), places[index]
        # One label stands for the runs of the same number around it.
        if any(text == other and np.hypot(x - a, up - b) < 80 * point for other, a, b in written):
            continue
        artist = axes.annotate(text, (0, 0), xycoords="figure pixels", size=style.SMALL - 1, zorder=4)
        extent = artist.get_window_extent(renderer)
        for right, top in _OFFSETS:
            centre_x = x + right * (extent.width / 2 + 7 * point)
            centre_y = up + top * (extent.height / 2 + 7 * point)
            across, high = extent.width / 2, extent.height / 2
            box = np.array((centre_x - across, centre_y - high, centre_x + across, centre_y + high))
            inside = box[0] > frame.x0 and box[1] > frame.y0 and box[2] < frame.x1 and box[3] < frame.y1
            if inside and not _overlaps(box, boxes):
                artist.remove()
                axes.annotate(
                    text,
                    tuple(axes.transData.inverted().transform((centre_x, centre_y))),
                    ha="center",
                    va="center",
                    size=style.SMALL - 1,
                    color=style.FAINT,
                    zorder=4,
                    path_effects=[patheffects.withStroke(linewidth=2, foreground="white")],
                )
                boxes = np.vstack((boxes, box))
                written.append((text, x, up))
                break
        else:
            artist.remove()


_OFFSETS = [(1, 0), (0, 1), (1, 1), (-1, -1), (0, -1), (-1, 0), (1, -1), (-1, 1)]


def _candidates(settings: pd.DataFrame) -> Iterator[int]:
    """Positions in `settings` by how much a label there helps: frontier, ends of curves, the rest if there are few."""
    ends = {int(i) for curve in runs.curves(settings) for i in (curve.index[0], curve.index[-1])}
    seen: set[int] = set()
    rest = range(len(settings)) if len(settings) <= 60 else ()
    for index in (*frontier.pareto(settings["rate"], settings["distortion"]), *sorted(ends), *rest):
        if index not in seen:
            seen.add(index)
            yield int(index)


def _around(places: np.ndarray, reach: float) -> np.ndarray:
    """Boxes (N, 4) as left, bottom, right, top around places (N, 2), in pixels."""
    return np.hstack((places - reach, places + reach))


def _bars(axes: Axes, settings: pd.DataFrame, y: str) -> np.ndarray:
    """Boxes (N, 4) of the vertical error bars in pixels."""
    centre, error = settings[["rate", y]].to_numpy(), np.zeros((len(settings), 2))
    error[:, 1] = settings[f"{y}_se"]
    return np.hstack((axes.transData.transform(centre - error), axes.transData.transform(centre + error)))


def _along(axes: Axes, line: Line2D, step: float) -> np.ndarray:
    """Places (N, 2) in pixels along a line, about `step` apart, inside the axes."""
    corners = axes.transData.transform(line.get_xydata())
    length = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))))
    along = np.arange(0.0, length[-1] + step, step)
    places = np.column_stack([np.interp(along, length, corners[:, axis]) for axis in (0, 1)])
    inside = axes.bbox.contains
    return places[[bool(inside(x, up)) for x, up in places]]


def _overlaps(box: np.ndarray, boxes: np.ndarray) -> bool:
    apart = (boxes[:, 0] > box[2]) | (boxes[:, 2] < box[0]) | (boxes[:, 1] > box[3]) | (boxes[:, 3] < box[1])
    return bool((~apart).any())
