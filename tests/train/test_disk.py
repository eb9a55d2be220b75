"""A disk that is full or cannot be written: one line, nothing half-written, and the same result once there is room."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch

from rdplane.evaluate.run import evaluate
from rdplane.experiment.cells import evaluation_of
from rdplane.experiment.layout import Layout
from rdplane.table.rd import read_table
from rdplane.train import train

COMPUTE = {"device": "cpu", "threads": 1, "checkpoint_seconds": 0}
OFF = dict.fromkeys(("mi_images", "iw_images", "unit_images", "probe_images", "gen_samples"), 0)


def evaluation(tiny):
    """Rate and distortion alone."""
    config = tiny.config("-+v")
    return evaluation_of(config | {"evaluation": config["evaluation"] | OFF | {"z_samples": 1}}, "-+v", "beta")


def step(arguments, largest=None):
    """Run a step whose process may write no file of more than `largest` bytes."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    command = [sys.executable, "-m", "rdplane.commands.step", *arguments]
    # No bytecode: Python itself leaves half a file of it where a file may not grow.
    environment = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, env=os.environ | environment,
        preexec_fn=None if largest is None else limit,
    )  # fmt: skip


def same_weights(a, b):
    a, b = (safetensors.torch.load_file(Path(folder) / "model.safetensors") for folder in (a, b))
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def assert_one_line(run, what):
    assert run.returncode == 2, run.stderr
    (line,) = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert what in line and "nothing was left half-written" in line
    assert "Traceback" not in run.stderr


def parts(folder):
    return [path for path in Path(folder).rglob("*.part")]


@pytest.fixture(scope="module")
def undisturbed(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    train(tiny.cell(), tiny.images, folder, COMPUTE)
    evaluate(folder, tiny.images, folder / "metrics.json", evaluation(tiny), "cpu")
    return folder


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 400 KB of one's own, full but for what a test takes away from `filler`."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small disk could be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk):
    with (disk / "filler").open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(4096))
        except OSError:
            return


def test_file_that_grows_too_large_is_no_checkpoint(tiny, undisturbed, tmp_path):
    """The limit lets the heartbeat and the lines of a history pass, not the weights."""
    run = step(tiny.arguments(tiny.cell(), tmp_path), largest=4000)
    assert_one_line(run, "cannot write")
    assert "checkpoint" in run.stderr or "next" in run.stderr
    assert not (tmp_path / "state/checkpoint").exists() and not parts(tmp_path)
    assert step(tiny.arguments(tiny.cell(), tmp_path)).returncode == 0
    assert same_weights(tmp_path, undisturbed)


def test_disk_that_fills_while_training_keeps_the_last_checkpoint(tiny, undisturbed, small_disk):
    folder, log = small_disk / "cell", small_disk / "logs/cell.log"
    arguments = [*tiny.arguments(tiny.cell(), folder), "--log", str(log)]
    log.parent.mkdir()
    log.write_text("x" * 4096)  # its page is full, too: not even a line fits
    fill(small_disk)
    with (small_disk / "filler").open("rb+") as stream:
        stream.truncate(stream.seek(0, 2) - 100_000)
    run = step(arguments)
    assert_one_line(run, "No space left on device")
    assert not (folder / "model.safetensors").exists() and not parts(folder)
    (small_disk / "filler").unlink()
    assert step(arguments).returncode == 0
    assert same_weights(folder, undisturbed)


def test_disk_that_is_full_before_the_first_byte(tiny, small_disk):
    fill(small_disk)
    run = step([*tiny.arguments(tiny.cell(), small_disk / "cell"), "--log", str(small_disk / "cell.log")])
    assert_one_line(run, "No space left on device")


def test_read_only_disk(tiny, undisturbed, small_disk):
    folder, log = small_disk / "cell", small_disk / "logs/cell.log"
    arguments = [*tiny.arguments(tiny.cell(epochs=12), folder), "--log", str(log)]
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    run = step(arguments)
    assert run.returncode == 2, run.stderr
    assert len([line for line in run.stderr.splitlines() if line.startswith("error: cannot write")]) == 1
    assert "Read-only file system" in run.stderr and "Traceback" not in run.stderr


def test_full_disk_leaves_the_old_metrics(tiny, undisturbed, tmp_path):
    output = tmp_path / "metrics.json"
    output.write_text("old")
    arguments = [
        "evaluate", "--folder", str(undisturbed), "--images", str(tiny.images), "--output", str(output),
        "--evaluation", json.dumps(evaluation(tiny)), "--compute", json.dumps(COMPUTE),
    ]  # fmt: skip
    assert_one_line(step(arguments, largest=100), str(output))
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"] and output.read_text() == "old"
    assert step(arguments).returncode == 0
    assert output.read_bytes() == (undisturbed / "metrics.json").read_bytes()


def test_full_disk_leaves_the_old_table(tiny, tmp_path):
    config = tiny.config("---")
    layout = Layout(config, tmp_path)
    (name,) = layout.cells
    train(layout.cells[name], tiny.images, layout.cell(name), COMPUTE)
    metrics = layout.cell(name) / "metrics.json"
    evaluate(layout.cell(name), tiny.images, metrics, evaluation_of(config, "---", "beta"), "cpu")
    layout.table.write_text("old")
    arguments = ["aggregate", "--config", json.dumps(config), "--results", str(tmp_path)]
    assert_one_line(step(arguments, largest=100), str(layout.table))
    assert layout.table.read_text() == "old" and not parts(tmp_path)
    assert step(arguments).returncode == 0
    assert read_table(layout.table).cell.tolist() == [name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
def test_log_that_has_no_room_stops_no_training(tiny, undisturbed, tmp_path):
    train(tiny.cell(), tiny.images, tmp_path, COMPUTE, Path("/dev/full"))
    assert same_weights(tmp_path, undisturbed)
