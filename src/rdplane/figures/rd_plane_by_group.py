"""Frontiers by encoder, by decoder and by marginal (Figure 3a (ii) to (iv) of the paper)."""

from collections.abc import Sequence

import matplotlib.figure
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from rdplane.declare import Figure
from rdplane.declare.kinds import KINDS, MARKS
from rdplane.declare.registry import declared
from rdplane.figures import curve_lines, keys, marks, plane, references, runs, style
from rdplane.table import frontier

__all__ = ["draw_rd_plane_by_group"]

FIGURE = Figure(
    name="rd_plane_by_group", title="Frontiers by part of the model", draws="draw_rd_plane_by_group", place=2,
    caption="The same runs with a frontier for each encoder, decoder and marginal (Figure 3a, ii to iv).",
)  # fmt: skip

# By the place of a part's mark among those of its kind.
_DASHES: tuple[keys.Dashes, ...] = (
    (0, ()), (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (9, 2)), (0, (3, 1.2, 1.2, 1.2, 1.2, 1.2)),
    (0, (2.5, 2.5)), (0, (7, 1.5, 1.2, 1.5, 1.2, 1.5)),
)  # fmt: skip
_MARKERS = tuple(marker for marker, _ in marks.SHAPES.values())


@style.styled
def draw_rd_plane_by_group(
    table: pd.DataFrame, *, title: str = FIGURE.title, note: str | None = None, missing: Sequence[str] = ()
) -> matplotlib.figure.Figure:
    """Three RD planes: all runs, faint, and one stepwise Pareto frontier for each encoder, decoder and marginal.

    The points of a curve of one training are joined by a faint line. The diagonal of the best -ELBO, the true boundary
    where it is known, and the prefix code are those of `rdplane.figures.rd_plane.draw_rd_plane`.

    Args:
        table, title, note, missing: as `rdplane.figures.rd_plane.draw_rd_plane`.
    """
    rate, distortion = table["rate"].to_numpy(), table["distortion"].to_numpy()
    known = references.references(table)
    best = known.best
    footnotes = runs.footnotes(table, missing)
    # As in the paper the panels are cut at little more than the best -ELBO: beyond it no frontier tells more. But
    # every group shows at least its own best run.
    high = max([1.12 * best, *(1.1 * reach for kind in KINDS for reach in _reaches(table, kind))])
    shown = (rate <= high) & (distortion <= high)
    if not shown.all():
        footnotes.append(f"{runs.counted_rows(table[~shown])} beyond the axes")
    footnotes += references.notes(known)
    xlim = plane.rate_limits(rate[shown], best, high)
    ylim = plane.limits(np.append(distortion[shown], [best, known.lowest]), high)
    page = style.Page(11.6, 4.25, title, runs.describe(table), note, footnotes)
    for column, kind in enumerate(KINDS):
        axes = page.axes(0.65 + 3.75 * column, 0.5, 3.4, 3.4)
        axes.set_title(f"By {kind}", loc="left", weight="bold")
        axes.set(xlabel=style.RATE, xlim=xlim, ylim=ylim, box_aspect=1)
        if column == 0:
            axes.set_ylabel(style.DISTORTION)
        references.draw(axes, known, (xlim[1], ylim[1]), width=1.0)
        _frontiers(axes, table, kind, 1.1 * high)
        references.name_infeasible(axes, known)
    return page.figure


def _frontiers(axes: Axes, table: pd.DataFrame, kind: str, far: float) -> None:
    """Runs and frontier of each group; the frontiers end `far` away, outside the axes."""
    palette = sns.color_palette("colorblind")
    for symbol, part in declared().parts[kind].items():
        group = table[table[kind] == symbol]
        if group.empty:
            continue
        place = MARKS[kind].index(part.mark)
        colour, marker, dashes = palette[place], _MARKERS[place], _DASHES[place]
        points = runs.on_curves(group)
        for rows, area in ((group[~points], 12), (group[points], 5)):
            axes.scatter(rows["rate"], rows["distortion"], s=area, marker=marker, color=colour, alpha=0.35, linewidth=0)
        if points.any():
            for _, line in curve_lines.lines(group, group["distortion"].to_numpy()):
                axes.plot(*line.T, color=colour, linewidth=0.9, alpha=0.35, zorder=1.2)
        x, y = frontier.staircase(group["rate"], group["distortion"], top=far, right=far)
        title = part.title if part.codes else f"{part.title} {kind}"  # 'No encoder'
        axes.plot(x, y, color=colour, linestyle=dashes, linewidth=1.8, label=f"{marks.sign(symbol)}  {title}")
    axes.legend(loc="upper right", frameon=True, framealpha=0.9, edgecolor="none", handlelength=2.6, borderpad=0.2)


def _reaches(table: pd.DataFrame, kind: str) -> list[float]:
    """The larger of rate and distortion of each group's best run."""
    best = [group.iloc[frontier.best_elbo(group["rate"], group["distortion"])] for _, group in table.groupby(kind)]
    return [max(run["rate"], run["distortion"]) for run in best]
