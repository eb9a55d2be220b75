"""What an experiment consists of: read from its configuration, or from what its last run left in its folder."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rdplane.errors import UserError
from rdplane.experiment.config import load_config
from rdplane.experiment.layout import Layout
from rdplane.experiment.study import difference, images_of
from rdplane.files import read_json, write_json

__all__ = ["Plan", "find", "plan_of", "record", "refuse_others"]

PLAN = "plan.json"


@dataclass(frozen=True)
class Plan:
    """An experiment's folder, and the names of its cells and of its toy cells."""

    folder: Path
    cells: list[str]
    toy: list[str]


def plan_of(layout: Layout) -> Plan:
    """The plan of an experiment whose configuration is at hand."""
    return Plan(layout.folder, list(layout.cells), list(layout.toy_cells))


def record(layout: Layout) -> None:
    """Write the names of the cells that a run sets out to make, so that its folder alone tells what is still to come.

    Names, not the configuration: code edited while the grid runs would expand that to others. Beside them stands of
    which images they are (see `refuse_others`).

    Raises:
        UserError: the folder cannot be written, or holds results of other images.
    """
    refuse_others(layout)
    plan = plan_of(layout)
    write_json(plan.folder / PLAN, {"cells": plan.cells, "toy": plan.toy, "images": images_of(layout.config)})


def refuse_others(layout: Layout) -> None:
    """See that the folder of an experiment holds no table of other images, which a run would replace.

    Other cells of the same images (another grid, other sizes, another training) are no others. A table of before this
    was recorded says at least the name of its data set.

    Raises:
        UserError: the table is of other images.
    """
    held = _held(layout)
    found = difference(held, images_of(layout.config)) if held else ""
    if found:
        raise UserError(
            f"{layout.folder} holds results {found}; expected a folder without results, or with such of the same "
            "images, so that nothing is lost: set `experiment` to another name, or move or delete that folder"
        )


def _held(layout: Layout) -> Mapping[str, Any]:
    """Of which images the table of an experiment's folder is, at least `dataset`; nothing where there is no table."""
    try:
        with layout.table.open(newline="", encoding="utf-8") as stream:
            row = next(csv.DictReader(stream), None)
    except (OSError, ValueError, csv.Error):
        row = None
    if row is None:
        return {}
    try:
        found = read_json(layout.folder / PLAN)
    except UserError:
        found = None
    images = found.get("images") if isinstance(found, dict) else None
    if isinstance(images, dict) and images.get("dataset") == row.get("dataset"):
        return images
    return {"dataset": row["dataset"]} if row.get("dataset") else {}


def find(what: str, results: str | Path = "results") -> Plan:
    """The plan of a configuration file, an experiment's folder, or the name of an experiment below `results`.

    Raises:
        UserError: `what` is none of these, or its configuration is invalid.
    """
    if Path(what).is_file():
        return plan_of(Layout(load_config(what), results))
    for folder in (Path(what), Path(results) / what):
        if (folder / PLAN).is_file():
            return _read(folder)
    known = {path.parent.name for path in Path(results).glob(f"*/{PLAN}")}
    if Path("config.yaml").is_file():  # perhaps not begun yet
        layout = Layout(load_config("config.yaml"), results)
        if what == layout.config["experiment"] or Path(what) == layout.folder:
            return plan_of(layout)
        known.add(layout.config["experiment"])
    raise UserError(
        f"{what} is neither a configuration file nor an experiment that was begun in {results}; "
        f"expected a file such as config.yaml, or one of: {', '.join(sorted(known)) or 'no experiment yet'}"
    )


def _read(folder: Path) -> Plan:
    found = read_json(folder / PLAN)
    lists = [found.get(key) for key in ("cells", "toy")] if isinstance(found, dict) else [None]
    # A name is never a path: whoever made the file, no other folder is looked into.
    if not all(isinstance(names, list) and all(map(_is_name, names)) for names in lists):
        raise UserError(
            f"{folder / PLAN} is damaged, expected lists of names under cells and toy; "
            "delete it and give the configuration file instead"
        )
    return Plan(folder, found["cells"], found["toy"])


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and name not in ("", ".", "..") and "/" not in name and "\0" not in name
