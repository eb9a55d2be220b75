"""A copy of an experiment to keep and to share: its numbers and all that its figures need, without images and weights.

It only grows. Whoever publishes again adds the cells that have been finished since; those of older code or of another
grid stay and are said to be that; and a cell that is there with other numbers is replaced only where that is asked for.
"""

import csv
import datetime
import functools
import io
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rdplane
from rdplane.errors import UserError
from rdplane.experiment.layout import CURVE_GAP, PAPER, PREFIX, Layout
from rdplane.experiment.metrics import measured, read_metrics, rows
from rdplane.files import atomic, read_json, write_text

__all__ = ["FIELDS", "publish"]

RECORDS = ("train.json", "history.csv", "metrics.json")
OPTIONAL = ("samples.npz", f"{PREFIX}.json")
TRAINED = ("epochs", "parameters", "train_seconds", "device", "threads", "precision", "torch")
FIELDS = ("cell", *TRAINED, "published_from", "published")
HEADER = [*FIELDS, "note"]
CURRENT, OLDER = "", "older code, or another grid"


def publish(layout: Layout, to: Path, replace: bool = False) -> Path:
    """Add the finished cells of an experiment to its published copy, and make table, figures and README of that anew.

    Args:
        layout: the experiment.
        to: folder of published experiments; the copy is its subfolder of the experiment's name.
        replace: whether cells that are there with other numbers may be replaced.

    Returns:
        The folder of the copy: `rd.csv`, `missing.csv`, `tables/`, `figures/`, `README.md`, `cells/` with the records
        of each cell, and `cells.csv`: on what and how long each was trained, and from which commit it was published.

    Raises:
        UserError: no cell is finished, one is published with other numbers, or a file is damaged or cannot be written;
            a damaged one is found before anything is written.
    """
    folder = to / layout.config["experiment"]
    finished = [name for name in layout.cells if all((layout.cell(name) / record).exists() for record in RECORDS)]
    if not finished:
        raise UserError(f"no cell of {layout.folder} is trained and measured yet, so there is nothing to publish")
    known = _read(folder)
    trained = {name: _provenance(layout.cell(name)) for name in finished}
    changed = [name for name in finished if _differs(layout.cell(name), folder / "cells" / name)]
    if changed and not replace:
        raise UserError(
            f"published in {folder} with other numbers: {len(changed)} of {len(finished)} cells, the first is "
            f"{changed[0]}; publish with --replace to put these in their place, or with --to into another folder"
        )
    for name in finished:
        for record in (*RECORDS, *OPTIONAL):
            _copy(layout.cell(name) / record, folder / "cells" / name / record)
        if name not in known or name in changed:
            known[name] = trained[name]
    ordered = [name for name in layout.cells if name in known] + [name for name in known if name not in layout.cells]
    _write(folder / "cells.csv", [known[name] | {"note": _note(layout, name)} for name in ordered])
    missing = "".join(f"{name},not published yet\n" for name in layout.cells if name not in known)
    write_text(folder / "missing.csv", f"cell,reason\n{missing}")
    _derive(layout, folder, ordered)
    return folder


def _differs(cell: Path, published: Path) -> bool:
    """Whether one of a cell's numbers is published as another: those that only one of the two has do not count."""
    metrics = read_metrics(cell / "metrics.json")
    if not (published / "metrics.json").exists():
        return False
    before = {_point(row): row for row in rows(read_metrics(published / "metrics.json"))}
    return any(
        None not in (row[name], before[_point(row)][name]) and row[name] != before[_point(row)][name]
        for row in rows(metrics) if _point(row) in before
        for name in (*measured(), *TRAINED[:3])
    )  # fmt: skip


def _point(row: Mapping[str, Any]) -> tuple[Any, Any]:
    return row.get("beta"), row.get("rate_target")


def _copy(source: Path, place: Path) -> None:
    """Copy a record, unless it is there already or there is none."""
    if source.exists() and not (place.exists() and place.read_bytes() == source.read_bytes()):
        with atomic(place) as stream:
            stream.write(source.read_bytes())


def _note(layout: Layout, name: str) -> str:
    return CURRENT if name in layout.cells else OLDER


def _provenance(cell: Path) -> dict[str, Any]:
    """On what and how long a cell was trained, and from which commit it is published."""
    record = read_json(cell / "train.json")
    if not isinstance(record, dict) or any(field not in record for field in TRAINED):
        raise UserError(f"{cell / 'train.json'} is not what training leaves; delete that folder and train again")
    named = {field: str(record[field]) for field in TRAINED}
    return {"cell": cell.name, **named, "published_from": _commit(), "published": datetime.date.today().isoformat()}


@functools.cache
def _commit() -> str:
    """The commit of this source, with '-dirty' where it was edited; the version where git does not keep this file."""
    command = ["git", "-C", str(Path(__file__).parent)]
    try:
        kept = subprocess.run([*command, "ls-files", "--error-unmatch", Path(__file__).name], capture_output=True)
        if kept.returncode:
            return rdplane.__version__
        named = [*command, "describe", "--always", "--dirty", "--exclude=*"]
        return subprocess.run(named, capture_output=True, text=True).stdout.strip() or rdplane.__version__
    except OSError:
        return rdplane.__version__


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    """Cell -> its row of ``cells.csv``; none where nothing is published yet.

    Raises:
        UserError: the table is damaged, or it and the cells do not go together.
    """
    path, cells = folder / "cells.csv", folder / "cells"
    there = {place.name for place in cells.iterdir()} if cells.is_dir() else set()
    if not path.exists() and not there:
        return {}
    try:
        with path.open(newline="") as stream:
            reader = csv.DictReader(stream)
            found = {row["cell"]: {field: row[field] for field in FIELDS} for row in reader}
        whole = reader.fieldnames == HEADER and all(float(row["train_seconds"]) >= 0 for row in found.values())
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        whole, found = False, {}
    if not whole or found.keys() != there:
        raise UserError(
            f"{path} does not list the cells that are published in {cells}, or is damaged; what it says is known "
            "nowhere else: restore both as they were, from the repository, say"
        )
    return found


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def _derive(layout: Layout, folder: Path, names: list[str]) -> None:
    """Make what follows from the records: table, short tables, figures and README."""
    from rdplane.figures.draw import draw
    from rdplane.table.rd import aggregate
    from rdplane.table.short import write_tables

    aggregate(layout.config["experiment"], [folder / "cells" / name for name in names], folder / "rd.csv")
    write_tables(folder, layout.tables, kept=layout.folder)
    drawn = []
    for name in layout.plots:
        png, pdf = (folder / "figures" / f"{name}.{kind}" for kind in ("png", "pdf"))
        try:
            shown = draw(name, folder, layout.figure_settings(name))
        except UserError:
            shown = False
        if shown:
            drawn.append(name)
        else:  # what it shows is not published yet
            png.unlink(missing_ok=True)
        pdf.unlink(missing_ok=True)  # half of the size, and made of the same table whenever it is wanted
    write_text(folder / "README.md", _readme(layout, folder, drawn))


def _readme(layout: Layout, folder: Path, drawn: list[str]) -> str:
    """What is here, for whoever opens the folder."""
    from rdplane.figures.note import note_for
    from rdplane.table.rd import read_table

    known = _read(folder)
    total = sum(float(row["train_seconds"]) for row in known.values())
    absent, others = len(layout.cells.keys() - known.keys()), len(known.keys() - layout.cells.keys())
    lines = [
        f"# {layout.config['experiment']}", "",
        f"Published by `rdplane publish`. Data set {layout.config['dataset']}; numbers are of its test images, nats an "
        f"image. Training runs: {len(known)}, {total / 3600:.1f} hours in all."
        + (f" Not there yet (`missing.csv`): {absent}." if absent else "")
        + (f" Of older code or another grid, as `cells.csv` says: {others}." if others else ""), "",
        "- `rd.csv`: the table (docs/columns.md); `tables/`: short ones made of it.",
        "- `cells.csv`: on what and how long each cell was trained, and from which commit it was published.",
        "- `cells/`: of each cell its configuration, history, measurements and samples; no weights.", "",
    ]  # fmt: skip
    if note := note_for(layout.config["figures"]["note"], folder, read_table(folder / "rd.csv")):
        lines += [note + ".", ""]
    lines += [f"![{layout.plots[name].title}](figures/{name}.png)\n" for name in drawn]
    titles = {
        PAPER: "Beside the paper's printed points", CURVE_GAP: "Curves beside separate trainings",
        PREFIX: "The prefix code",
    }  # fmt: skip
    for name, title in titles.items():
        if name in layout.tables and len((folder / "tables" / f"{name}.csv").read_text().splitlines()) > 1:
            lines += [f"## {title}", "", (folder / "tables" / f"{name}.md").read_text()]
    return "\n".join(lines).rstrip("\n") + "\n"
