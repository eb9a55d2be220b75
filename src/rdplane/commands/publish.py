"""A copy of an experiment to keep and to share: its numbers and all that its figures need, without images and weights.

It only grows. Whoever publishes again adds the cells that have been finished since; those of older code or of another
grid stay and are said to be that; and a cell that is there with other numbers is replaced only where that is asked for.
"""

import csv
import datetime
import io
import subprocess
from pathlib import Path
from typing import Any

import rdplane
from rdplane.errors import UserError
from rdplane.experiment.layout import CURVE_GAP, PAPER, Layout
from rdplane.files import atomic, read_json, write_text

__all__ = ["FIELDS", "publish"]

RECORDS = ("train.json", "history.csv", "metrics.json")
OPTIONAL = ("samples.npz",)
FIELDS = (
    "cell", "epochs", "parameters", "train_seconds", "device", "threads", "precision", "torch", "commit", "published",
)  # fmt: skip
CURRENT, OLDER = "", "older code, or another grid"


def publish(layout: Layout, to: Path, replace: bool = False) -> Path:
    """Add the finished cells of an experiment to its published copy, and make table, figures and README of that anew.

    Args:
        layout: the experiment.
        to: folder of published experiments; the copy is its subfolder of the experiment's name.
        replace: whether cells that are there with other numbers may be replaced.

    Returns:
        The folder of the copy: `rd.csv`, `cells.csv` (on what, by which commit and how long each cell was trained),
        `missing.csv`, `tables/`, `figures/`, `README.md`, and `cells/` with the records of each cell.

    Raises:
        UserError: no cell is finished, one is published with other numbers, or a file is damaged or cannot be written.
    """
    folder = to / layout.config["experiment"]
    finished = [name for name in layout.cells if all((layout.cell(name) / record).exists() for record in RECORDS)]
    if not finished:
        raise UserError(f"no cell of {layout.folder} is trained and measured yet, so there is nothing to publish")
    changed = [name for name in finished if _differs(layout.cell(name), folder / "cells" / name)]
    if changed and not replace:
        raise UserError(
            f"{len(changed)} cells are published in {folder} with other numbers, the first is {changed[0]}; "
            "publish with --replace to put these in their place, or with --to into another folder"
        )
    known = _read(folder / "cells.csv")
    for name in finished:
        place = folder / "cells" / name
        new = name not in known or name in changed
        for record in (*RECORDS, *OPTIONAL):
            if (layout.cell(name) / record).exists() and (new or not (place / record).exists()):
                with atomic(place / record) as stream:
                    stream.write((layout.cell(name) / record).read_bytes())
        if new:
            known[name] = _provenance(layout.cell(name))
    ordered = [name for name in layout.cells if name in known] + [name for name in known if name not in layout.cells]
    _write(folder / "cells.csv", [known[name] | {"note": _note(layout, name)} for name in ordered])
    missing = "".join(f"{name},not published yet\n" for name in layout.cells if name not in known)
    write_text(folder / "missing.csv", f"cell,reason\n{missing}")
    _derive(layout, folder, ordered)
    return folder


def _differs(cell: Path, published: Path) -> bool:
    """Whether a cell is published with other numbers than it has."""
    path = published / "metrics.json"
    return path.exists() and path.read_bytes() != (cell / "metrics.json").read_bytes()


def _note(layout: Layout, name: str) -> str:
    return CURRENT if name in layout.cells else OLDER


def _provenance(cell: Path) -> dict[str, Any]:
    """On what, how long and by which commit a cell was trained."""
    record = read_json(cell / "train.json")
    named = {field: record.get(field, "") for field in FIELDS if field not in ("cell", "commit", "published")}
    return {"cell": cell.name, **named, "commit": _commit(), "published": datetime.date.today().isoformat()}


def _commit() -> str:
    """The commit of this source, with '-dirty' where it was edited; the version where it is no repository."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return rdplane.__version__
    return run.stdout.strip() or rdplane.__version__


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """Cell -> its row of ``cells.csv``; none where there is no such file.

    Raises:
        UserError: it is damaged.
    """
    if not path.exists():
        return {}
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    if any(not row.get(field) for row in rows for field in ("cell", "commit")):
        raise UserError(f"{path} is damaged: a row has no cell or no commit; restore it, for it is made only once")
    return {row["cell"]: {field: row.get(field, "") for field in FIELDS} for row in rows}


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, [*FIELDS, "note"], lineterminator="\n")
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
    rows = list(_read(folder / "cells.csv").values())
    total = sum(float(row["train_seconds"]) for row in rows)
    absent = len(layout.cells.keys() - {row["cell"] for row in rows})
    others = len({row["cell"] for row in rows} - layout.cells.keys())
    lines = [
        f"# {layout.config['experiment']}", "",
        f"Published by `rdplane publish`. Data set {layout.config['dataset']}; numbers are of its test images, nats an "
        f"image. Training runs: {len(rows)}, {total / 3600:.1f} hours in all."
        + (f" Not there yet (`missing.csv`): {absent}." if absent else "")
        + (f" Of older code or another grid, as `cells.csv` says: {others}." if others else ""), "",
        "- `rd.csv`: the table (docs/columns.md); `tables/`: short ones made of it.",
        "- `cells.csv`: on what, by which commit and how long each cell was trained.",
        "- `cells/`: of each cell its configuration, history, measurements and samples; no weights.", "",
    ]  # fmt: skip
    if layout.config["figures"]["note"]:
        lines += [layout.config["figures"]["note"] + ".", ""]
    lines += [f"![{layout.plots[name].title}](figures/{name}.png)\n" for name in drawn]
    for name, title in ((PAPER, "Beside the paper's printed points"), (CURVE_GAP, "Curves beside separate trainings")):
        if name in layout.tables and len((folder / "tables" / f"{name}.csv").read_text().splitlines()) > 1:
            lines += [f"## {title}", "", (folder / "tables" / f"{name}.md").read_text()]
    return "\n".join(lines).rstrip("\n") + "\n"
