"""What the figures of a measure against the rate share: the runs that have it, their marks, what is said below."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rdplane.errors import UserError
from rdplane.experiment.architectures import place
from rdplane.figures import curve_lines, marks, runs, style

__all__ = ["GUIDE", "draw_marks", "footnotes", "having"]

GUIDE: dict[str, Any] = {"color": style.FAINT, "linewidth": 1.0, "zorder": 1}
"""How lines that help to read the axes are drawn."""


def having(table: pd.DataFrame, column: str, reason: str) -> pd.DataFrame:
    """The runs that have a value in a column.

    Args:
        reason: why there may be none.

    Raises:
        UserError: there is none.
    """
    found = table[table[column].notna()]
    if found.empty:
        raise UserError(f"no cell has {column}, so there is nothing to draw: {reason}")
    return found


def footnotes(table: pd.DataFrame, found: pd.DataFrame, missing: Sequence[str]) -> list[str]:
    """What stands below the figure: as everywhere, and how many of the runs lack the measure."""
    lacking = table[~table.index.isin(found.index)]
    notes = runs.footnotes(table, missing)
    return [*notes, f"{runs.counted_rows(lacking)} without this measure"] if len(lacking) else notes


def draw_marks(
    axes: Axes,
    table: pd.DataFrame,
    y: np.ndarray,
    x_error: pd.Series | None = None,
    y_error: pd.Series | np.ndarray | None = None,
) -> None:
    """Draw the runs of a table at (rate, `y`), with error bars where errors are given, and its curves as lines."""
    rate, architectures = table["rate"].to_numpy(), table["architecture"].to_numpy()
    scale, points = marks.size(len(runs.trainings(table))), runs.on_curves(table).to_numpy()
    if points.any():
        curve_lines.draw_curves(axes, table, y, scale)
    if y_error is not None and not points.all():
        errors = {name: np.asarray(e)[~points] for name, e in (("xerr", x_error), ("yerr", y_error)) if e is not None}
        bars: dict[str, Any] = {"fmt": "none", "ecolor": style.INK, "elinewidth": 0.7, "alpha": 0.7, "zorder": 2.5}
        axes.errorbar(rate[~points], y[~points], **errors, **bars)
    for architecture in place(architectures[~points]):
        chosen = (architectures == architecture) & ~points
        marks.scatter(axes, rate[chosen], y[chosen], architecture, scale)
    annealed = table.index.isin(runs.apart_by_annealing(table).index)
    marks.ring(axes, rate[annealed], y[annealed], scale)
