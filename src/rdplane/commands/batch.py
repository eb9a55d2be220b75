"""As many cells of a configuration as fit into a time budget, on one machine and without Snakemake.

For a GPU machine that is rented by the hour: cells run in order of priority, several at once, each resumable, and leave
exactly the files that the workflow would, which then accepts them as done. Their results can be packed into a few
archives to carry home. Needs no torch by itself.
"""

import fnmatch
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rdplane.commands.step import EXTENSIONS, command_line
from rdplane.commands.steps import arguments_of, measuring
from rdplane.errors import UserError
from rdplane.experiment.cells import evaluation_of, points_of
from rdplane.experiment.layout import PREFIX, Layout
from rdplane.experiment.prefix import prefix_cells, prefix_settings
from rdplane.files import atomic, read_json
from rdplane.jobs.progress import duration

__all__ = ["in_priority", "pack", "run_batch"]

RECORDS = ("train.json", "history.csv", "metrics.json", "samples.npz")
OPTIONAL = (f"{PREFIX}.json",)
GRACE = 30.0  # seconds before the end in which nothing new is trained


def in_priority(names: Sequence[str], first: Sequence[str]) -> list[str]:
    """Names of cells, those that match the earliest pattern of `first` before all others, else in grid order.

    Raises:
        UserError: a pattern matches no cell.
    """
    for pattern in first:
        if not fnmatch.filter(names, pattern):
            raise UserError(f"--first {pattern} matches no cell; expected names with * as `rdplane cells` lists them")

    def rank(name: str) -> int:
        return next((i for i, pattern in enumerate(first) if fnmatch.fnmatchcase(name, pattern)), len(first))

    return sorted(names, key=rank)


def run_batch(layout: Layout, first: Sequence[str], minutes: float, together: int) -> dict[str, str]:
    """Train, evaluate and sample cells until all are done or the time is over.

    At the end of the budget running trainings get SIGTERM: they write a checkpoint and go on in the next batch.

    Args:
        layout: the experiment; its images must be prepared.
        first: patterns of cell names, most important first (see `in_priority`).
        minutes: time budget.
        together: cells at once; on a GPU they share it.

    Returns:
        Name of each cell -> 'done', 'stopped' (has a checkpoint), 'failed' or 'waiting'.

    Raises:
        UserError: a pattern matches no cell.
    """
    start = time.monotonic()
    deadline = start + 60 * minutes
    waiting = in_priority(list(layout.cells), first)
    outcome = dict.fromkeys(waiting, "waiting")
    running: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}
    environment = os.environ | {
        "RDPLANE_CELLS_PER_GPU": str(together), EXTENSIONS: json.dumps(layout.config["extensions"])
    }  # fmt: skip
    while True:
        now = time.monotonic()
        for name, (step, process) in list(running.items()):
            if process.poll() is None:
                if step == "train" and now > deadline and outcome[name] != "stopped":
                    process.send_signal(signal.SIGTERM)
                    outcome[name] = "stopped"
                continue
            del running[name]
            following = _next_step(layout, name) if process.returncode == 0 else None
            if following and (following != "train" or now < deadline):
                running[name] = following, _start(layout, name, following, environment)
            elif process.returncode == 0:
                outcome[name] = "done"
            elif outcome[name] != "stopped":
                outcome[name] = "failed"
            _report(outcome, running, now - start)
        while waiting and len(running) < together:
            name = waiting.pop(0)
            following = _next_step(layout, name)
            if following is None:
                outcome[name] = "done"
            elif following != "train" or now < deadline - GRACE * (minutes > 1):
                running[name] = following, _start(layout, name, following, environment)
        if not running and not waiting:
            return outcome
        time.sleep(0.1)


def _next_step(layout: Layout, name: str) -> str | None:
    """The first step of a cell whose result is not there, or was measured with other settings."""
    folder = layout.cell(name)
    if not (folder / "train.json").exists():
        return "train"
    cell = layout.cells[name]
    expected = evaluation_of(layout.config, cell["architecture"], cell["objective"]["name"])
    points = points_of(layout.config, cell["objective"])
    try:
        found = read_json(folder / "metrics.json")
        if (found["evaluation"], found.get("asked")) != (expected, points):
            return "evaluate"
        if prefix_cells({name: cell}) and _prefix_of(folder) != prefix_settings(layout.config):
            return PREFIX
    except (UserError, KeyError, TypeError):
        return "evaluate"
    return None if (folder / "samples.npz").exists() and _drawn_at(folder, points) else "sample"


def _prefix_of(folder: Path) -> Any:
    """The settings with which the prefix code of a cell was measured; None if it was not."""
    try:
        return read_json(folder / f"{PREFIX}.json")["settings"]
    except (UserError, KeyError, TypeError):
        return None


def _drawn_at(folder: Path, points: dict[str, Any] | None) -> bool:
    """Whether the samples of a cell are those of these points of its curve; of a cell without one always."""
    try:
        return points is None or read_json(folder / "state" / "samples.json")["key"]["points"] == points
    except (UserError, KeyError, TypeError):
        return False


def _start(layout: Layout, name: str, step: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    log = layout.folder / "logs" / step / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    arguments = {**arguments_of(layout, name, step), "log": log}
    if step == "train":
        cell = layout.cells[name]
        arguments["measuring"] = measuring(layout, cell["architecture"], cell["objective"])
    return subprocess.Popen(
        [sys.executable, "-m", "rdplane.commands.step", *command_line(step, arguments)], env=environment
    )


def _report(outcome: dict[str, str], running: dict[str, tuple[str, subprocess.Popen[bytes]]], seconds: float) -> None:
    states = list(outcome.values())
    print(
        f"batch: {states.count('done')} of {len(states)} cells done, {len(running)} running, "
        f"{states.count('failed')} failed, after {duration(seconds)}",
        file=sys.stderr,
    )


def pack(layout: Layout, folder: Path, weights: Sequence[str] = (), part_bytes: int = 12_000_000) -> list[Path]:
    """Pack the finished cells into archives ``records-1.tar.gz``, ..., to be unpacked over another results folder.

    Args:
        folder: where the archives go.
        weights: patterns of the cells whose weights come along.
        part_bytes: size of the files in one archive, at most, so that a broken transfer loses little; a single larger
            file makes an archive of its own.
    """
    files: list[Path] = []
    for name in layout.cells:
        cell = layout.cell(name)
        if all((cell / record).exists() for record in RECORDS):
            files += [cell / record for record in RECORDS]
            files += [cell / record for record in OPTIONAL if (cell / record).exists()]
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in weights):
                files.append(cell / "model.safetensors")
    parts: list[list[Path]] = [[]]
    for file in files:
        if parts[-1] and sum(f.stat().st_size for f in parts[-1]) + file.stat().st_size > part_bytes:
            parts.append([])
        parts[-1].append(file)
    archives = []
    for number, part in enumerate(parts, 1):
        archives.append(folder / f"records-{number}.tar.gz")
        with atomic(archives[-1]) as stream, tarfile.open(fileobj=stream, mode="w:gz") as archive:
            for file in part:
                archive.add(file, arcname=str(file.relative_to(layout.results)))
    return archives
