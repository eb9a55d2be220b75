"""How far every model is from optimal, and the bounds on I(X; Z) beside exact ones, where the density is known."""

import math
import textwrap
from collections.abc import Sequence

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rdplane.declare import Figure
from rdplane.experiment.architectures import place
from rdplane.figures import curve_lines, keys, marks, measured, near_zero, references, runs, style

__all__ = ["draw_exact_gap"]

FIGURE = Figure(
    name="exact_gap", title="Beside the true density", draws="draw_exact_gap", measure="exact", place=7,
    caption="Left: R + D - H against rate, all that a model loses; at 0 it is optimal, whatever its rate. Right: for "
    "every run, by rising rate, a bar from H - D to R, in which I(X;Z) lies, and two bounds on it that were estimated "
    "without the density: a lower one above its bar, or an upper one below it, would be wrong, and the lower one "
    "cannot pass log K.",
)  # fmt: skip

_LEFT, _RIGHT = 3.5, 4.2  # inches, of the panels
_BAR, _LOWER, _UPPER = "#c8d3dc", "#0072b2", "#d55e00"  # Okabe and Ito's: told apart by all common colour vision
_BASE = 1.4  # points, of the line at 0
_WIDEST = 9.0  # points, of a bar
_NAMED = 6.5  # points that a bar must have for the mark of its run below it
_KEY = 34  # characters of a line of the key


@style.styled
def draw_exact_gap(
    table: pd.DataFrame, *, title: str = FIGURE.title, note: str | None = None, missing: Sequence[str] = ()
) -> matplotlib.figure.Figure:
    """The exact inefficiency R + D - H against rate, and how well estimated bounds on I(X; Z) place it.

    The gap is KL(p*(x) e(z|x) || m(z) d(x|z)), 0 for an optimal model, whatever its rate. If gaps span more than a
    decade their axis is logarithmic but for its lowest part, so that 0 is in sight.

    On the right stands a bar for each run or point of a curve, by rising rate, with the mark of its architecture below
    if there is room: H - D <= I <= R. Arrowheads are the bounds of the measure `information`, which knows no density;
    each points to where I must be.

    Args:
        table, title, note, missing: as `rdplane.figures.probe_accuracy.draw_probe_accuracy`.

    Raises:
        UserError: no run has a gap.
    """
    found = measured.having(table, "gap", "the density of the images is not known")
    names = place(found["architecture"])
    across, up = keys.architecture_key_size(names)
    entries = _entries(found)
    wide = _LEFT + _RIGHT + 1.4
    high = max(4.65, up + 0.55 + keys.legend_size(entries))
    page = style.Page(wide + 0.2 + across, high, title, runs.describe(found), note, _footnotes(table, found, missing))

    gaps = page.axes(0.65, 0.5, _LEFT, high - 0.75)
    gaps.set_title("What each model loses", loc="left", color=style.INK)
    _draw_gaps(gaps, found)

    information = page.axes(_LEFT + 1.4, 0.5, _RIGHT, high - 0.75)
    estimated = "" if found["mi_upper"].isna().all() else " and estimated"
    information.set_title(f"What its code tells: exact{estimated}", loc="left", color=style.INK)
    _draw_information(information, found.sort_values("rate", kind="stable"))

    top = high - 0.2
    keys.architecture_key(page.axes(wide + 0.2, top - up, across, up), names)
    keys.legend(page.axes(wide + 0.2, 0.1, across, top - up - 0.25), entries)
    return page.figure


def _draw_gaps(axes: Axes, table: pd.DataFrame) -> None:
    gap, error = table["gap"].to_numpy(), table["gap_se"].to_numpy()
    right = max(1.05 * float(table["rate"].max()), 1.0)
    axes.set(xlabel=style.RATE, ylabel="R + D − H (nats per image)", xlim=(-0.03 * right, right))
    ends = np.concatenate((gap - np.nan_to_num(error), gap + np.nan_to_num(error)))
    near_zero.scale(axes, gap, ends)
    axes.axhline(0, color="black", linewidth=_BASE, zorder=1)
    measured.draw_marks(axes, table, gap, table["rate_se"], error)


def _top(table: pd.DataFrame) -> float:
    """Upper end of the axis of information: above all rates, and the bounds unless these are far looser."""
    rate, upper = float(table["rate"].max()), float(np.nanmax([*table["mi_upper"], 0.0]))
    return 1.05 * max(rate, min(upper, 1.5 * rate), 1.0)


def _room(table: pd.DataFrame) -> tuple[float, float]:
    """Points along the axis for each row, and the width of its bar."""
    each = 72 * _RIGHT / (len(table) + 1)
    return each, min(_WIDEST, 0.75 * each)


def _draw_information(axes: Axes, table: pd.DataFrame) -> None:
    """Draw bars and bounds of the rows, which are by rising rate."""
    top, order = _top(table), np.arange(len(table))
    each, width = _room(table)
    what = "Runs" if not runs.on_curves(table).any() else "Points of curves and separate runs"
    axes.set(xlabel=f"{what}, by rising rate", ylabel="I(X; Z) (nats per image)", xlim=(-1, len(table)), xticks=[])
    # I is never below 0. Both ends are estimates: by chance the lower one may be above the upper.
    ends = np.maximum(table[["mi_exact_lower", "rate"]].to_numpy(), 0.0)
    axes.vlines(order, ends.min(axis=1), ends.max(axis=1), color=_BAR, linewidth=width, zorder=2)
    for cap in _caps(table):
        axes.axhline(cap, linestyle=keys.DASHED, **measured.GUIDE)
    area = min(28.0, max(5.0, each**2))
    for column, marker, colour in (("mi_upper", "v", _UPPER), ("mi_lower", "^", _LOWER)):
        axes.scatter(order, table[column], s=area, marker=marker, color=colour, linewidth=0, zorder=3)
    axes.set_ylim(-0.03 * top, top)
    if each >= _NAMED:
        axes.set_ylim(-0.07 * top, top)
        for architecture in place(table["architecture"]):
            chosen = order[(table["architecture"] == architecture).to_numpy()]
            marks.scatter(axes, chosen, np.full(len(chosen), -0.035 * top), architecture, 0.6)


def _caps(table: pd.DataFrame) -> list[float]:
    """What the estimated lower bounds cannot pass, log K, nats."""
    return sorted({math.log(count) for count in table["mi_images"].dropna()})


def _entries(table: pd.DataFrame) -> list[keys.Entry]:
    points, linear = runs.on_curves(table), near_zero.linear_up_to(table["gap"].to_numpy())
    optimal = f"0: optimal, R + D = H;\nH = {references.references(table).entropy} nats"
    scale = "" if linear is None else f"\n(the axis is logarithmic above {linear:g})"
    found = [*curve_lines.entries(table), keys.line(optimal + scale, "black", _BASE)]
    if not points.all():
        of_what = ", of marks alone" if points.any() else ""
        text = f"± 1 standard error over images, of the gap paired{of_what}"
        found.append(keys.cross(textwrap.fill(text, _KEY)))
    found += keys.annealed(table)
    bar = Line2D([], [], color=_BAR, linewidth=min(8.0, max(3.0, _room(table)[1])), solid_capstyle="butt")
    found.append((bar, "I(X; Z) lies between H − D and R"))
    if table["mi_upper"].isna().all():
        return found
    for marker, colour, which in (("v", _UPPER, "upper"), ("^", _LOWER, "lower")):
        sign = Line2D([], [], linestyle="none", marker=marker, color=colour, markersize=6)
        found.append((sign, f"{which} bound, estimated\nwithout the density"))
    for cap in _caps(table):
        found.append(keys.line(f"log K = {cap:.1f}: the lower bound\ncannot pass it", dashes=keys.DASHED))
    return found


def _footnotes(table: pd.DataFrame, found: pd.DataFrame, missing: Sequence[str]) -> list[str]:
    beyond = found[found["mi_upper"] > _top(found)]
    notes = measured.footnotes(table, found, missing)
    return [*notes, f"upper bound of {runs.counted_rows(beyond)} beyond the axes"] if len(beyond) else notes
