"""Drawing runs into axes: marks, error bars, curves over beta, labels that do not overlap, the key to all that."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D

from rdplane import frontier
from rdplane.figures import runs as data
from rdplane.figures import style

__all__ = ["draw_runs", "label_runs", "line_key"]

# More curves than this hide the marks.
_MOST_CURVES = 30
_MOST_LABELS = 30


def draw_runs(axes: Axes, table: pd.DataFrame, y: str, published: pd.DataFrame) -> list[str]:
    """Draw every run of `table` at (rate, `y`), its error bars and curves over beta; `y` 'distortion' or 'neg_elbo'.

    A setting's error bars are centred at its mean (see `rdplane.figures.runs.per_setting`).

    Returns:
        The entries of `line_key` that the drawing needs.
    """
    settings = data.per_setting(table)
    shown = ["errors"]
    curves = data.curves(settings)
    if 0 < len(curves) <= _MOST_CURVES:
        shown.append("curve")
        for curve in curves:
            # Darkened: a thin line in the palest colours cannot be seen on white.
            colour = [0.85 * part for part in style.mark(curve["architecture"].iloc[0]).colour]
            dashes = (0, (1, 1.2)) if curve["anneal"].iloc[0] else "solid"
            axes.plot(curve["rate"], curve[y], color=colour, linewidth=1.0, alpha=0.75, linestyle=dashes, zorder=1.2)
        if table["anneal"].nunique() > 1:
            shown.append("annealed")
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
    scale = 1.0 if len(table) <= 60 else 0.7 if len(table) <= 400 else 0.35
    for architecture in style.in_order(table["architecture"]):
        group = table[table["architecture"] == architecture]
        style.scatter(axes, group["rate"], group[y], architecture, scale)
    targets = table[table["objective"] == "target_rate"]
    if len(targets):
        shown.append("target")
        axes.scatter(targets["rate"], targets[y], s=60 * scale, marker="x", color="black", linewidth=1.1, zorder=3.5)
    if len(published):
        shown.append("published")
        for architecture in style.in_order(published["architecture"]):
            group = published[published["architecture"] == architecture]
            style.scatter(axes, group["rate"], group[y], architecture, 0.6, zorder=3.2)
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
    return shown


def label_runs(axes: Axes, table: pd.DataFrame, y: str, lines: Sequence[Line2D] = ()) -> None:
    """Write beta (or the target) beside runs of the frontier and the ends of curves, wherever there is room.

    Labels keep off the marks, the error bars, `lines` and one another. Call it when the limits of the axes are final.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    settings = data.per_setting(table)
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
        text, (x, up) = data.label(settings.iloc[index]), places[index]
        # One label stands for the runs of the same beta around it.
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
    ends = {int(i) for curve in data.curves(settings) for i in (curve.index[0], curve.index[-1])}
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


def line_key(axes: Axes, entries: Sequence[str], diagonal: str) -> None:
    """Fill `axes` with the key to everything but the architectures' marks."""
    axes.axis("off")
    every = {
        "frontier": (Line2D([], [], color="black", linewidth=1.2), "Pareto frontier"),
        "hull": (Line2D([], [], color="#b0b0b0", linewidth=2.6), "convex hull"),
        "diagonal": (Line2D([], [], color=style.FAINT, linewidth=1.1, linestyle=(0, (4, 2.5))), diagonal),
        "errors": (
            Line2D([], [], color=style.INK, linewidth=0.7, marker="+", markersize=9, linestyle="none"),
            "± 1 standard error: over seeds\nif several, else over images",
        ),
        "curve": (
            Line2D([], [], color="#999999", linewidth=1.0),
            "one architecture over β" + (" or R*" if "target" in entries else ""),
        ),
        "annealed": (
            Line2D([], [], color="#999999", linewidth=1.0, linestyle=(0, (1, 1.2))),
            "the same, with annealed β",
        ),
        "target": (
            Line2D([], [], color="black", linestyle="none", marker="x", markersize=6.5, markeredgewidth=1.1),
            "rate target R* instead of β",
        ),
        "published": (
            Line2D([], [], color="black", linestyle="none", marker="o", markersize=9.5, markerfacecolor="none"),
            "ringed: printed in the paper",
        ),
    }
    handles, labels = zip(*(every[entry] for entry in entries), strict=True)
    axes.legend(
        handles,
        labels,
        loc="upper left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0,
        borderpad=0,
        frameon=False,
        handlelength=2.0,
        labelspacing=0.7,
    )
