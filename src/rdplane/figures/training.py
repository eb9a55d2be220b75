"""Training curves of one cell: rate, distortion and the weight of the rate over its epochs."""

from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
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
    """Read a cell's ``history.csv``: one row per epoch, or of a training that gives a curve one per beta validated.

    A curve is validated at the betas that its training has reached, so that later epochs have more rows.

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

    Of a training that gives a curve: one line for each beta at which it was validated, and one for training, whose
    batches have betas of the whole range.

    Args:
        history: see `read_history`.
        run: the run's row of the table, or any of a curve's.
        note: a line under the title.
    """
    validated = _validated(history, run)
    curve = declared().objectives[run["objective"]].conditions
    subject = runs.label(run) if not curve else f"β {history['beta'].min():.3g} to {history['beta'].max():.3g}"
    title = f"Training of {marks.sign(run['architecture'])}, {subject}"
    page = style.Page(6.7 if curve else 6.4, 5.6, title, _cell(run), note)
    beta = "β of validation" if curve else "β"
    panels = (("rate", "Rate R\n(nats per image)"), ("distortion", "Distortion D\n(nats per image)"), ("beta", beta))
    for row, (name, heading) in enumerate(panels):
        axes = page.axes(0.8, 0.5 + 1.72 * (2 - row), 4.6, 1.5)
        axes.set_ylabel(heading)
        if name == "beta":
            for part, colour, _ in validated:
                _line(axes, part, name, colour if curve else style.INK, "", "")
            axes.set_xlabel("Epoch")
            axes.set_ylim(style.spread(np.append(history[name], 0.0), 0.08))
        else:
            what = "training, all β" if curve else "training"
            _line(axes, history.drop_duplicates("epoch"), f"train_{name}", _TRAIN, what, "--")
            for part, colour, label in validated:
                _line(axes, part, f"valid_{name}", colour, label, "-")
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


def _validated(history: pd.DataFrame, run: pd.Series) -> list[tuple[pd.DataFrame, str, str]]:
    """The history of each beta at which a run was validated, with its colour and what the key calls it."""
    objective = declared().objectives[run["objective"]]
    if not objective.conditions:
        return [(history, _VALID, "validation")]
    parts = list(history.groupby("beta"))
    palette = sns.color_palette("viridis_r", len(parts) + 1).as_hex()[1:]  # without the palest
    labels = [f"validation, {objective.called(part['beta'].iloc[0])}" for _, part in parts]
    return [(part, colour, label) for (_, part), colour, label in zip(parts, palette, labels, strict=True)]


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
    objective = declared().objectives[run["objective"]]
    anneal = f"{runs.symbol(objective)} annealed over {run['anneal']} epochs" if run["anneal"] else "no annealing"
    how = objective.title if objective.conditions else anneal
    return f"{run['dataset']}, {how}, seed {run['seed']}, {runs.counted(int(run['epochs']), 'epoch')}"
