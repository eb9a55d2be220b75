"""The RD plane of all runs (Figure 3a (i) of the paper)."""

from collections.abc import Sequence

import matplotlib.figure
import numpy as np
import pandas as pd

from rdplane.declare import Figure
from rdplane.experiment.architectures import place
from rdplane.figures import keys, plane, runs, style
from rdplane.table import frontier

__all__ = ["draw_rd_plane"]

FIGURE = Figure(
    name="rd_plane", title="Rate-distortion plane", draws="draw_rd_plane", place=1,
    caption="Every run on the RD plane (Figure 3a of the paper): stepwise Pareto frontier, convex hull, and the "
    "diagonal of the best -ELBO. Shape is the marginal, light or dark the decoder, hollow or filled the encoder.",
)  # fmt: skip


@style.styled
def draw_rd_plane(
    table: pd.DataFrame,
    *,
    note: str | None = None,
    missing: Sequence[str] = (),
    published: bool = False,
) -> matplotlib.figure.Figure:
    """Distortion against rate, one mark per run, with the stepwise Pareto frontier, the convex hull and the diagonal.

    The diagonal R + D = H^ joins all places with the ELBO of the best run: whatever lies above is in principle
    achievable by a powerful enough model.

    Args:
        table: one row per run, at least one (see `rdplane.table.rd.read_table`).
        note: a line under the title, such as the warning that a training run is small.
        missing: names of cells that should have been in the table.
        published: add the values printed in the paper for this data set.
    """
    points = runs.published_points(table["dataset"].iloc[0] if published else "")
    rate, distortion = table["rate"].to_numpy(), table["distortion"].to_numpy()
    best = float(table["neg_elbo"].iloc[frontier.best_elbo(rate, distortion)])
    xlim = _limits(np.concatenate((rate, points["rate"])), best, shortest=0.55 * best)
    ylim = _limits(np.concatenate((distortion, points["distortion"])), best, shortest=1.05 * best)
    outside = int(((rate > xlim[1]) | (distortion > ylim[1])).sum())
    footnotes = runs.footnotes(table, missing)
    if outside:
        footnotes.append(f"{runs.counted(outside, 'run')} beyond the axes, at more than three times the best −ELBO")
    names = place([*table["architecture"], *points["architecture"]])
    across, up = keys.architecture_key_size(names)
    page = style.Page(6.8 + across, max(5.6, up + 3.0), FIGURE.title, runs.describe(table), note, footnotes)
    axes = page.axes(0.65, 0.5, 5.9, page.height - 0.55)
    axes.set(xlabel=style.RATE, ylabel=style.DISTORTION, xlim=xlim, ylim=ylim)
    diagonal = axes.plot([0, best], [best, 0], color=style.FAINT, linestyle=keys.DASHED, linewidth=1.1, zorder=1)
    entries = [
        keys.line("Pareto frontier", "black", 1.2),
        keys.line(f"R + D = {best:.1f}, the best −ELBO", style.FAINT, 1.1, (0, (4, 2.5))),
    ]
    vertices = frontier.lower_hull(rate, distortion)
    hull = axes.plot(
        rate[vertices], distortion[vertices], color=style.GREY, linewidth=2.6, solid_capstyle="round", zorder=1.5
    )
    if len(vertices) > 1:
        entries.insert(1, keys.line("convex hull", style.GREY, 2.6))
    stairs = frontier.staircase(rate, distortion, top=ylim[1], right=xlim[1])
    steps = axes.plot(*stairs, color="black", linewidth=1.2, zorder=2)
    entries += plane.draw_runs(axes, table, "distortion", points)
    plane.label_runs(axes, table, "distortion", diagonal + hull + steps)
    top = page.height - 0.05
    keys.architecture_key(page.axes(6.85, top - up, across, up), names)
    keys.legend(page.axes(6.85, 0.5, across, top - up - 0.65), entries)
    return page.figure


def _limits(values: np.ndarray, best: float, shortest: float) -> tuple[float, float]:
    """From just below 0, so that marks at R = 0 stay whole, to the largest value that is not an outlier."""
    kept = values[values <= 3 * best]
    high = max(shortest, 1.05 * float(kept.max(initial=0.0)))
    return min(-0.02 * high, 1.05 * float(values.min())), high
