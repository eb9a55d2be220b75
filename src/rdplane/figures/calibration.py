"""Every estimated bound beside what is exact, where the density of the images is known."""

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from rdplane.declare import Figure
from rdplane.experiment.architectures import place
from rdplane.figures import curve_lines, keys, measured, near_zero, references, runs, style

__all__ = ["draw_calibration", "importance_error"]

FIGURE = Figure(
    name="calibration", title="Estimated bounds beside exact ones", draws="draw_calibration", measure="exact", place=7,
    caption="Of every estimated bound the nats by which it stays on its side of what is exact, against rate: 0 is as "
    "tight as can be, and in grey, below 0, it would be wrong. What a bound on I(X;Z) has lost lies on the stroke "
    "below its mark, as the exact values enclose it.",
)  # fmt: skip

_ACROSS, _UP = 3.5, 2.35  # inches, of a panel
_LEFT, _BETWEEN, _STACKED = 0.65, 0.85, 0.95  # inches, around it
_BASE, _STROKE = 1.4, 1.2  # points, of the line at 0, and of the strokes
_KEY = 34  # characters of a line of the key
_NONE = 1e-3  # nats: a gain below is rounding, as that of a model without a code


@dataclass(frozen=True)
class _Panel:
    """A bound, and how far it is from what is exact.

    Attributes:
        column: of the table, that must have a value.
        title: what the bound is, and of what.
        label: the nats that are drawn, at least 0 unless the bound is wrong.
        slack: of each row, these nats.
        error: of each row, their standard error.
        least: of each row, the least that the bound can be away from what it bounds; None where nothing is known.
    """

    column: str
    title: str
    label: str
    slack: Callable[[pd.DataFrame], pd.Series]
    error: Callable[[pd.DataFrame], Any]
    least: Callable[[pd.DataFrame], pd.Series] | None = None


def importance_error(table: pd.DataFrame) -> np.ndarray:
    """Standard error of nll_iw - H, at most, nats.

    nll_iw is R + D of all N images less the mean gain over n of them, so nll_iw - H = gap - gain, and the error of the
    gap is paired. That of the gain, g, follows from that of nll_iw and that of R + D, s, by

        nll_iw_se^2 = s^2 - 2 r s g sqrt(n / N) + g^2

    with the correlation r of the gain with R + D over images. It is in no column; g is largest for r = 1.
    """
    s = table["neg_elbo_se"] * np.sqrt(table["iw_images"] / table["images"])
    rest = s**2 + table["nll_iw_se"] ** 2 - table["neg_elbo_se"] ** 2
    gain = (s + np.sqrt(rest.clip(lower=0.0))).where((table["neg_elbo"] - table["nll_iw"]).abs() > _NONE, 0.0)
    return np.asarray(np.hypot(gain, table["gap_se"]))


def _both(first: str, second: str) -> Callable[[pd.DataFrame], np.ndarray]:
    """The error of a difference of two columns, as if they were independent: images that are hard to both are not."""
    return lambda table: np.asarray(np.hypot(table[f"{first}_se"], table[f"{second}_se"]))


_PANELS = (
    _Panel(
        "nll_iw", "−log p(x), importance-weighted", "Bound − H (nats per image)",
        lambda table: table["nll_iw"] - table["entropy"], importance_error,
    ),
    _Panel(
        "mi_lower", "I(X; Z), lower bound", "R − bound (nats per image)",
        lambda table: table["rate"] - table["mi_lower"], _both("rate", "mi_lower"),
        lambda table: table["mi_exact_lower"] - table["mi_lower"],
    ),
    _Panel(
        "mi_upper", "I(X; Z), upper bound", "Bound − (H − D) (nats per image)",
        lambda table: table["mi_upper"] - table["mi_exact_lower"], _both("mi_upper", "mi_exact_lower"),
        lambda table: table["mi_upper"] - table["rate"],
    ),
    _Panel(
        "gen_lower", "I_d of generated images, both bounds", "G − E (nats per image)",
        lambda table: table["gen_upper"] - table["gen_lower"], _both("gen_upper", "gen_lower"),
    ),
)  # fmt: skip


@style.styled
def draw_calibration(
    table: pd.DataFrame, *, title: str = FIGURE.title, note: str | None = None, missing: Sequence[str] = ()
) -> matplotlib.figure.Figure:
    """How far each estimated bound is on its side of what is exact, against rate; a panel for each that was measured.

    - The importance-weighted bound on -log p(x) less H: never below 0, for R + D of no model is below H.
    - R less the lower bound on I(X; Z), and the upper one less H - D: never below 0, for H - D <= I <= R. I itself
      lies between, so that what the bound has lost is on the stroke from the mark down to H - D less the lower bound,
      or the upper bound less R, or to 0.
    - G less E, the bounds on I_d(X; Z) of generated images: the density of those is the model's own and not known, so
      that the two can only be held against one another.

    Axes are logarithmic where values span more than a decade, but for their lowest part.

    Args:
        table, title, note, missing: as `rdplane.figures.probe_accuracy.draw_probe_accuracy`.

    Raises:
        UserError: the entropy is known of no run.
    """
    found = measured.having(table, "gap", "the density of the images is not known")
    panels = [panel for panel in _PANELS if panel.slack(found).notna().any()]
    notes = measured.footnotes(table, found, missing)
    if not panels:
        return style.empty(title, "No bound was estimated: the evaluation leaves all of them out.", note, notes)
    names = place(found["architecture"])
    columns, rows = min(2, len(panels)), math.ceil(len(panels) / 2)
    across, up = keys.architecture_key_size(names)
    entries = _entries(found, panels)
    wide = columns * (_ACROSS + _BETWEEN) - _BETWEEN + _LEFT
    high = max(rows * (_UP + _STACKED), up + 0.35 + keys.legend_size(entries))
    page = style.Page(wide + 0.25 + across, high, title, runs.describe(found), note, notes)
    for index, panel in enumerate(panels):
        row, column = divmod(index, columns)
        bottom = high - (row + 1) * (_UP + _STACKED) + 0.55
        axes = page.axes(_LEFT + column * (_ACROSS + _BETWEEN), bottom, _ACROSS, _UP)
        _draw(axes, panel, found[panel.slack(found).notna()])
    top = high - 0.2
    keys.architecture_key(page.axes(wide + 0.25, top - up, across, up), names)
    keys.legend(page.axes(wide + 0.25, 0.05, across, top - up - 0.25), entries)
    return page.figure


def _draw(axes: Axes, panel: _Panel, table: pd.DataFrame) -> None:
    slack, error = panel.slack(table).to_numpy(), np.nan_to_num(panel.error(table))
    right = max(1.05 * float(table["rate"].max()), 1.0)
    axes.set_title(panel.title, loc="left", color=style.INK)
    axes.set(xlabel=style.RATE, ylabel=panel.label, xlim=(-0.03 * right, right))
    near_zero.scale(axes, slack, np.concatenate((slack - error, slack + error)))
    low, _ = axes.get_ylim()
    axes.axhspan(low, 0, color=references.INFEASIBLE, linewidth=0, zorder=0.5)
    axes.axhline(0, color="black", linewidth=_BASE, zorder=1)
    if panel.column == "mi_lower":
        for cap in _caps(table):
            rate = np.linspace(cap, max(cap, right), 100)
            axes.plot(rate, rate - cap, linestyle=keys.DASHED, **measured.GUIDE)
    if panel.least is not None:
        least = np.minimum(np.maximum(panel.least(table).to_numpy(), 0.0), slack)
        points = runs.on_curves(table).to_numpy()
        for rows, width, alpha in ((~points, _STROKE, 1.0), (points, 0.5, 0.5)):
            look: dict[str, Any] = {"color": style.GREY, "linewidth": width, "alpha": alpha, "zorder": 1.8}
            axes.vlines(table["rate"][rows], least[rows], slack[rows], **look)
    measured.draw_marks(axes, table, slack, table["rate_se"], error)


def _caps(table: pd.DataFrame) -> list[float]:
    """What the lower bounds on I(X; Z) cannot pass, log K, nats."""
    return sorted({math.log(count) for count in table["mi_images"].dropna()})


def _entries(table: pd.DataFrame, panels: Sequence[_Panel]) -> list[keys.Entry]:
    entropy = references.references(table).entropy
    entries = curve_lines.entries(table)
    entries.append(
        keys.line(f"0: as tight as can be; in grey a bound\nwould be wrong. H = {entropy} nats", "black", _BASE)
    )
    points = runs.on_curves(table)
    if not points.all():
        of_what = ", of marks alone" if points.any() else ""
        text = f"± 1 standard error over images, at most: only in part paired{of_what}"
        entries.append(keys.cross(textwrap.fill(text, _KEY)))
    entries += keys.annealed(table)
    if any(panel.least is not None for panel in panels):
        text = "how far the bound is from I(X; Z), which lies between H − D and R: somewhere here"
        entries.append(keys.line(textwrap.fill(text, _KEY), style.GREY, _STROKE))
    if any(panel.column == "mi_lower" for panel in panels):
        for cap in _caps(table):
            text = f"R − log K, log K = {cap:.1f}: a lower\nbound cannot be nearer"
            entries.append(keys.line(text, dashes=keys.DASHED))
    if any(panel.column == "gen_lower" for panel in panels):
        sign = Line2D([], [], linestyle="none")
        entries.append((sign, "E and G bound I_d, which is nowhere\nknown exactly: G − E is their gap"))
    return entries
