"""-ELBO against rate (Figure 3b of the paper)."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rdplane.declare import Figure
from rdplane.experiment.architectures import place
from rdplane.figures import keys, plane, references, runs, style
from rdplane.table.paper import published_points

__all__ = ["draw_elbo_rate"]

FIGURE = Figure(
    name="elbo_rate", title="−ELBO against rate", draws="draw_elbo_rate", place=3,
    caption="-ELBO against rate (Figure 3b): runs of one height are equal to the ELBO and differ in what their code "
    "holds.",
)  # fmt: skip

# The close-up shows runs whose -ELBO exceeds the best by at most this share, as the paper's 80 to 89 nats. Its heading
# says how many nats that comes to.
CLOSE = 0.12


@style.styled
def draw_elbo_rate(
    table: pd.DataFrame,
    *,
    title: str = FIGURE.title,
    note: str | None = None,
    missing: Sequence[str] = (),
    published: bool = False,
) -> matplotlib.figure.Figure:
    """-ELBO = R + D against rate, one mark per run: all runs, and beside them a close-up of the best.

    A curve of one training is a line. The dashed line is the best -ELBO H^ up to R = H^ and -ELBO = R from there on,
    where D would be below 0; where the density of the images is known, the true boundary H takes its place, which the
    close-up shows if that leaves half of it to the runs. A PixelCNN++ alone adds its prefix code, which is level. The
    close-up is left out when it would show the same runs. Images of 8 bits have a second scale, in bits per dimension.

    Args:
        table, title, note, missing, published: as `rdplane.figures.rd_plane.draw_rd_plane`.
    """
    points = published_points(table["dataset"].iloc[0] if published else "")
    known = references.references(table)
    best = known.best
    close = _close(table, best)
    split = 2 <= len(close) < len(table)
    views = [("All runs", table, points)]
    if split:
        excess = float(close["neg_elbo"].max()) - best
        views.append((f"Close-up: up to {max(1, math.ceil(excess))} nats above the best", close, _close(points, best)))
    each, bits = 4.1 if split else 5.9, _bits(table)
    gap = 0.75 if bits is None else 1.3
    wide = (each + gap) * len(views)
    names = place([*table["architecture"], *points["architecture"]])
    across, up = keys.architecture_key_size(names)
    explained = references.entries(known)
    page = style.Page(
        wide + 0.25 + across,
        max(4.9 if split else 5.4, up + 2.7 + keys.legend_size(explained)),
        title,
        runs.describe(table),
        note,
        runs.footnotes(table, missing),
    )
    top = page.height - 0.3
    entries: list[keys.Entry] = []
    for column, (heading, shown, printed) in enumerate(views):
        axes = page.axes(0.65 + column * (each + gap), 0.5, each, top - 0.5)
        xlim = style.spread(np.concatenate(([0.0], shown["rate"], printed["rate"])))
        heights = np.concatenate(([best], shown["neg_elbo"], printed["neg_elbo"]))
        if shown is table or best - known.lowest <= np.ptp(heights):
            heights = np.append(heights, known.lowest)
        ylim = style.spread(heights)
        axes.set(xlabel=style.RATE, ylabel=style.NEG_ELBO, xlim=xlim, ylim=ylim)
        if split:
            axes.set_title(heading, loc="left", color=style.INK)
        references.draw(axes, known, (xlim[1], ylim[1]), "neg_elbo")
        # All runs in both: the curves of the close-up then lead to the runs outside it.
        entries = plane.draw_runs(axes, table, "neg_elbo", points)
        axes.set(xlim=xlim, ylim=ylim)
        if bits is not None:
            _add_scale(axes, bits)
        plane.label_runs(axes, shown, "neg_elbo", references.name_infeasible(axes, known, "neg_elbo"))
    keys.architecture_key(page.axes(wide + 0.2, top - up, across, up), names)
    lines = [*references.best_entries(known, f"{best:.1f}, the best −ELBO"), *explained]
    keys.legend(page.axes(wide + 0.2, 0.5, across, top - up - 0.65), [*lines, *entries])
    return page.figure


def _add_scale(axes: Axes, bits: float) -> None:
    """A second scale on the right; `bits` per dimension are one nat an image."""

    def there(nats: Any) -> Any:
        return nats * bits

    def back(per_dim: Any) -> Any:
        return per_dim / bits

    axes.secondary_yaxis("right", functions=(there, back)).set_ylabel("−ELBO (bits per dimension)")


def _bits(table: pd.DataFrame) -> float | None:
    """Bits per dimension of one nat an image; None if the images are binary, or of several sizes."""
    factors = (table["bits_per_dim"] / table["neg_elbo"]).dropna()
    return float(factors.iloc[0]) if len(factors) == len(table) and np.ptp(factors) < 1e-9 else None


def _close(table: pd.DataFrame, best: float) -> pd.DataFrame:
    return table[table["neg_elbo"] <= best + CLOSE * abs(best)]
