"""Training curves of one cell: rate, distortion and the weight of the rate over its epochs."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.figures import marks, runs, style

__all__ = ["draw_training", "read_history"]

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
    """Read a cell's ``history.csv``, one row per epoch.

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
    """Rate, distortion and beta, the weight of the rate, of one run over its epochs, on training and validation images.

    Args:
        history: see `read_history`.
        run: the run's row of the table.
        note: a line under the title.
    """
    page = style.Page(6.4, 5.6, f"Training of {marks.sign(run['architecture'])}, {runs.label(run)}", _cell(run), note)
    panels = (("rate", "Rate R\n(nats per image)"), ("distortion", "Distortion D\n(nats per image)"), ("beta", "β"))
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


def _line(axes: Axes, history: pd.DataFrame, column: str, colour: str, name: str, dashes: str) -> None:
    marker = "o" if len(history) <= 12 else ""
    axes.plot(
        history["epoch"],
        history[column],
        color=colour,
        linewidth=1.4,
        linestyle=dashes or "-",
        marker=marker,
        markersize=3,
        label=name or None,
    )


def _cell(run: pd.Series) -> str:
    number = runs.symbol(declared().objectives[run["objective"]])
    anneal = f"{number} annealed over {run['anneal']} epochs" if run["anneal"] else "no annealing"
    return f"{run['dataset']}, {anneal}, seed {run['seed']}, {runs.counted(int(run['epochs']), 'epoch')}"
