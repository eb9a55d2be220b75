"""Training curves of all runs: rate and distortion of the validation images over the epochs."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import matplotlib
import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rdplane.declare import Figure, Objective
from rdplane.declare.registry import declared
from rdplane.experiment.architectures import place
from rdplane.figures import marks, runs, style

__all__ = ["draw_training_curves"]

FIGURE = Figure(
    name="training_curves", title="Training curves", draws="draw_training_curves", needs=("histories",), place=4,
    caption="Rate and distortion of the validation images over the epochs, by architecture.",
)  # fmt: skip

_LINES = 14  # in the key
# Of the columns with the numbers of the runs' objectives, in the order of these: beta has one map, of whatever
# objective it is. The palest end of a map is left out: it would vanish on white.
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

    The colour of a line is the number of the run's objective, such as its beta. A training that gives a curve has a
    line for each beta at which it was validated.

    Args:
        table: one row per run or point of a curve.
        histories: of the training run of each row, in the same order (see `rdplane.figures.training.read_history`).
        title, note, missing: as `rdplane.figures.rd_plane.draw_rd_plane`.

    Raises:
        ValueError: the numbers of rows and of histories differ.
    """
    if len(table) != len(histories):
        raise ValueError(f"{len(table)} runs and {len(histories)} histories; expected as many")
    trained = _trained(table, histories)
    lines = [line for each in trained for line in each]
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
    looks = _Looks(lines)
    longest = max(float(line.history["epoch"].max()) for line in lines)
    first = min(float(line.history["epoch"].min()) for line in lines)
    for half, (column, heading) in enumerate((("valid_rate", "Rate R"), ("valid_distortion", "Distortion D"))):
        values = np.concatenate([line.history[column].to_numpy(dtype=float) for line in lines])
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
            chosen = [line for line in lines if line.architecture == name]
            axes.add_collection(
                LineCollection(
                    [line.history[["epoch", column]].to_numpy(dtype=float) for line in chosen],
                    colors=[looks.colour(line.objective, line.number) for line in chosen],
                    linestyles=[looks.dashes[line.objective] for line in chosen],
                    linewidths=1.2 if len(lines) <= 100 else 0.7,
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


class _Line(NamedTuple):
    """What one line shows: a training run, or one beta at which a training of a whole curve was validated."""

    architecture: str
    objective: str
    number: float
    history: pd.DataFrame


def _trained(table: pd.DataFrame, histories: Sequence[pd.DataFrame]) -> list[list[_Line]]:
    """The lines of each training run in the order of the table; once, however many points its curve has."""
    table = table.reset_index(drop=True)
    numbers, points = runs.numbers(table), runs.on_curves(table)
    trained = []
    for index in runs.trainings(table).index.tolist():
        history, architecture, objective = histories[index], table["architecture"][index], table["objective"][index]
        parts = [part for _, part in history.groupby("beta")] if points[index] else [history]
        each = [float(part["beta"].iloc[0]) if points[index] else numbers[index] for part in parts]
        trained.append([_Line(architecture, objective, *of) for of in zip(each, parts, strict=True)])
    return trained


class _Looks:
    """Colours and dashes of lines: dashes for each objective, a colour map for each column that holds numbers.

    The scale of a map is logarithmic unless its numbers reach 0.
    """

    def __init__(self, lines: Sequence[_Line]):
        present = {line.objective for line in lines}
        self._objectives = [objective for name, objective in declared().objectives.items() if name in present]
        self.dashes = {objective.name: _DASHES[i % 4] for i, objective in enumerate(self._objectives)}
        self._holds = {objective.name: objective.holds for objective in self._objectives}
        self._columns = list(dict.fromkeys(self._holds.values()))
        self._numbers = {name: sorted({line.number for line in lines if line.objective == name}) for name in present}

    def colour(self, objective: str, number: float) -> tuple[float, float, float, float]:
        """Colour of a number of an objective."""
        column = self._holds[objective]
        index = self._columns.index(column)
        values = [value for name, numbers in self._numbers.items() if self._holds[name] == column for value in numbers]
        low, high = min(values), max(values)
        scale = Normalize(low, high) if low <= 0 else LogNorm(low, high)
        place = 0.7 if low == high else float(scale(number))
        start = 0.35 if index else 0.12
        return matplotlib.colormaps[_MAPS[index % 4]](start + (1 - start) * place)

    @staticmethod
    def _heading(objective: Objective) -> str:
        """Above the numbers of an objective in the key."""
        return f"{runs.symbol(objective)} of curves" if objective.conditions else runs.symbol(objective)

    def key(self, page: style.Page, left: float, bottom: float, height: float) -> None:
        """One line for each number, thinned where they are too many, from the top."""
        most = max(2, _LINES // len(self._objectives))
        handles = []
        for index, objective in enumerate(self._objectives):
            if index:  # a heading without a line; the first one's is the title
                handles.append(Line2D([], [], linestyle="none", label=self._heading(objective)))
            values = self._numbers[objective.name]
            if len(values) > most:
                values = [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]
            for value in values:
                colour, dashes = self.colour(objective.name, value), self.dashes[objective.name]
                label = f"{value:.3g}" if objective.conditions else f"{value:g}"  # the middle of a range has all digits
                handles.append(Line2D([], [], color=colour, linestyle=dashes, linewidth=2, label=label))
        dashed = any(objective.conditions for objective in self._objectives)
        axes = page.axes(left, bottom, 0.9, height)
        axes.axis("off")
        axes.legend(
            handles=handles,
            title=self._heading(self._objectives[0]),
            loc="upper left",
            bbox_to_anchor=(0, 1),
            frameon=False,
            borderaxespad=0,
            handlelength=1.9 if dashed else 1.2,
            title_fontsize=style.BODY,
            alignment="left",
        )
