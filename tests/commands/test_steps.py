"""The steps of a cell: training measures and samples it as well, so that the steps behind it only give it out."""

import importlib.util
import os
import signal
import time
from pathlib import Path

import pytest

from rdplane.commands import steps
from rdplane.evaluate import run, samples
from rdplane.experiment.layout import Layout
from rdplane.jobs.signals import Interrupted

spec = importlib.util.spec_from_file_location("tiny_cells", Path(__file__).parents[1] / "train/tiny_cells.py")
tiny_cells = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiny_cells)


@pytest.fixture
def cell(tmp_path):
    """A layout of one cell, and its name."""

    def make(folder):
        (tmp_path / folder).mkdir()
        tiny = tiny_cells.Tiny(tmp_path / folder)
        config = tiny.config("-+v", epochs=1)
        config["compute"]["device"] = "cpu"
        config["evaluation"] = config["evaluation"] | {"mi_images": 0, "iw_images": 3, "gen_samples": 2}
        layout = Layout(config, tmp_path / folder / "results")
        layout.images.parent.mkdir(parents=True)
        tiny.images.rename(layout.images)
        (name,) = layout.cells
        return layout, name

    return make


def train(layout, name, measuring=True):
    cell = layout.cells[name]
    wanted = steps.measuring(layout, cell["architecture"], cell["objective"]) if measuring else None
    steps.train(**steps.arguments_of(layout, name, "train"), measuring=wanted)


def results(layout, name):
    for step in ("evaluate", "sample"):
        getattr(steps, step)(**steps.arguments_of(layout, name, step))
    return [(layout.cell(name) / file).read_bytes() for file in ("metrics.json", "samples.npz")]


def test_measured_by_its_training_or_by_its_own_steps_it_is_the_same(cell):
    together, apart = cell("together"), cell("apart")
    train(*together)
    train(*apart, measuring=False)
    (first, drawn), (second, redrawn) = results(*together), results(*apart)
    timed = b'"train_seconds"'
    assert [line for line in first.splitlines() if timed not in line] == [
        line for line in second.splitlines() if timed not in line
    ]
    assert drawn == redrawn


def test_steps_behind_a_training_compute_nothing(cell, monkeypatch):
    layout, name = cell("together")
    train(layout, name)
    monkeypatch.setattr(run, "_compute", lambda *_: pytest.fail("measured again"))
    monkeypatch.setattr(samples, "_write", lambda *_: pytest.fail("drawn again"))
    results(layout, name)


def test_other_settings_are_measured_and_drawn_anew(cell, monkeypatch):
    layout, name = cell("together")
    train(layout, name)
    layout.config["evaluation"]["z_samples"] += 1
    layout.config["sampling"]["draws"] += 1
    computed = []
    monkeypatch.setattr(run, "_compute", lambda *a: computed.append(a[4]) or {"rate_distortion": {}})
    monkeypatch.setattr(samples, "_write", lambda *a: computed.append("samples") or a[0].write_bytes(b"new"))
    monkeypatch.setattr(run, "_check_finite", lambda *_: None)
    results(layout, name)
    assert "rate_distortion" in computed[0] and computed[1] == "samples"


def test_damaged_samples_are_drawn_anew(cell):
    layout, name = cell("together")
    train(layout, name)
    before = results(layout, name)
    (layout.cell(name) / "state/samples.npz").write_bytes(b"cut")
    assert results(layout, name) == before


def test_a_measure_that_fails_does_not_fail_the_training(cell, monkeypatch):
    layout, name = cell("together")

    def fail(*_):
        raise RuntimeError("no such number")

    with monkeypatch.context() as patched:
        patched.setattr(run, "_compute", fail)
        train(layout, name)
        with pytest.raises(RuntimeError, match="no such number"):
            results(layout, name)
    assert (layout.cell(name) / "train.json").exists()
    assert not (layout.cell(name) / "metrics.json").exists()
    results(layout, name)


def test_a_signal_ends_measuring_at_once_and_loses_nothing(cell, monkeypatch):
    layout, name = cell("together")
    monkeypatch.setattr(run, "_compute", lambda *_: os.kill(os.getpid(), signal.SIGTERM) or time.sleep(60))
    with pytest.raises(Interrupted):
        train(layout, name)
    assert (layout.cell(name) / "train.json").exists()
    assert not (layout.cell(name) / "state/heartbeat.json").exists()


def test_why_measuring_failed_is_in_the_log(cell, monkeypatch, tmp_path):
    layout, name = cell("together")

    def fail(*_):
        raise RuntimeError("no such number")

    monkeypatch.setattr(run, "_compute", fail)
    cell = layout.cells[name]
    wanted = steps.measuring(layout, cell["architecture"], cell["objective"])
    steps.train(**steps.arguments_of(layout, name, "train"), log=tmp_path / "log", measuring=wanted)
    assert "measuring is left to its own step (no such number)" in (tmp_path / "log").read_text()


def test_edited_source_is_not_kept_under_the_version_before(cell):
    layout, name = cell("together")
    wanted = steps.measuring(layout, "-+v", layout.cells[name]["objective"])
    wanted["evaluation"]["rate_distortion"]["version"] = "of another day"
    wanted["sampling"]["version"] = "of another day"
    steps.train(**steps.arguments_of(layout, name, "train"), measuring=wanted)
    assert (layout.cell(name) / "train.json").exists()
    assert not list((layout.cell(name) / "state").glob("measures/*"))
    assert not (layout.cell(name) / "state/samples.npz").exists()
