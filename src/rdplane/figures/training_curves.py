"""Training curves of all runs: rate and distortion of the validation images over the epochs."""

import math
from collections.abc import Sequence
from typing import Literal

import matplotlib
import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rdplane.declare import Figure
from rdplane.experiment.architectures import place
from rdplane.figures import marks, runs, style

__all__ = ["draw_training_curves"]

FIGURE = Figure(
    name="training_curves", title="Training curves", draws="draw_training_curves", needs=("histories",), place=4,
    caption="Rate and distortion of the validation images over the epochs, by architecture.",
)  # fmt: skip

_LINES = 14  # in the key
# Of the runs' objectives in their order. The palest end of a map is left out: it would vanish on white.
_MAPS = ("viridis_r", "Greys", "Reds", "Purples")
_DASHES: tuple[Literal["solid", "dashed", "dotted", "dashdot"], ...] = ("solid", "dashed", "dotted", "dashdot")


@style.styled
def draw_training_curves(
    table: pd.DataFrame,
    histories: Sequence[pd.DataFrame],
    *,
    title: str = FIGURE.title,
    note: str | None = None,
    missing: Sequence[str] = (),
) -> matplotlib.figure.Figure:
    """Validation rate and distortion of all runs over their epochs: a panel for each architecture.

    The colour of a line is the number of the run's objective, such as its beta.

    Args:
        table: one row per run.
        histories: the runs' histories in the same order (see `rdplane.figures.training.read_history`).
        title, note, missing: as `rdplane.figures.rd_plane.draw_rd_plane`.

    Raises:
        ValueError: the numbers of rows and of histories differ.
    """
    if len(table) != len(histories):
        raise ValueError(f"{len(table)} runs and {len(histories)} histories; expected as many")
    names = place(table["architecture"])
    across = min(len(names), 6)
    rows = math.ceil(len(names) / across)
    side, gap, block = 1.45, 0.16, 0.55
    up = rows * (side * 0.85 + gap + 0.16)
    page = style.Page(
        max(0.85 + across * (side + gap) + 1.0, 5.5),
        2 * up + block + 0.35,
        title,
        f"{runs.describe(table, measured=False)}; on validation images",
        note,
        runs.footnotes(table, missing),
    )
    looks = _Looks(table)
    longest = max(float(history["epoch"].max()) for history in histories)
    first = min(float(history["epoch"].min()) for history in histories)
    for half, (column, heading) in enumerate((("valid_rate", "Rate R"), ("valid_distortion", "Distortion D"))):
        values = np.concatenate([history[column].to_numpy(dtype=float) for history in histories])
        limits = style.spread(values[np.isfinite(values)])
        base = 0.45 + (1 - half) * (up + block)
        for index, name in enumerate(names):
            row, column_of_page = divmod(index, across)
            axes = page.axes(
                0.85 + column_of_page * (side + gap),
                base + (rows - 1 - row) * (side * 0.85 + gap + 0.16),
                side,
                side * 0.85,
            )
            chosen = np.flatnonzero((table["architecture"] == name).to_numpy()).tolist()
            axes.add_collection(
                LineCollection(
                    [histories[i][["epoch", column]].to_numpy(dtype=float) for i in chosen],
                    colors=[looks.colour(table["objective"].iloc[i], looks.numbers.iloc[i]) for i in chosen],
                    linestyles=[looks.dashes[table["objective"].iloc[i]] for i in chosen],
                    linewidths=1.2 if len(table) <= 100 else 0.7,
                )
            )
            axes.set(xlim=style.spread([first, longest], 0.02), ylim=limits)
            axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
            axes.yaxis.set_major_locator(MaxNLocator(4))
            axes.set_title(marks.sign(name), family="DejaVu Sans Mono", size=style.SMALL, pad=3)
            axes.tick_params(labelleft=column_of_page == 0, labelbottom=row == rows - 1 or index + across >= len(names))
        page.text(
            0.0,
            base + up / 2 - 0.1,
            f"{heading}\n(nats per image)",
            linespacing=1.3,
            multialignment="center",
            rotation=90,
            va="center",
            ha="left",
            size=style.BODY,
        )
        page.text(0.85 + across * (side + gap) / 2, base - 0.28, "Epoch", ha="center", va="top", size=style.BODY)
    looks.key(page, 0.85 + across * (side + gap) + 0.1, 0.45, 2 * up + block - 0.4)
    return page.figure


class _Looks:
    """Colours and dashes of lines: dashes and a colour map for each objective, on which its numbers lie.

    The scale of a map is logarithmic unless its numbers reach 0.
    """

    def __init__(self, table: pd.DataFrame):
        self.numbers = runs.numbers(table)
        self._objectives = runs.objectives(table)
        self.dashes = {objective.name: _DASHES[i % 4] for i, objective in enumerate(self._objectives)}
        self._maps = {objective.name: _MAPS[i % 4] for i, objective in enumerate(self._objectives)}
        self._values = {
            objective.name: sorted(self.numbers[table["objective"] == objective.name].unique())
            for objective in self._objectives
        }

    def colour(self, objective: str, number: float) -> tuple[float, float, float, float]:
        """Colour of a number of an objective."""
        values = self._values[objective]
        low, high = values[0], values[-1]
        scale = Normalize(low, high) if low <= 0 else LogNorm(low, high)
        place = 0.7 if low == high else float(scale(number))
        start = 0.12 if objective == self._objectives[0].name else 0.35
        return matplotlib.colormaps[self._maps[objective]](start + (1 - start) * place)

    def key(self, page: style.Page, left: float, bottom: float, height: float) -> None:
        """One line for each number, thinned where they are too many, from the top."""
        most = max(2, _LINES // len(self._objectives))
        handles = []
        for index, objective in enumerate(self._objectives):
            if index:  # a heading without a line; the first one's is the title
                handles.append(Line2D([], [], linestyle="none", label=runs.symbol(objective)))
            values = self._values[objective.name]
            if len(values) > most:
                values = [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]
            for value in values:
                colour, dashes = self.colour(objective.name, value), self.dashes[objective.name]
                handles.append(Line2D([], [], color=colour, linestyle=dashes, linewidth=2, label=f"{value:g}"))
        axes = page.axes(left, bottom, 0.9, height)
        axes.axis("off")
        axes.legend(
            handles=handles,
            title=runs.symbol(self._objectives[0]),
            loc="upper left",
            bbox_to_anchor=(0, 1),
            frameon=False,
            borderaxespad=0,
            handlelength=1.2,
            title_fontsize=style.BODY,
            alignment="left",
        )
