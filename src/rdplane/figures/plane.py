"""Drawing runs into axes over their rate: marks, error bars, curves, and labels that do not overlap."""

import textwrap
from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from rdplane.experiment.architectures import place
from rdplane.figures import curve_lines, keys, marks, room, runs, style
from rdplane.table import frontier

__all__ = ["MOST_CURVES", "draw_runs", "label_runs", "limits", "rate_limits"]

MOST_CURVES = 30  # more would hide the marks
_MOST_LABELS = 30
_WIDE = 30.0  # nats, wide enough for any rates below
_LABELS_ALONG = 4  # of points of curves along the frontier
_ANNEALED: keys.Dashes = (0, (1, 1.2))


def limits(values: np.ndarray, best: float, shortest: float = 0.0) -> tuple[float, float]:
    """Around the values that are no outliers with room for marks: from 0, unless all values are far above it.

    Args:
        values: rates or distortions.
        best: the best -ELBO; what is beyond three times of it is an outlier.
        shortest: the least upper end.
    """
    kept = values[values <= 3 * best]
    low, high = float(values.min()), max(shortest, float(kept.max(initial=0.0)))
    if low < 0.4 * high:
        return min(-0.02 * high, 1.05 * low), 1.05 * high
    room = 0.08 * (high - low) or 1.0  # of a single value as well
    return low - room, high + room


def rate_limits(rates: np.ndarray, best: float, far: float | None = None) -> tuple[float, float]:
    """`limits` of the axis of rates: from 0, and a fifth of the best -ELBO wide, if that is not far beyond all rates.

    Args:
        rates: of all that is drawn.
        best: the best -ELBO.
        far: what is beyond three times of it is an outlier; `best` unless given.
    """
    rates, far = np.append(rates, 0.0), best if far is None else far
    kept = rates[rates <= 3 * far]
    # An image of 8 bits costs thousands of nats, of which a code carries tens.
    return limits(rates, far, min(0.2 * best, max(_WIDE, 2 * float(kept.max()))))


def draw_runs(axes: Axes, table: pd.DataFrame, y: str, published: pd.DataFrame) -> list[keys.Entry]:
    """Draw every run of `table` at (rate, `y`), with error bars, and curves over the number of the objective.

    A setting's error bars are centred at its mean (see `rdplane.figures.runs.per_setting`). Curves of one training
    have no error bars (see `rdplane.figures.curve_lines`); where an architecture has one, no other line joins its runs.

    Args:
        y: 'distortion' or 'neg_elbo'.
        published: points of the paper to draw besides, maybe none.

    Returns:
        What the key must explain.
    """
    scale = marks.size(len(runs.trainings(table)))
    entries = curve_lines.entries(table)
    if entries:
        curve_lines.draw_curves(axes, table, table[y].to_numpy(), scale)
    separate = table[~runs.on_curves(table)]
    if len(separate):
        entries += _draw_separate(axes, separate, y, set(table["architecture"][runs.on_curves(table)]), scale)
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


def _draw_separate(axes: Axes, table: pd.DataFrame, y: str, curved: set[str], scale: float) -> list[keys.Entry]:
    """Draw runs of their own, and say what the key must explain of them.

    Args:
        curved: architectures that have curves of one training as well.
        scale: multiplies the area of the marks.
    """
    settings = runs.per_setting(table)
    of_what = (
        ", of marks alone:\nover seeds if several,\nelse over images"
        if curved
        else ": over seeds\nif several, else over images"
    )
    entries = [keys.cross(f"± 1 standard error{of_what}")]
    joined = [curve for curve in runs.curves(settings) if curve["architecture"].iloc[0] not in curved]
    entries += _draw_curves(axes, joined, y, table)
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
    for architecture in place(table["architecture"]):
        group = table[table["architecture"] == architecture]
        marks.scatter(axes, group["rate"], group[y], architecture, scale)
    for marker, objectives in runs.overlays(table).items():
        group = table[table["objective"].isin([objective.name for objective in objectives])]
        axes.scatter(group["rate"], group[y], s=60 * scale, marker=marker, color="black", linewidth=1.1, zorder=3.5)
    entries += keys.overlays(table)
    annealed = runs.apart_by_annealing(table)
    marks.ring(axes, annealed["rate"], annealed[y], scale)
    return entries + keys.annealed(table)


def _draw_curves(axes: Axes, curves: list[pd.DataFrame], y: str, table: pd.DataFrame) -> list[keys.Entry]:
    """Draw the curves unless they are too many; returns what the key must explain of them."""
    if not 0 < len(curves) <= MOST_CURVES:
        return []
    apart = not runs.apart_by_annealing(table).empty
    for curve in curves:
        colour = marks.darker(marks.mark(curve["architecture"].iloc[0]).colour)
        dashes = _ANNEALED if apart and curve["anneal"].iloc[0] else "solid"
        axes.plot(curve["rate"], curve[y], color=colour, linewidth=1.0, alpha=0.75, linestyle=dashes, zorder=1.2)
    entries = [keys.line(textwrap.fill(f"one architecture over {runs.symbols(table)}", 34), "#999999")]
    if apart and any(curve["anneal"].iloc[0] for curve in curves):
        text = textwrap.fill(f"the same, with annealed {runs.annealed(table)}", 34)
        entries.append(keys.line(text, "#999999", dashes=_ANNEALED))
    return entries


def label_runs(axes: Axes, table: pd.DataFrame, y: str, taken: np.ndarray | None = None) -> None:
    """Write the objective's number beside runs of the frontier and the ends of curves, wherever there is room.

    Labels keep off marks, error bars, lines and one another. Call it when all of these are drawn and the limits of the
    axes are final.

    Args:
        taken: further places to keep off, (4,) or (N, 4) left, bottom, right, top in pixels.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    settings = runs.per_setting(table)
    places = axes.transData.transform(settings[["rate", y]].to_numpy())
    point = figure.dpi / 72
    boxes = np.vstack([room.taken(axes), *([taken] if taken is not None else [])])
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
        for right, top, away in _OFFSETS:
            centre_x = x + right * (extent.width / 2 + away * point)
            centre_y = up + top * (extent.height / 2 + away * point)
            across, high = extent.width / 2, extent.height / 2
            box = np.array((centre_x - across, centre_y - high, centre_x + across, centre_y + high))
            inside = box[0] > frame.x0 and box[1] > frame.y0 and box[2] < frame.x1 and box[3] < frame.y1
            if inside and not room.overlaps(box, boxes):
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


# To the right and above in halves of the label, and points away: close to the mark first, then beyond a ring.
_SIDES = ((1, 0), (0, 1), (1, 1), (-1, -1), (0, -1), (-1, 0), (1, -1), (-1, 1))
_OFFSETS = [(right, top, away) for away in (7.0, 10.0) for right, top in _SIDES]


def _candidates(settings: pd.DataFrame) -> Iterator[int]:
    """Positions in `settings` by how much a label there helps: frontier, ends of curves, the rest if there are few.

    Of the points of curves along the frontier a few.
    """
    ends = {int(i) for curve in runs.curves(settings) for i in (curve.index[0], curve.index[-1])}
    points = runs.on_curves(settings)
    front = settings.iloc[frontier.pareto(settings["rate"], settings["distortion"])]
    along = front[points[front.index]]
    few = front.index[~points[front.index] | front.index.isin(runs.spaced(along, _LABELS_ALONG).index)]
    seen: set[int] = set()
    rest = settings.index[~points] if (~points).sum() <= 60 else ()
    for index in (*few, *sorted(ends), *rest):
        if index not in seen:
            seen.add(index)
            yield int(index)
