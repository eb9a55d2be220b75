"""What a nat of rate buys: information about the class against the rate, beside the prefix code's."""

from collections.abc import Sequence
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import SymmetricalLogLocator

from rdplane.declare import Figure
from rdplane.experiment.architectures import place
from rdplane.figures import curve_lines, keys, marks, measured, references, runs, style

__all__ = ["draw_label_information"]

FIGURE = Figure(
    name="label_information", title="What a nat of rate buys", draws="draw_label_information",
    measure="label_information", needs=("prefix",), place=5,
    caption="Lower bounds on what z tells about the class, from a calibrated linear classifier, against rate. No code "
    "can tell more than its rate, or than the entropy of the classes. Dash-dotted: the first k pixels, as they are.",
)  # fmt: skip

_LINEAR = 1.0  # nats: up to there the axis of the rate is linear, so that R = 0 is in sight
_LIMIT, _CEILING = 2.0, 1.3  # points, of the lines that no code passes
_DOT = 3.2  # points, of a point of the prefix code


@style.styled
def draw_label_information(
    table: pd.DataFrame,
    prefix: pd.DataFrame,
    *,
    title: str = FIGURE.title,
    note: str | None = None,
    missing: Sequence[str] = (),
) -> matplotlib.figure.Figure:
    """Information about the class against rate, one mark per run, a line per curve of one training.

    I(Y; Z) is at most R, and at most H(Y): beyond both is grey. The first k pixels of the prefix code are a dash-dotted
    line, the mean of its seeds. The axis of the rate is logarithmic above 1 nat: a class can be told within the first
    few.

    Args:
        table: one row per run or point of a curve, with the columns of `rdplane.table.rd.read_table`.
        prefix: points of the prefix code (see `rdplane.table.prefix.read_prefix`), maybe none.
        title: heading; '' leaves it and the subtitle out.
        note: a line under the title, such as the warning that a training run is small.
        missing: names of cells that should have been in the table.

    Raises:
        UserError: no run has information about the class.
    """
    found = measured.having(table, "label_information", "the dataset has no labels, or evaluation has probe_images 0")
    points = prefix[prefix["label_information"].notna()]
    names = place(found["architecture"])
    entropy = float(found["label_entropy"].max())
    entries = _entries(found, points, entropy)
    across, up = keys.architecture_key_size(names)
    height = max(4.95, up + 0.65 + keys.legend_size(entries))
    notes = runs.footnotes(table, missing)
    # Without a code there is nothing to lack.
    lacking = table[~table.index.isin(found.index) & (table["architecture"] != references.ALONE)]
    if len(lacking):
        notes.append(f"{runs.counted_rows(lacking)} without this measure")
    page = style.Page(6.8 + across, height, title, runs.describe(found, measured=False), note, notes)
    axes = page.axes(0.65, 0.5, 5.9, height - 0.55)
    _scale(axes, found, points, entropy)
    _limits(axes, entropy)
    _draw_prefix(axes, points)
    errors = found["rate_se"], found["label_information_se"]
    measured.draw_marks(axes, found, found["label_information"].to_numpy(), *errors)
    top = height - 0.1
    keys.architecture_key(page.axes(6.85, top - up, across, up), names)
    keys.legend(page.axes(6.85, 0.2, across, top - up - 0.45), entries)
    return page.figure


def _scale(axes: Axes, found: pd.DataFrame, points: pd.DataFrame, entropy: float) -> None:
    right = 1.25 * max(float(found["rate"].max()), *points["rate"], 2 * entropy)
    axes.set_xscale("symlog", linthresh=_LINEAR, linscale=0.5)
    axes.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=_LINEAR, subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "−"))
    ends = [np.asarray(found["label_information"] + sign * found["label_information_se"]) for sign in (-1, 1)]
    low, high = float(np.nanmin([*ends[0], 0.0])), float(np.nanmax([*ends[1], entropy]))
    left = float(np.nanmin([*(found["rate"] - found["rate_se"]), 0.0]))  # an estimate of R may be below 0
    axes.set(xlabel=style.RATE, ylabel="I(Y; Z), at least (nats per image)", xlim=(1.1 * left - 0.06, right))
    axes.set_ylim(1.1 * low - 0.03 * entropy, high + 0.08 * entropy)


def _limits(axes: Axes, entropy: float) -> None:
    """The line that no code passes, I = R and then H(Y), and grey beyond it."""
    (left, right), (_, top) = axes.get_xlim(), axes.get_ylim()
    rate = np.linspace(0.0, entropy, 100)
    corner: dict[str, Any] = {"color": "black", "linewidth": _LIMIT, "zorder": 1.4, "solid_capstyle": "butt"}
    axes.fill_between(
        [left, *rate, right], [0.0, *rate, entropy], top, color=references.INFEASIBLE, linewidth=0, zorder=0.5
    )
    axes.plot(rate, rate, **corner)
    axes.plot([entropy, right], [entropy, entropy], **corner | {"linewidth": _CEILING, "linestyle": keys.DASHED})


def _draw_prefix(axes: Axes, points: pd.DataFrame) -> None:
    """The mean over the seeds of what the k-th points cost and tell."""
    if points.empty:
        return
    number = points.groupby("cell").cumcount()
    mean = points.groupby(number)[["rate", "label_information"]].mean()
    look: dict[str, Any] = {"color": references.PREFIX, "zorder": 2.0}
    axes.plot(mean["rate"], mean["label_information"], linestyle=references.DASHES, linewidth=1.3, **look)
    if points["cell"].nunique() == 1:
        bars: dict[str, Any] = {"fmt": "none", "ecolor": references.PREFIX, "elinewidth": 0.7, "alpha": 0.7}
        axes.errorbar(
            points["rate"], points["label_information"], points["label_information_se"], points["rate_se"], **bars
        )
    axes.plot(mean["rate"], mean["label_information"], linestyle="none", marker="o", markersize=_DOT, **look)


def _entries(found: pd.DataFrame, points: pd.DataFrame, entropy: float) -> list[keys.Entry]:
    entries = curve_lines.entries(found)
    if not runs.on_curves(found).all():
        of_what = ",\nof marks alone" if entries else ""
        entries.append(keys.cross(f"± 1 standard error over images{of_what}"))
    entries += keys.annealed(found)
    if not points.empty:
        seeds = "" if points["cell"].nunique() == 1 else " (mean of its seeds)"
        look: dict[str, Any] = {"linestyle": references.DASHES, "linewidth": 1.3, "marker": "o", "markersize": _DOT}
        sign = Line2D([], [], color=references.PREFIX, **look)
        text = f"prefix code of {marks.sign(references.ALONE)}{seeds}:\nz = the first k pixels, as they are"
        entries.append((sign, text))
    entries.append(keys.line("I(Y; Z) = R: no code can tell\nmore than its rate", "black", _LIMIT))
    text = f"H(Y) = {entropy:.2f} nats: all there is\nto know of the class"
    entries.append(keys.line(text, "black", _CEILING, keys.DASHED))
    return entries
