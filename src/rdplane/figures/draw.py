"""Draw one of an experiment's figures by name, from its folder: what the workflow and the command line call."""

from pathlib import Path
from typing import Any

import matplotlib.figure
import pandas as pd

from rdplane.declare.kinds import Figure
from rdplane.declare.objects import construct, explained
from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.experiment.layout import CURVE_GAP, PREFIX, SELECTED, cell_of
from rdplane.figures import style
from rdplane.figures.note import note_for
from rdplane.figures.runs import footnotes, read_missing
from rdplane.figures.samples import read_samples
from rdplane.figures.training import draw_training, read_history
from rdplane.table.category import with_category
from rdplane.table.curve_gap import read_gaps
from rdplane.table.prefix import read_prefix
from rdplane.table.rd import read_table

__all__ = ["draw", "draw_cell"]


def draw(name: str, folder: Path, settings: dict[str, Any]) -> bool:
    """Write `figures/<name>.png` and `.pdf` below an experiment's folder.

    Args:
        name: of a declared figure, or of a sample grid of the configuration.
        folder: ``results/<experiment>``, with `rd.csv`, `missing.csv` and the cells' folders.
        settings: `titles` (whether title and subtitle are printed), `note` (see `rdplane.figures.note.note_for`),
            `published`, and for a sample grid of the configuration `cells`, the names of those it shows.

    Returns:
        Whether there is something to see; otherwise the figure says why not.

    Raises:
        UserError: there is no such figure, a file is missing or damaged, or there is no cell to draw; or a user's own
            figure fails.
    """
    figures = declared().plots
    figure = figures.get(SELECTED if "cells" in settings else name)
    if figure is None:
        raise UserError(f"figure {name!r} is unknown; expected one of {', '.join(figures)}, or a sample grid")
    table = read_table(folder / "rd.csv")
    if table.empty:
        raise UserError(f"{folder / 'rd.csv'} has no rows, so there is nothing to draw; run the cells first")
    settings = settings | {"note": note_for(settings["note"], folder, table)}
    png, pdf = (folder / "figures" / f"{name}.{kind}" for kind in ("png", "pdf"))
    reason = _nothing(figure, folder, table)
    if reason:
        notes = footnotes(table, read_missing(folder / "missing.csv"))
        style.save(style.empty(_title(figure, settings), reason, settings["note"], notes), png, pdf)
        return False
    with explained(f"the figure {figure.name} cannot be drawn", figure):
        style.save(_drawn(figure, _known(figure, folder, with_category(table), settings)), png, pdf)
    return True


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
    rows = table[table.cell.map(cell_of) == cell]
    if rows.empty:
        raise UserError(f"{folder / 'rd.csv'} has no cell {cell}; run it first")
    place = folder / "cells" / cell
    note = note_for(settings["note"], folder, rows)
    figure = draw_training(read_history(place / "history.csv"), rows.iloc[0], note=note)
    style.save(figure, place / "training.png", place / "training.pdf")


def _nothing(figure: Figure, folder: Path, table: pd.DataFrame) -> str:
    """Why there is nothing to draw: no run has what the figure shows, for lack of labelled images, say."""
    if "gaps" in figure.needs and _gaps(folder).empty:
        return "No curve has a separate training of its architecture and seed at one of its betas."
    if figure.objective and not (table["objective"] == figure.objective).any():
        title = declared().objectives[figure.objective].title
        return f"No run was trained with the objective {title!r}."
    if not figure.measure:
        return ""
    measure = declared().measures[figure.measure]
    if table[[column.name for column in measure.columns]].notna().any(axis=None):
        return ""
    labels = ", or a class has fewer of the labelled images than evaluation.probe_folds" if measure.labels else ""
    return (
        f"No run has numbers of the measure {measure.title!r}: the evaluation leaves it out for this dataset{labels}."
    )


def _gaps(folder: Path) -> pd.DataFrame:
    return read_gaps(folder / "tables" / f"{CURVE_GAP}.csv")


def _title(figure: Figure, settings: dict[str, Any]) -> str:
    """The heading of a figure, '' where titles are off."""
    return figure.title if settings["titles"] else ""


def _known(figure: Figure, folder: Path, table: pd.DataFrame, settings: dict[str, Any]) -> dict[str, Any]:
    """What the function of a figure can ask for; only what the figure needs is read."""
    known = {
        "table": table, "note": settings["note"], "missing": read_missing(folder / "missing.csv"),
        "published": settings["published"], "title": _title(figure, settings),
    }  # fmt: skip
    if "cells" in settings:
        known["cells"] = settings["cells"]
    if "gaps" in figure.needs:
        known["gaps"] = _gaps(folder)
    if "prefix" in figure.needs:
        known["prefix"] = read_prefix(folder / "tables" / f"{PREFIX}.csv")
    if "histories" in figure.needs:
        cells = table["cell"].map(cell_of)
        each = {cell: read_history(folder / "cells" / cell / "history.csv") for cell in cells.unique()}
        known["histories"] = [each[cell] for cell in cells]
    if "samples" in figure.needs:
        known["samples"] = lambda row: read_samples(folder, row)
    return known


@style.styled
def _drawn(figure: Figure, known: dict[str, Any]) -> matplotlib.figure.Figure:
    drawn = construct(figure, known)
    if not isinstance(drawn, matplotlib.figure.Figure):
        raise UserError(
            f"{figure.source}: {figure.draws} returns {type(drawn).__name__}, expected a matplotlib.figure.Figure; "
            "return the figure that it draws"
        )
    return drawn
