"""Seconds in which Snakemake finds out what a grid has to do, nothing being done yet."""

import importlib.util
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from benchmarks.sizes import ROOT, Plan
from benchmarks.table import Row
from benchmarks.timing import quartiles
from rdplane.experiment.architectures import ARCHITECTURES

__all__ = ["exponent", "run"]

LARGEST = 10_000  # cells, the grid with a target
SLOW = 10.0  # seconds from which a grid is measured once


def run(plan: Plan) -> Iterator[Row]:
    """A row for each number of cells, and one for the growth between the two largest numbers."""
    if importlib.util.find_spec("snakemake") is None:
        yield Row("dag", "", "", "s", note="skipped: snakemake is not installed")
        return
    medians = []
    for cells in plan.cells:
        laps = [_dry_run(plan.scratch, cells)]
        while len(laps) < plan.least and laps[0] < SLOW:
            laps.append(_dry_run(plan.scratch, cells))
        median, iqr = quartiles(laps)
        medians.append(median)
        target = 60.0 if cells == LARGEST else None
        yield Row("dag", "", f"{cells} cells", "s", median, iqr, at_most=target, laps=len(laps), note="snakemake -n")
    if len(medians) > 1:
        growth = exponent(plan.cells[-2:], medians[-2:])
        yield Row(
            "dag", "", f"{plan.cells[-2]} to {plan.cells[-1]} cells", "exponent", growth, at_most=1.1,
            note="log of the times' ratio over log of the numbers'",
        )  # fmt: skip


def exponent(sizes: tuple[int, ...], seconds: list[float]) -> float:
    """p of seconds ~ size^p between the first and the last size."""
    return math.log(seconds[-1] / seconds[0]) / math.log(sizes[-1] / sizes[0])


def _dry_run(scratch: Path, cells: int) -> float:
    """Wall time of a dry run of a grid with so many cells, in a folder of its own."""
    folder = scratch / f"dag-{cells}"
    folder.mkdir(parents=True, exist_ok=True)
    grid = {"architectures": list(ARCHITECTURES[:10]), "beta": [1.0], "seed": list(range(cells // 10))}
    (folder / "grid.yaml").write_text(yaml.safe_dump({"experiment": "dag", "grid": grid}))
    command = [
        sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", "--snakefile", str(ROOT / "Snakefile"),
        "--configfile", "grid.yaml", "--quiet", "all",
    ]  # fmt: skip
    path = {"PYTHONPATH": str(ROOT / "src"), "RDPLANE_RESULTS": str(folder / "results")}
    started = time.monotonic()
    run = subprocess.run(command, cwd=folder, env=os.environ | path, capture_output=True, text=True)
    seconds = time.monotonic() - started
    if run.returncode:
        raise RuntimeError((run.stderr.strip().splitlines() or ["snakemake failed"])[-1])
    return seconds
