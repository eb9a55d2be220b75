"""Draw one of an experiment's figures by name, from its folder: what the workflow and the command line call."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from rdplane.aggregate import read_table
from rdplane.errors import UserError
from rdplane.figures import style
from rdplane.figures.choose import CHOICES
from rdplane.figures.elbo_rate import draw_elbo_rate
from rdplane.figures.groups import draw_groups
from rdplane.figures.measures import draw_marginal_gap, draw_probe
from rdplane.figures.rd_plane import draw_rd_plane
from rdplane.figures.runs import read_missing
from rdplane.figures.samples import draw_samples, read_samples
from rdplane.figures.training import draw_training, draw_training_overview, read_history
from rdplane.layout import PLOTS
from rdplane.tables import with_category

__all__ = ["draw", "draw_cell"]

# The column that a figure cannot do without.
MEASURED = {"probe_accuracy": "probe_accuracy", "marginal_gap": "mi_upper"}


def draw(name: str, folder: Path, settings: dict[str, Any]) -> None:
    """Write `figures/<name>.png` and `.pdf` below an experiment's folder.

    Args:
        name: one of `rdplane.layout.PLOTS`, or ``samples_...``.
        folder: ``results/<experiment>``, with `rd.csv`, `missing.csv` and the cells' folders.
        settings: `note`, `published`, and for samples `cells`, the names of the cells shown.

    Raises:
        UserError: a file is missing or damaged, or there is no cell to draw.
    """
    table = read_table(folder / "rd.csv")
    if table.empty:
        raise UserError(f"{folder / 'rd.csv'} has no rows, so there is nothing to draw; run the cells first")
    figure = _figure(name, folder, with_category(table), settings)
    style.save(figure, folder / "figures" / f"{name}.png", folder / "figures" / f"{name}.pdf")


def draw_cell(folder: Path, cell: str, settings: dict[str, Any]) -> None:
    """Write the training curves of one cell, `training.png` and `.pdf` in its folder.

    Args:
        folder: ``results/<experiment>``.
        cell: the cell's name.
        settings: `note`.

    Raises:
        UserError: the cell has no row in the table, or its history is missing or damaged.
    """
    table = read_table(folder / "rd.csv")
    rows = table[table.cell == cell]
    if rows.empty:
        raise UserError(f"{folder / 'rd.csv'} has no cell {cell}; run it first")
    place = folder / "cells" / cell
    figure = draw_training(read_history(place / "history.csv"), rows.iloc[0], note=settings["note"])
    style.save(figure, place / "training.png", place / "training.pdf")


def _figure(name: str, folder: Path, table: pd.DataFrame, settings: dict[str, Any]) -> Figure:
    note, missing = settings["note"], read_missing(folder / "missing.csv")
    if name == "rd_plane":
        return draw_rd_plane(table, note=note, missing=missing, published=settings["published"])
    if name == "elbo_rate":
        return draw_elbo_rate(table, note=note, missing=missing, published=settings["published"])
    if name == "rd_plane_by_group":
        return draw_groups(table, note=note, missing=missing)
    if name in MEASURED and table[MEASURED[name]].isna().all():
        # Too few labelled images for the folds, say: no reason to fail a finished grid.
        reason = f"No run has a value for {MEASURED[name]}: the evaluation leaves it out for this dataset."
        return style.Page(9.3, 0.3, name.replace("_", " ").capitalize(), reason, note).figure
    if name == "probe_accuracy":
        return draw_probe(table, note=note, missing=missing)
    if name == "marginal_gap":
        return draw_marginal_gap(table, note=note, missing=missing)
    if name == "training_curves":
        histories = [read_history(folder / "cells" / cell / "history.csv") for cell in table.cell]
        return draw_training_overview(table, histories, note=note, missing=missing)
    if name.startswith("samples_"):
        choose, title = CHOICES.get(name, (None, "Reconstructions and generations"))
        shown = choose(table) if choose else table[table.cell.isin(settings["cells"])]
        if shown.empty:
            raise UserError(f"none of the cells of the figure {name} is finished; run them first")
        arrays = [read_samples(folder / "cells" / cell / "samples.npz") for cell in shown.cell]
        return draw_samples(shown, arrays, title=title, note=note)
    raise UserError(
        f"figure {name!r} is unknown; expected one of {', '.join(PLOTS)} or samples_<name of a sample grid>"
    )
