"""Training curves: rate, distortion and beta over the epochs, of one run and of all."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rdplane.errors import UserError
from rdplane.figures import runs as data
from rdplane.figures import style

__all__ = ["draw_training", "draw_training_overview", "read_history"]

_COLUMNS = (
    "epoch",
    "beta",
    "learning_rate",
    "train_rate",
    "train_distortion",
    "valid_rate",
    "valid_distortion",
    "seconds",
    "images_per_second",
)
_TRAIN, _VALID = "#8c8c8c", "#1f5a99"


def read_history(path: str | Path) -> pd.DataFrame:
    """Read a cell's ``history.csv``, one row an epoch.

    Raises:
        UserError: the file is missing, not a table, empty, or lacks a column.
    """
    remedy = "delete the cell's folder and train it again"
    try:
        history = pd.read_csv(path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; train the cell first") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a table ({error}); {remedy}") from None
    missing = [column for column in _COLUMNS if column not in history.columns]
    if missing:
        raise UserError(f"{path}: column {missing[0]} is missing, expected {', '.join(_COLUMNS)}; {remedy}")
    if history.empty:
        raise UserError(f"{path}: no epoch is recorded; {remedy}")
    return history


@style.styled
def draw_training(history: pd.DataFrame, run: pd.Series, *, note: str | None = None) -> Figure:
    """Rate, distortion and beta of one run over its epochs, on training and validation images.

    Args:
        history: see `read_history`.
        run: the run's row of the table.
        note: a line under the title.
    """
    page = style.Page(6.4, 5.6, f"Training of {style.sign(run['architecture'])}, {data.label(run)}", _cell(run), note)
    panels = (("rate", "Rate R\n(nats an image)"), ("distortion", "Distortion D\n(nats an image)"), ("beta", "β"))
    for row, (name, heading) in enumerate(panels):
        axes = page.axes(0.8, 0.5 + 1.72 * (2 - row), 4.6, 1.5)
        axes.set_ylabel(heading)
        if name == "beta":
            _line(axes, history, name, style.INK, "", "")
            axes.set_xlabel("Epoch")
            axes.set_ylim(style.spread(np.append(history[name], 0.0), 0.08))
        else:
            _line(axes, history, f"train_{name}", _TRAIN, "training", "--")
            _line(axes, history, f"valid_{name}", _VALID, "validation", "-")
            axes.tick_params(labelbottom=False)
        axes.axvline(
            run["epoch"],
            color=style.ACCENT,
            linewidth=0.9,
            linestyle=":",
            label=f"weights used\n(epoch {run['epoch']})",
        )
        axes.set_xlim(style.spread(history["epoch"], 0.02))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        if row == 0:
            axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, borderaxespad=0, handlelength=1.6)
    return page.figure


def _line(axes: Axes, history: pd.DataFrame, column: str, colour: str, name: str, style_: str) -> None:
    marker = "o" if len(history) <= 12 else ""
    axes.plot(
        history["epoch"],
        history[column],
        color=colour,
        linewidth=1.4,
        linestyle=style_ or "-",
        marker=marker,
        markersize=3,
        label=name or None,
    )


def _cell(run: pd.Series) -> str:
    anneal = f"β annealed over {run['anneal']} epochs" if run["anneal"] else "no annealing"
    return f"{run['dataset']}, {anneal}, seed {run['seed']}, {data.counted(int(run['epochs']), 'epoch')}"


@style.styled
def draw_training_overview(
    table: pd.DataFrame,
    histories: Sequence[pd.DataFrame],
    *,
    note: str | None = None,
    missing: Sequence[str] = (),
) -> Figure:
    """Validation rate and distortion of all runs over their epochs, one panel an architecture, coloured by beta.

    Args:
        table: one row a run.
        histories: the runs' histories in the same order.
        note, missing: as `rdplane.figures.draw_rd_plane`.

    Raises:
        ValueError: the numbers of rows and of histories differ.
    """
    if len(table) != len(histories):
        raise ValueError(f"{len(table)} runs and {len(histories)} histories; expected as many")
    names = style.in_order(table["architecture"])
    across = min(len(names), 6)
    rows = math.ceil(len(names) / across)
    side, gap, block = 1.45, 0.16, 0.55
    up = rows * (side * 0.85 + gap + 0.16)
    page = style.Page(
        max(0.85 + across * (side + gap) + 1.0, 5.5),
        2 * up + block + 0.35,
        "Training curves",
        f"{data.describe(table, measured=False)}; on validation images",
        note,
        data.absent(table, missing),
    )
    betas = table["beta"].dropna()
    colours = _Colours(betas)
    longest = max(float(history["epoch"].max()) for history in histories)
    first = min(float(history["epoch"].min()) for history in histories)
    for half, (column, heading) in enumerate((("valid_rate", "Rate R"), ("valid_distortion", "Distortion D"))):
        values = np.concatenate([history[column].to_numpy(dtype=float) for history in histories])
        limits = style.spread(values[np.isfinite(values)])
        base = 0.45 + (1 - half) * (up + block)
        for index, name in enumerate(names):
            row, place = divmod(index, across)
            axes = page.axes(
                0.85 + place * (side + gap), base + (rows - 1 - row) * (side * 0.85 + gap + 0.16), side, side * 0.85
            )
            chosen = np.flatnonzero((table["architecture"] == name).to_numpy()).tolist()
            axes.add_collection(
                LineCollection(
                    [histories[i][["epoch", column]].to_numpy(dtype=float) for i in chosen],
                    colors=[colours(table["beta"].iloc[i]) for i in chosen],
                    linewidths=1.2 if len(table) <= 100 else 0.7,
                )
            )
            axes.set(xlim=style.spread([first, longest], 0.02), ylim=limits)
            axes.xaxis.set_major_locator(MaxNLocator(3, integer=True))
            axes.yaxis.set_major_locator(MaxNLocator(4))
            axes.set_title(style.sign(name), family="DejaVu Sans Mono", size=style.SMALL, pad=3)
            axes.tick_params(labelleft=place == 0, labelbottom=row == rows - 1 or index + across >= len(names))
        page.text(
            0.0,
            base + up / 2 - 0.1,
            f"{heading}\n(nats an image)",
            linespacing=1.3,
            multialignment="center",
            rotation=90,
            va="center",
            ha="left",
            size=style.BODY,
        )
        page.text(0.85 + across * (side + gap) / 2, base - 0.28, "Epoch", ha="center", va="top", size=style.BODY)
    colours.key(page, 0.85 + across * (side + gap) + 0.1, 0.45, 2 * up + block - 0.4, bool(table["beta"].isna().any()))
    return page.figure


class _Colours:
    """Colours of beta, on a logarithmic scale unless 0 is among them; runs with a rate target are grey."""

    def __init__(self, betas: pd.Series):
        # The palest end of the map would vanish on white.
        self._map = matplotlib.colormaps["viridis_r"].resampled(256)
        low, high = (float(betas.min()), float(betas.max())) if len(betas) else (1.0, 1.0)
        self._single = low == high
        self._norm = Normalize(low, high) if low <= 0 else LogNorm(low, high)
        self._values = sorted(betas.unique())

    def __call__(self, beta: float) -> tuple[float, float, float, float]:
        if math.isnan(beta):
            return (0.5, 0.5, 0.5, 1.0)
        place = 0.7 if self._single else float(self._norm(beta))
        return self._map(0.12 + 0.88 * place)

    def key(self, page: style.Page, left: float, bottom: float, height: float, targets: bool) -> None:
        """One line a beta, thinned to at most 14, from the top."""
        values = self._values
        if len(values) > 14:
            values = [values[round(i * (len(values) - 1) / 13)] for i in range(14)]
        handles = [Line2D([], [], color=self(beta), linewidth=2, label=f"{beta:g}") for beta in values]
        if targets:
            handles.append(Line2D([], [], color=self(math.nan), linewidth=2, label="target R*"))
        axes = page.axes(left, bottom, 0.9, height)
        axes.axis("off")
        axes.legend(
            handles=handles,
            title="β",
            loc="upper left",
            bbox_to_anchor=(0, 1),
            frameon=False,
            borderaxespad=0,
            handlelength=1.2,
            title_fontsize=style.BODY,
            alignment="left",
        )
