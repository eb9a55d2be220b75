"""The note of the figures of an experiment: that of its configuration, or one made of the runs that they show."""

from pathlib import Path
from typing import Any

import pandas as pd

from rdplane.errors import UserError
from rdplane.experiment.layout import cell_of
from rdplane.experiment.note import note_of
from rdplane.files import read_json

__all__ = ["note_for"]


def note_for(note: str | None, folder: Path, table: pd.DataFrame) -> str | None:
    """What figures of a table say below their title.

    Args:
        note: `figures.note` of the configuration; None for one made of the runs, '' for none.
        folder: ``results/<experiment>``, whose cells say what sizes they have.
        table: of `rdplane.table.rd.read_table`.
    """
    if note is not None:
        return note
    epochs = dict(zip(table["cell"].map(cell_of), table["epochs"], strict=True))
    return note_of(_cell(folder / "cells" / name, count) for name, count in epochs.items())


def _cell(folder: Path, epochs: int) -> dict[str, Any]:
    """A run's epochs and sizes; without the sizes where its folder does not tell, for which no figure fails."""
    try:
        found = read_json(folder / "metrics.json")
        sizes = dict(found["cell"]["model"])
    except (UserError, KeyError, TypeError, ValueError):
        sizes = {}
    return {"training": {"epochs": int(epochs)}, "model": sizes}
