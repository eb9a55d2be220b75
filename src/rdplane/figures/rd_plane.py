"""The RD plane of all runs (Figure 3a (i) of the paper)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rdplane import frontier
from rdplane.figures import runs as data
from rdplane.figures import style
from rdplane.figures.marks import draw_runs, label_runs, line_key

__all__ = ["draw_rd_plane"]


@style.styled
def draw_rd_plane(
    table: pd.DataFrame,
    *,
    note: str | None = None,
    missing: Sequence[str] = (),
    published: bool = False,
) -> Figure:
    """Distortion against rate, one mark a run, with the stepwise Pareto frontier, the convex hull and the diagonal.

    The diagonal R + D = H^ joins all places with the ELBO of the best run: whatever lies above is in principle
    achievable by a powerful enough model.

    Args:
        table: one row a run, at least one (see `rdplane.aggregate.read_table`).
        note: a line under the title, such as the warning that a run is small.
        missing: names of cells that should have been in the table.
        published: add the values printed in the paper for this data set.
    """
    points = data.published_points(table["dataset"].iloc[0]) if published else data.published_points("")
    rate, distortion = table["rate"].to_numpy(), table["distortion"].to_numpy()
    best = float(table["neg_elbo"].iloc[frontier.best_elbo(rate, distortion)])
    xlim = _limits(np.concatenate((rate, points["rate"])), best, shortest=0.55 * best)
    ylim = _limits(np.concatenate((distortion, points["distortion"])), best, shortest=1.05 * best)
    outside = int(((rate > xlim[1]) | (distortion > ylim[1])).sum())
    footnotes = data.absent(table, missing)
    if outside:
        footnotes.append(f"{data.counted(outside, 'run')} beyond the axes, at more than three times the best −ELBO")
    page = style.Page(9.3, 5.6, "Rate-distortion plane", data.describe(table), note, footnotes)
    axes = page.axes(0.65, 0.5, 5.9, 5.05)
    axes.set(xlabel=style.RATE, ylabel=style.DISTORTION, xlim=xlim, ylim=ylim)
    lines = axes.plot([0, best], [best, 0], color=style.FAINT, linestyle=(0, (5, 3)), linewidth=1.1, zorder=1)
    hull = frontier.lower_hull(rate, distortion)
    lines += axes.plot(rate[hull], distortion[hull], color="#b0b0b0", linewidth=2.6, solid_capstyle="round", zorder=1.5)
    lines += axes.plot(
        *frontier.staircase(rate, distortion, top=ylim[1], right=xlim[1]), color="black", linewidth=1.2, zorder=2
    )
    shown = draw_runs(axes, table, "distortion", points)
    label_runs(axes, table, "distortion", lines)
    style.architecture_key(
        page.axes(6.85, 3.35, 2.5, 2.2), style.in_order([*table["architecture"], *points["architecture"]])
    )
    _lines(page.axes(6.85, 0.5, 2.5, 2.7), best, shown, len(hull) > 1)
    return page.figure


def _limits(values: np.ndarray, best: float, shortest: float) -> tuple[float, float]:
    """From just below 0, so that marks at R = 0 stay whole, to the largest value that is not an outlier."""
    kept = values[values <= 3 * best]
    high = max(shortest, 1.05 * float(kept.max(initial=0.0)))
    return min(-0.02 * high, 1.05 * float(values.min())), high


def _lines(axes: Axes, best: float, shown: list[str], hull: bool) -> None:
    entries = ["frontier", *(["hull"] if hull else []), "diagonal", *shown]
    line_key(axes, entries, f"R + D = {best:.1f}, the best −ELBO")
