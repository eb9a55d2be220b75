"""What the code knows and where its rate goes: probe accuracy and the marginal's gap against the rate."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rdplane import frontier
from rdplane.errors import UserError
from rdplane.figures import runs as data
from rdplane.figures import style
from rdplane.measures.category import CLASS_NATS, SYNTAX_SHARE
from rdplane.measures.gap import marginal_gap

__all__ = ["draw_marginal_gap", "draw_probe"]

_GUIDE: dict[str, Any] = {"color": style.FAINT, "linewidth": 1.0, "zorder": 1}
_DASHED: tuple[float, tuple[float, ...]] = (0, (5, 3))
_DOTTED: tuple[float, tuple[float, ...]] = (0, (1, 1.65))


@style.styled
def draw_probe(table: pd.DataFrame, *, note: str | None = None, missing: Sequence[str] = ()) -> Figure:
    """Accuracy of a linear probe for the class against rate, one mark a run.

    Two lines part autodecoders, semantic and syntactic encoders (see `rdplane.measures.category`, whose rule looks at
    distortion and accuracy as well).

    Args:
        table: one row a run, with the columns of `rdplane.aggregate.read_table` and `probe_accuracy` and its error.
        note: a line under the title, such as the warning that a run is small.
        missing: names of cells that should have been in the table.

    Raises:
        UserError: no run has a probe accuracy.
    """
    runs = _measured(table, "probe_accuracy", "the dataset has no labels, or evaluation has probe_images 0")
    page = style.Page(
        9.3, 4.95, "What the code tells about the class", _describe(runs), note, _notes(table, runs, missing)
    )
    axes = page.axes(0.65, 0.5, 5.9, 4.4)
    right = max(1.05 * float(runs["rate"].max()), 1.0)
    best = float(table["neg_elbo"].iloc[frontier.best_elbo(table["rate"], table["distortion"])])
    axes.set(xlabel=style.RATE, ylabel="Accuracy of a linear probe on z", xlim=(-0.02 * right, right), ylim=(0, 1.02))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    _boundaries(axes, [CLASS_NATS, SYNTAX_SHARE * best], right)
    errors = (runs["rate_se"], runs["probe_accuracy_se"])
    _marks(axes, runs, runs["probe_accuracy"].to_numpy(), *errors)
    style.architecture_key(page.axes(6.85, 2.65, 2.5, 2.2), style.in_order(runs["architecture"]))
    _key(
        page.axes(6.85, 0.5, 2.5, 1.9),
        [
            (_cross(), "± 1 standard error over images"),
            (_line(_DOTTED), f"R = log 10 = {CLASS_NATS:.1f},\nto name one of ten classes"),
            (_line(_DASHED), f"R = {SYNTAX_SHARE * best:.1f},\na sixth of the best −ELBO"),
        ],
    )
    return page.figure


@style.styled
def draw_marginal_gap(table: pd.DataFrame, *, note: str | None = None, missing: Sequence[str] = ()) -> Figure:
    """Bounds on the part of the rate that is no information, R - I(X; Z) = KL(p_e(z) || m(z)), against rate.

    On the left the whole interval from R - mi_upper (or 0) to R - mi_lower, and the line R - log K that it cannot pass
    below, however large I is: there the upper end says nothing. On the right its lower end alone, with errors;
    what is above 0 is lost to a marginal that does not fit; what is below may be or not, as the bound has slack too.

    Args: as `draw_probe`, with the columns `mi_lower`, `mi_upper`, their errors and `mi_images`.

    Raises:
        UserError: no run has bounds on I.
    """
    runs = _measured(table, "mi_upper", "evaluation has mi_images 0")
    title = "Where the rate goes: the marginal's gap"
    page = style.Page(11.6, 4.65, title, _describe(runs), note, _notes(table, runs, missing))
    rate = runs["rate"].to_numpy()
    least, most = marginal_gap(rate, runs["mi_lower"], runs["mi_upper"])
    right = max(1.05 * float(rate.max()), 1.0)
    caps = sorted({math.log(count) for count in runs["mi_images"]})

    whole = page.axes(0.65, 0.5, 3.5, 3.9)
    whole.set_title("Bounds", loc="left", color=style.INK)
    whole.set(xlabel=style.RATE, ylabel="R − I(X; Z) (nats an image)", xlim=(-0.02 * right, right))
    whole.set_ylim(-0.02 * right, right)
    whole.plot([0, right], [0, right], linestyle=_DOTTED, **_GUIDE)
    for cap in caps:
        whole.plot([cap, max(cap, right)], [0, max(0.0, right - cap)], linestyle=_DASHED, **_GUIDE)
    whole.vlines(rate, least, np.maximum(least, most), color=style.INK, linewidth=0.7, alpha=0.6, zorder=2)
    _marks(whole, runs, least)

    certain = page.axes(4.9, 0.5, 3.5, 3.9)
    certain.set_title("At least", loc="left", color=style.INK)
    lower = rate - runs["mi_upper"].to_numpy()
    # R and the bound vary together over images; as if they did not is the more careful error.
    errors = np.hypot(runs["rate_se"], runs["mi_upper_se"])
    low, high = style.spread(np.concatenate((lower - errors, lower + errors, [-1.0, 1.0])))
    certain.set(xlabel=style.RATE, ylabel="R − upper bound on I (nats an image)", xlim=(-0.02 * right, right))
    certain.set_ylim(low, high)
    certain.axhline(0, **_GUIDE)
    _marks(certain, runs, lower, runs["rate_se"], errors)

    style.architecture_key(page.axes(8.75, 2.25, 2.5, 2.2), style.in_order(runs["architecture"]))
    bars = Line2D([], [], color=style.INK, linewidth=0.7, marker="|", markersize=11, linestyle="none")
    entries = [(bars, "R − I lies between its bounds"), (_line(_DOTTED), "all of the rate")]
    for cap in caps:
        entries.append((_line(_DASHED), f"R − log K, log K = {cap:.1f}: the upper\nend cannot go below it"))
    entries.append((_cross(), "right: ± 1 standard error"))
    _key(page.axes(8.75, 0.5, 2.5, 1.6), entries)
    return page.figure


def _measured(table: pd.DataFrame, column: str, reason: str) -> pd.DataFrame:
    runs = table[table[column].notna()] if column in table else table.iloc[:0]
    if runs.empty:
        raise UserError(f"no cell has {column}, so there is nothing to draw: {reason}")
    return runs


def _describe(runs: pd.DataFrame) -> str:
    return data.describe(runs, measured=False)


def _notes(table: pd.DataFrame, runs: pd.DataFrame, missing: Sequence[str]) -> list[str]:
    notes = data.absent(table, missing)
    if len(runs) < len(table):
        notes.append(f"{data.counted(len(table) - len(runs), 'run')} without this measure")
    return notes


def _marks(
    axes: Axes,
    runs: pd.DataFrame,
    y: np.ndarray,
    x_error: pd.Series | None = None,
    y_error: pd.Series | np.ndarray | None = None,
) -> None:
    if y_error is not None:
        bars: dict[str, Any] = {"fmt": "none", "ecolor": style.INK, "elinewidth": 0.7, "alpha": 0.7, "zorder": 2.5}
        axes.errorbar(runs["rate"], y, xerr=x_error, yerr=y_error, **bars)
    scale = 1.0 if len(runs) <= 60 else 0.7 if len(runs) <= 400 else 0.35
    architectures = runs["architecture"].to_numpy()
    for architecture in style.in_order(architectures):
        chosen = architectures == architecture
        style.scatter(axes, runs["rate"].to_numpy()[chosen], y[chosen], architecture, scale)


def _boundaries(axes: Axes, places: list[float], right: float) -> None:
    """Lines at the rates that part the categories, and the categories' names where there is room."""
    for place, dashes in zip(places, (_DOTTED, _DASHED), strict=True):
        if place < right:
            axes.axvline(place, linestyle=dashes, **_GUIDE)
    edges = [0.0, *places, right]
    for name, left, end in zip(("autodecoder", "semantic", "syntactic"), edges, edges[1:], strict=False):
        if min(end, right) - left > 0.14 * right:
            middle = (left + min(end, right)) / 2
            axes.text(middle, 0.03, name, ha="center", va="bottom", size=style.SMALL, color=style.FAINT)


def _line(dashes: tuple[float, tuple[float, ...]]) -> Line2D:
    return Line2D([], [], color=style.FAINT, linewidth=1.0, linestyle=dashes)


def _cross() -> Line2D:
    return Line2D([], [], color=style.INK, linewidth=0.7, marker="+", markersize=9, linestyle="none")


def _key(axes: Axes, entries: list[tuple[Line2D, str]]) -> None:
    axes.axis("off")
    axes.legend(
        *zip(*entries, strict=True),
        loc="upper left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0,
        borderpad=0,
        frameon=False,
        handlelength=2.0,
        labelspacing=0.7,
    )
