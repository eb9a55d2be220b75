"""Samples of the cells that a configuration selects: `figures.sample_grids`, a figure for each of its keys."""

from collections.abc import Sequence

import matplotlib.figure
import pandas as pd

from rdplane.declare import Figure
from rdplane.experiment.layout import cell_of
from rdplane.figures.runs import precisions
from rdplane.figures.samples import Samples, draw_grid

__all__ = ["draw_samples_selected"]

FIGURE = Figure(
    name="samples_selected", title="Reconstructions and generations", draws="draw_samples_selected",
    needs=("samples",), place=11, caption="Samples of the cells that the configuration selects.",
)  # fmt: skip


def draw_samples_selected(
    table: pd.DataFrame,
    samples: Samples,
    cells: Sequence[str],
    *,
    title: str = FIGURE.title,
    note: str | None = None,
) -> matplotlib.figure.Figure:
    """The samples of those of `cells` that are finished, in the order of the table.

    Args:
        table: one row per run.
        samples: gives those of a cell.
        title: heading; '' leaves it and the subtitle out.
        note: a line under the title.

    Raises:
        UserError: none of them is finished.
    """
    shown = table[table["cell"].map(cell_of).isin(cells)]
    return draw_grid(shown, samples, title, note=note, footnotes=precisions(table))
