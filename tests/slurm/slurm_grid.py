"""A tiny grid to run on the test cluster with the shipped profile, and what SLURM says of its jobs."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from rdplane.train.checkpoint import load_checkpoint

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
TABLE = "results/tiny/rd.csv"

# Two architectures, some seconds of training a cell, a checkpoint every second, and little evaluation.
CONFIG = {
    "experiment": "tiny",
    "dataset": "stripes",
    "data": {"file": "stripes.npy", "binarise": "none"},
    "grid": {"architectures": ["---", "-+v"], "beta": [0.5, 1], "seed": [0]},
    "model": {"latent": 2, "width": 0.1, "pixelcnn_depth": 2, "pixelcnn_resnets": 1, "pseudo_inputs": 3},
    "training": {"epochs": 24, "batch_size": 20, "learning_rate": 0.003},
    "compute": {"device": "cpu", "checkpoint_seconds": 1},
    "overrides": {"-+v": {"training": {"epochs": 8}}},
    "evaluation": dict.fromkeys(("mi_images", "iw_images", "unit_images", "probe_images", "gen_samples"), 0),
    "toy": {"beta": [1], "rate_penalty": [0.5], "seed": [0], "steps": 50},
    "sampling": {"images": 2, "draws": 1},
}  # fmt: skip

# Imported by every Python of the project's copy: says when a training had which GPU.
RECORDER = """
import os, sys
if "rdplane.commands.step" in sys.orig_argv and "train" in sys.orig_argv:
    import atexit, time
    def record(what):
        with open("records", "a") as stream:
            stream.write(f"{time.time()} {what} {os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES')}\\n")
    record("start")
    atexit.register(record, "end")
"""


def until(condition, what: str, seconds: float = 180):
    """What `condition` gives, once that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"still no {what} after {seconds:g} s")


def slurm(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def states() -> dict[str, str]:
    """Every job that SLURM remembers: id -> state."""
    return dict(line.split() for line in slurm("squeue", "-h", "--states=all", "-o", "%A %T").splitlines())


class Grid:
    """A copy of the project in a folder of its own, with a tiny grid."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.masters: list[subprocess.Popen] = []
        for name in ("src", "workflow", "profiles", "envs"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        shutil.copy(ROOT / "Snakefile", folder)
        (folder / "src/sitecustomize.py").write_text(RECORDER)
        images = np.random.default_rng(0).random((1000, 8, 8)) < np.linspace(0.1, 0.9, 8)
        np.save(folder / "stripes.npy", images.astype(np.uint8))
        (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))

    def metrics(self) -> dict[str, str]:
        """The file of every cell's measurements: name -> path. With the table they are the grid without its figures.

        The table alone would not do: after a failed run there is one already, of the cells that were finished.
        """
        command = [sys.executable, "-m", "rdplane.commands.cli", "cells", "config.yaml"]
        listing = subprocess.run(command, cwd=self.folder, env=self.environment(), check=True, capture_output=True)
        return {cell: f"results/tiny/cells/{cell}/metrics.json" for cell in listing.stdout.decode().split()}

    def environment(self) -> dict[str, str]:
        return os.environ | {"PYTHONPATH": str(self.folder / "src"), "OMP_NUM_THREADS": "1"}

    def start(self, *arguments: str) -> subprocess.Popen:
        """Snakemake with the shipped profile, in the background; what it says goes to the file `said`."""
        command = [
            sys.executable, HERE / "fast_snakemake.py", "--workflow-profile", "profiles/slurm", "--latency-wait", "5",
            "--slurm-init-seconds-before-status-checks", "1", *arguments,
        ]  # fmt: skip
        with (self.folder / "said").open("a") as said:
            self.masters.append(
                subprocess.Popen(command, cwd=self.folder, env=self.environment(), stdout=said, stderr=said)
            )
        return self.masters[-1]

    def run(self, *arguments: str) -> None:
        self.finish(self.start(*arguments))

    def finish(self, master: subprocess.Popen) -> None:
        assert master.wait(timeout=400) == 0, self.said()

    def said(self) -> str:
        return (self.folder / "said").read_text()

    def table(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / TABLE).drop(columns="train_seconds")

    def training(self, done=()) -> dict[str, dict]:
        """Cells that are being trained and have a checkpoint, but those `done`: name -> heartbeat."""
        found = {}
        for path in self.folder.glob("results/tiny/cells/*/state/heartbeat.json"):
            name = path.parents[1].name
            try:
                beat = json.loads(path.read_text())
                alive = Path(f"/proc/{beat['pid']}").exists() and states().get(beat["job"]) == "RUNNING"
            except FileNotFoundError:
                continue
            if name not in done and alive and (path.parent / "checkpoint").exists():
                found[name] = beat
        return found

    def position(self, cell: str) -> tuple[int, int]:
        """Epochs and steps of a cell's last checkpoint."""
        state = self.folder / f"results/tiny/cells/{cell}/state"
        # Until a moment comes in which no file is being renamed.
        _, note, _ = until(lambda: (found := load_checkpoint(state)) and found[1] and found, "whole checkpoint")
        return note["epoch"], note["step"]

    def log(self, cell: str) -> str:
        return (self.folder / f"results/tiny/logs/train/{cell}.log").read_text()
