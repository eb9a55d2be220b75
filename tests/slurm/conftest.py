"""A real SLURM on this machine, new for every test."""

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from slurm_grid import HERE, TABLE, Grid

FOLDER = Path(tempfile.gettempdir()) / "rdplane-slurm"  # a short path: sockets lie in it
PROGRAMS = ("sbatch", "slurmctld", "slurmd", "munged")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cluster for one test: two nodes, two pretended GPUs. One at a time on a machine, whoever runs the tests."""
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        pytest.skip(
            f"no SLURM here ({', '.join(missing)} not found); apt-get install slurmctld slurmd slurm-client munge"
        )
    if os.getuid():
        pytest.skip("a SLURM for tests can only be started by root")
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip('no executor plugin; pip install -c envs/constraints.txt -e ".[workflow,slurm]"')
    with Path(f"{FOLDER}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run([HERE / "cluster.sh", "stop", FOLDER], check=True)  # one that a killed run of the tests left
        started = subprocess.run([HERE / "cluster.sh", "start", FOLDER], stderr=subprocess.PIPE, text=True)
        if started.returncode == 77:
            pytest.skip(started.stderr.strip())
        try:
            assert started.returncode == 0, started.stderr
            monkeypatch.setenv("SLURM_CONF", f"{FOLDER}/etc/slurm.conf")
            yield
        finally:
            subprocess.run([HERE / "cluster.sh", "stop", FOLDER], check=True)


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[Grid]:
    grid = Grid(tmp_path / "grid")
    yield grid
    for master in grid.masters:
        if master.poll() is None:
            master.kill()
            master.wait()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """rd.csv of the same grid, run on this machine without SLURM."""
    grid = Grid(tmp_path_factory.mktemp("undisturbed") / "grid")
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--quiet", "all", "--", TABLE]
    run = subprocess.run(command, cwd=grid.folder, env=grid.environment(), capture_output=True, text=True, timeout=400)
    assert run.returncode == 0, run.stderr
    return grid.table()
