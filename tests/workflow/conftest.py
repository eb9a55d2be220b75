"""A tiny grid run whole, once a session: own 8x8 images, two architectures, two betas."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

CONFIG = {
    "experiment": "tiny",
    "dataset": "stripes",
    "data": {"file": "stripes.npy", "binarise": "none"},
    "grid": {"architectures": ["---", "-+v"], "beta": [0.5, 1], "seed": [0]},
    "model": {"latent": 2, "width": 0.1, "pixelcnn_depth": 2, "pixelcnn_resnets": 1, "pseudo_inputs": 3},
    "training": {"epochs": 2, "batch_size": 20, "learning_rate": 0.01},
    "compute": {"device": "cpu"},
    "evaluation": {"gen_samples": 16},
    "toy": {"beta": [1], "rate_penalty": [0.5], "seed": [0], "steps": 50},
    "sampling": {"images": 3, "draws": 2},
    "figures": {"sample_grids": {"beta_1": {"beta": 1}}},
}  # fmt: skip


class Project:
    """A copy of the project in a folder of its own, so that a test may edit its code."""

    said = ""  # by the complete run, on standard error

    def __init__(self, folder: Path):
        self.folder = folder
        self.config = json.loads(json.dumps(CONFIG))

    @classmethod
    def create(cls, folder: Path) -> "Project":
        for name in ("src", "workflow", "profiles", "envs"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        shutil.copy(ROOT / "Snakefile", folder)
        images = np.random.default_rng(0).random((120, 8, 8)) < np.linspace(0.1, 0.9, 8)
        np.save(folder / "stripes.npy", images.astype(np.uint8))
        project = cls(folder)
        project.write()
        return project

    def write(self, text: str | None = None) -> None:
        (self.folder / "config.yaml").write_text(text or yaml.safe_dump(self.config))

    def snakemake(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--max-jobs-per-timespan", "1000/1s", *arguments]
        path = {"PYTHONPATH": str(self.folder / "src"), "OMP_NUM_THREADS": "1"}
        return subprocess.run(
            command, cwd=self.folder, env=os.environ | path | environment, capture_output=True, text=True, timeout=600
        )

    def wanted(self, *arguments: str) -> dict[str, int]:
        """Jobs that a dry run wants, by rule; `all` left out."""
        run = self.snakemake("-n", "--quiet", "rules", *arguments)
        assert run.returncode == 0, run.stdout + run.stderr
        jobs = dict(re.findall(r"^(\w+) +(\d+)$", run.stdout + run.stderr, flags=re.M))
        return {rule: int(count) for rule, count in jobs.items() if rule not in ("all", "total")}


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The grid after a complete run. Tests copy it before they change anything (see `project`)."""
    project = Project.create(tmp_path_factory.mktemp("finished"))
    run = project.snakemake()
    assert run.returncode == 0, run.stdout + run.stderr
    project.said = run.stderr
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished grid, times and Snakemake's memory included."""
    shutil.copytree(finished.folder, tmp_path / "project", copy_function=shutil.copy2)
    return Project(tmp_path / "project")
