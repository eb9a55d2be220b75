"""-ELBO against rate (Figure 3b of the paper)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rdplane import frontier
from rdplane.figures import runs as data
from rdplane.figures import style
from rdplane.figures.marks import draw_runs, label_runs, line_key

__all__ = ["draw_elbo_rate"]

# The close-up shows runs whose -ELBO exceeds the best by at most this share, as the paper's 80 to 89 nats.
CLOSE = 0.12


@style.styled
def draw_elbo_rate(
    table: pd.DataFrame,
    *,
    note: str | None = None,
    missing: Sequence[str] = (),
    published: bool = False,
) -> Figure:
    """-ELBO = R + D against rate, one mark a run: all runs, and beside them a close-up of the best.

    The dashed line is the best -ELBO H^ up to R = H^ and -ELBO = R from there on, where D would be below 0.
    The close-up is left out when it would show the same runs.

    Args: as `rdplane.figures.draw_rd_plane`.
    """
    points = data.published_points(table["dataset"].iloc[0]) if published else data.published_points("")
    best = float(table["neg_elbo"].iloc[frontier.best_elbo(table["rate"], table["distortion"])])
    close = _close(table, best)
    split = 2 <= len(close) < len(table)
    views = [("All runs", table, points)]
    if split:
        views.append((f"Runs within {CLOSE:.0%} of the best", close, _close(points, best)))
    each = 4.1 if split else 5.9
    wide = (each + 0.75) * len(views)
    page = style.Page(
        wide + 2.75,
        4.9 if split else 5.4,
        "−ELBO against rate",
        data.describe(table),
        note,
        data.absent(table, missing),
    )
    top = page.height - 0.3
    shown: list[str] = []
    for column, (heading, runs, printed) in enumerate(views):
        axes = page.axes(0.65 + column * (each + 0.75), 0.5, each, top - 0.5)
        xlim = style.spread(np.concatenate(([0.0], runs["rate"], printed["rate"])))
        ylim = style.spread(np.concatenate(([best], runs["neg_elbo"], printed["neg_elbo"])))
        axes.set(xlabel=style.RATE, ylabel=style.NEG_ELBO, xlim=xlim, ylim=ylim)
        if split:
            axes.set_title(heading, loc="left", color=style.INK)
        right = max(xlim[1], best)
        bound = axes.plot(
            [0, best, right],
            [best, best, right],
            color=style.FAINT,
            linestyle=(0, (5, 3)),
            linewidth=1.1,
            zorder=1,
            scalex=False,
        )
        # All runs in both: the curves of the close-up then lead to the runs outside it.
        shown = draw_runs(axes, table, "neg_elbo", points)
        axes.set(xlim=xlim, ylim=ylim)
        label_runs(axes, runs, "neg_elbo", bound)
    names = style.in_order([*table["architecture"], *points["architecture"]])
    style.architecture_key(page.axes(wide + 0.2, top - 2.2, 2.5, 2.2), names)
    line_key(page.axes(wide + 0.2, 0.5, 2.5, top - 2.85), ["diagonal", *shown], f"{best:.1f}, the best −ELBO")
    return page.figure


def _close(runs: pd.DataFrame, best: float) -> pd.DataFrame:
    return runs[runs["neg_elbo"] <= best + CLOSE * abs(best)]
