"""The RD plane of all runs (Figure 3a (i) of the paper)."""

from collections.abc import Sequence

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rdplane.declare import Figure
from rdplane.experiment.architectures import place
from rdplane.figures import keys, plane, references, runs, style
from rdplane.figures.close_up import draw_close_up
from rdplane.table import frontier
from rdplane.table.paper import published_points

__all__ = ["draw_rd_plane"]

FIGURE = Figure(
    name="rd_plane", title="Rate-distortion plane", draws="draw_rd_plane", place=1,
    caption="Every run on the RD plane (Figure 3a of the paper): stepwise Pareto frontier, convex hull, and the "
    "diagonal of the best -ELBO, or, where the density of the images is known, the true boundary R + D = H. Shape is "
    "the marginal, light or dark the decoder, hollow or filled the encoder.",
)  # fmt: skip


@style.styled
def draw_rd_plane(
    table: pd.DataFrame,
    *,
    title: str = FIGURE.title,
    note: str | None = None,
    missing: Sequence[str] = (),
    published: bool = False,
) -> matplotlib.figure.Figure:
    """Distortion against rate, one mark per run, with the stepwise Pareto frontier, the convex hull and the diagonal.

    A curve of one training is a line. Frontier and hull are those of all runs and points of curves.

    The diagonal R + D = H^ joins all places with the ELBO of the best run: whatever lies above is in principle
    achievable by a powerful enough model. Where the density of the images is known, the true boundary R + D = H takes
    its place. A PixelCNN++ alone adds its prefix code (see `rdplane.figures.references`).

    Args:
        table: one row per run or point of a curve, at least one (see `rdplane.table.rd.read_table`).
        title: heading; '' leaves it and the subtitle out.
        note: a line under the title, such as the warning that a training run is small.
        missing: names of cells that should have been in the table.
        published: add the values printed in the paper for this data set.
    """
    points = published_points(table["dataset"].iloc[0] if published else "")
    rate, distortion = table["rate"].to_numpy(), table["distortion"].to_numpy()
    known = references.references(table)
    best = known.best
    xlim = plane.rate_limits(np.concatenate((rate, points["rate"])), best)
    ylim = plane.limits(np.concatenate((distortion, points["distortion"], [best, known.lowest])), best)
    outside = table[(rate > xlim[1]) | (distortion > ylim[1])]
    footnotes = runs.footnotes(table, missing)
    if len(outside):
        footnotes.append(f"{runs.counted_rows(outside)} beyond the axes, at more than three times the best −ELBO")
    names = place([*table["architecture"], *points["architecture"]])
    across, up = keys.architecture_key_size(names)
    explained = references.entries(known)
    height = max(5.6, up + 3.0 + keys.legend_size(explained))
    page = style.Page(6.8 + across, height, title, runs.describe(table), note, footnotes)
    axes = page.axes(0.65, 0.5, 5.9, page.height - 0.55)
    axes.set(xlabel=style.RATE, ylabel=style.DISTORTION, xlim=xlim, ylim=ylim)
    entries = [keys.line("Pareto frontier", "black", 1.2)]
    if len(frontier.lower_hull(rate, distortion)) > 1:
        entries.append(keys.line("convex hull", style.GREY, 2.6))
    entries += references.best_entries(known, f"R + D = {best:.1f}, the best −ELBO")
    entries += explained

    def draw(into: Axes) -> list[keys.Entry]:
        references.draw(into, known, (xlim[1], ylim[1]))
        _draw_lines(into, rate, distortion, (xlim[1], ylim[1]))
        return plane.draw_runs(into, table, "distortion", points)

    entries += draw(axes)
    axes.set(xlim=xlim, ylim=ylim)
    taken = draw_close_up(axes, table, draw)
    taken = references.name_infeasible(axes, known, taken=taken)
    plane.label_runs(axes, table, "distortion", taken)
    top = page.height - 0.05
    keys.architecture_key(page.axes(6.85, top - up, across, up), names)
    keys.legend(page.axes(6.85, 0.5, across, top - up - 0.65), entries)
    return page.figure


def _draw_lines(axes: Axes, rate: np.ndarray, distortion: np.ndarray, far: tuple[float, float]) -> None:
    """Convex hull and frontier; the frontier's ends reach as `far` in rate and distortion as the axes."""
    hull = frontier.lower_hull(rate, distortion)
    axes.plot(rate[hull], distortion[hull], color=style.GREY, linewidth=2.6, solid_capstyle="round", zorder=1.5)
    stairs = frontier.staircase(rate, distortion, top=far[1], right=far[0])
    axes.plot(*stairs, color="black", linewidth=1.2, zorder=2)
