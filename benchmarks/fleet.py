"""Cells that train at once, each in a process of its own through the workflow's real command."""

import csv
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lines import environment
from benchmarks.sizes import ROOT, TINY, random_images
from rdplane import data
from rdplane.commands.step import command_line, main
from rdplane.commands.steps import arguments_of
from rdplane.experiment.config import read_yaml, resolve_config
from rdplane.experiment.keys import sizes_of
from rdplane.experiment.layout import Layout
from rdplane.files import canonical_json

__all__ = ["finish", "layout_of", "train_at_once"]

# Training, validation and test images: a fifth of MNIST's training, so that an epoch is over soon, in its proportions;
# all of its test images, whose evaluation is no matter of epochs.
COUNTS = {"paper": (10_000, 2_000, 10_000), "tiny": (40, 8, 40)}
ENDLESS = 100_000  # epochs: the measurement ends before


def layout_of(folder: Path, size: str, device: str, architecture: str, cells: int = 1, epochs: int = ENDLESS) -> Layout:
    """An experiment of `cells` seeds on prepared random images, evaluated as in the paper's preset."""
    counts = COUNTS[size]
    file = folder / "random.npy"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(file, random_images(size, sum(counts)).numpy())
    sizes: dict[str, Any] = TINY if size == "tiny" else read_yaml(ROOT / "workflow/presets/paper_mnist.yaml")
    config: dict[str, Any] = {
        "experiment": f"epochs{epochs}",
        "dataset": "random",
        "data": {"file": str(file), "split": [count / sum(counts) for count in counts]},
        "grid": {"architectures": [architecture], "beta": [1.0], "seed": list(range(cells))},
        "model": {key: size for key, size in sizes.get("model", {}).items() if key in sizes_of(architecture, "binary")},
        "training": {**sizes.get("training", {}), "epochs": epochs},
        "compute": {"device": device, "checkpoint_seconds": 1e6},
        "evaluation": {**sizes["evaluation"], "probe_images": 0},  # random images have no labels
    }
    layout = Layout(resolve_config(config), folder / f"{architecture}-{cells}")
    prepared = main(["prepare_data", "--config", canonical_json(layout.config), "--output", str(layout.images)])
    if not layout.images.exists() or prepared:
        raise RuntimeError("the images cannot be prepared")
    return layout


def train_at_once(layout: Layout, seconds: float, deadline: float) -> tuple[float, str]:
    """Train all cells of an experiment at once for `seconds` from when the last has left its first epoch behind.

    Returns:
        Training images a second of all together, validation included in the time; and how that was found.

    Raises:
        RuntimeError: a cell failed, or the deadline (of `time.monotonic`) came first.
    """
    names = list(layout.cells)
    shared = {"RDPLANE_CELLS_PER_GPU": str(len(names)), "RDPLANE_LEASES": str(layout.results / "leases")}
    logs = {name: layout.results / f"{name}.log" for name in names}
    errors = {name: layout.results / f"{name}.err" for name in names}
    layout.results.mkdir(parents=True, exist_ok=True)
    processes = {}
    try:
        for name in names:
            with errors[name].open("w") as stream:
                command = [*_command(layout, name, "train"), "--log", str(logs[name])]
                processes[name] = subprocess.Popen(command, cwd=ROOT, env=environment(**shared), stderr=stream)

        def wait(epochs: dict[str, int], until: float) -> None:
            while time.monotonic() < until or any(len(_history(layout, name)) < epochs[name] for name in names):
                for name, process in processes.items():
                    if process.poll() is not None:
                        raise RuntimeError(_last_line(errors[name]) or f"status {process.returncode}")
                if time.monotonic() > deadline:
                    raise RuntimeError("no time left")
                time.sleep(0.05)

        wait(dict.fromkeys(names, 1), 0.0)
        first = {name: len(_history(layout, name)) for name in names}
        wait({name: count + 2 for name, count in first.items()}, time.monotonic() + seconds)
        histories = {name: _history(layout, name) for name in names}
    finally:
        for process in processes.values():
            process.send_signal(signal.SIGTERM)
        for process in processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    images = len(data.load(layout.images).train)
    total = 0.0
    for name, ends in histories.items():
        start = first[name] - 1
        total += images * (len(ends) - 1 - start) / (ends[-1] - ends[start])
    epochs = sum(len(ends) - first[name] for name, ends in histories.items())
    gave_up = [line for log in logs.values() for line in log.read_text().splitlines() if "not work here" in line]
    return total, f"{epochs} epochs" + (f"; {gave_up[0]}" if gave_up else "")


def finish(layout: Layout, step: str, deadline: float) -> float:
    """Wall seconds of one cell's step, from its process's start to its end: 'train', 'evaluate' or 'sample'."""
    (name,) = layout.cells
    started = time.monotonic()
    try:
        run = subprocess.run(
            _command(layout, name, step), cwd=ROOT, env=environment(RDPLANE_LEASES=str(layout.results / "leases")),
            capture_output=True, text=True, timeout=max(1.0, deadline - started),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RuntimeError("no time left") from None
    if run.returncode:
        raise RuntimeError((run.stderr.strip().splitlines() or [f"status {run.returncode}"])[-1])
    return time.monotonic() - started


def _command(layout: Layout, name: str, step: str) -> list[str]:
    return [sys.executable, "-m", "rdplane.commands.step", *command_line(step, arguments_of(layout, name, step))]


def _history(layout: Layout, name: str) -> list[float]:
    """Seconds of training at the end of each epoch so far."""
    path = layout.cell(name) / "state" / "history.csv"
    if not path.exists():
        return []
    with path.open(newline="") as stream:
        return [float(row["seconds"]) for row in csv.DictReader(stream)]


def _last_line(path: Path) -> str:
    return (path.read_text().strip().splitlines() or [""])[-1]
