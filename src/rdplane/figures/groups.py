"""Frontiers by encoder, by decoder and by marginal (Figure 3a (ii) to (iv) of the paper)."""

from collections.abc import Sequence

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rdplane import frontier
from rdplane.figures import runs as data
from rdplane.figures import style

__all__ = ["draw_groups"]

_DASHES: dict[str, tuple[float, tuple[float, ...]]] = {"-": (0, ()), "+": (0, (5, 1.5)), "v": (0, (1.2, 1.2))}
_MARKERS = {"-": "o", "+": "s", "v": "D"}


@style.styled
def draw_groups(table: pd.DataFrame, *, note: str | None = None, missing: Sequence[str] = ()) -> Figure:
    """Three RD planes: all runs, faint, and one stepwise Pareto frontier for each kind of encoder, decoder, marginal.

    Args: as `rdplane.figures.draw_rd_plane`.
    """
    rate, distortion = table["rate"].to_numpy(), table["distortion"].to_numpy()
    best = float(table["neg_elbo"].iloc[frontier.best_elbo(rate, distortion)])
    footnotes = data.absent(table, missing)
    # As in the paper the panels are cut at little more than the best -ELBO: beyond it no frontier tells more. But
    # every group shows at least its own best run.
    high = max([1.12 * best, *(1.1 * reach for part in style.PARTS for reach in _reaches(table, part))])
    outside = int(((rate > high) | (distortion > high)).sum())
    if outside:
        footnotes.append(f"{data.counted(outside, 'run')} beyond the axes")
    page = style.Page(11.6, 4.25, "Frontiers by part of the model", data.describe(table), note, footnotes)
    for column, part in enumerate(style.PARTS):
        axes = page.axes(0.65 + 3.75 * column, 0.5, 3.4, 3.4)
        axes.set_title(f"By {part}", loc="left", weight="bold")
        axes.set(xlabel=style.RATE, xlim=(-0.02 * high, high), ylim=(-0.02 * high, high), box_aspect=1)
        if column == 0:
            axes.set_ylabel(style.DISTORTION)
        axes.plot([0, best], [best, 0], color=style.FAINT, linestyle=(0, (5, 3)), linewidth=1.0, zorder=1)
        _frontiers(axes, table, part, high)
    return page.figure


def _frontiers(axes: Axes, table: pd.DataFrame, part: str, high: float) -> None:
    palette = sns.color_palette("colorblind")
    colours = {"-": palette[0], "+": palette[1], "v": palette[2]}
    for kind, name in style.PARTS[part].items():
        runs = table[table[part] == kind]
        if runs.empty:
            continue
        axes.scatter(
            runs["rate"], runs["distortion"], s=12, marker=_MARKERS[kind], color=colours[kind], alpha=0.35, linewidth=0
        )
        x, y = frontier.staircase(runs["rate"], runs["distortion"], top=1.01 * high, right=1.01 * high)
        axes.plot(
            x, y, color=colours[kind], linestyle=_DASHES[kind], linewidth=1.8, label=f"{style.sign(kind)}  {name}"
        )
    axes.legend(loc="upper right", frameon=True, framealpha=0.9, edgecolor="none", handlelength=2.6, borderpad=0.2)


def _reaches(table: pd.DataFrame, part: str) -> list[float]:
    """The larger of rate and distortion of each group's best run."""
    best = [group.iloc[frontier.best_elbo(group["rate"], group["distortion"])] for _, group in table.groupby(part)]
    return [max(run["rate"], run["distortion"]) for run in best]
