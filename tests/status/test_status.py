"""What a look at the results folder says of every cell, while a grid runs and afterwards."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rdplane.commands import cli
from rdplane.errors import UserError
from rdplane.experiment.config import resolve_config
from rdplane.experiment.layout import Layout
from rdplane.files import write_json
from rdplane.status import look as status
from rdplane.status import render as watch
from rdplane.status.look import look
from rdplane.status.plan import find, plan_of, record
from rdplane.status.render import as_json, failures, headline, render, time_left

spec = importlib.util.spec_from_file_location("tiny_cells", Path(__file__).parents[1] / "train/tiny_cells.py")
tiny_cells = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiny_cells)

NAN = "the loss or a gradient is not finite in epoch 1 of 4, step 3 of 125; last finite values (epoch 0): none"


class Experiment:
    """Results as jobs leave them, written by hand: one method a state."""

    def __init__(self, results, architectures="all"):
        config = resolve_config({
            "experiment": "quick", "grid": {"architectures": architectures, "beta": [0.1, 0.5, 1]}
        })  # fmt: skip
        self.layout = Layout(config, results)
        self.plan = plan_of(self.layout)
        self.names = iter(self.plan.cells)

    def cell(self):
        name = next(self.names)
        (self.layout.cell(name) / "state").mkdir(parents=True)
        return name

    def done(self):
        name = self.trained()
        write_json(self.layout.cell(name) / "metrics.json", {})
        return name

    def trained(self):
        name = self.cell()
        write_json(self.layout.cell(name) / "train.json", {"train_seconds": 100.0})
        return name

    def running(self, age=1.0, **fields):
        name = self.cell()
        beat = {
            "pid": 4711, "host": "node1.cluster", "job": "123", "stage": "training", "epoch": 2, "epochs": 4,
            "step": 25, "steps": 100, "rate": 12.3456, "distortion": 98.7, "left": 70.0, "updated": time.time() - age,
        }  # fmt: skip
        path = self.state(name) / "heartbeat.json"
        write_json(path, beat | fields)
        os.utime(path, (time.time() - age,) * 2)
        return name

    def interrupted(self):
        name = self.cell()
        (self.state(name) / "checkpoint").write_bytes(b"")
        return name

    def failed(self, reason=NAN):
        name = self.cell()
        (self.state(name) / "failure").write_text(f"{name}: {reason}\n")
        return name

    def state(self, name):
        return self.layout.cell(name) / "state"

    def log(self, step, name, text):
        path = self.layout.folder / "logs" / step / f"{name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def states(self):
        return {cell.name: cell.state for cell in look(self.plan)}

    def of(self, name):
        return next(cell for cell in look(self.plan) if cell.name == name)


@pytest.fixture
def experiment(tmp_path):
    return Experiment(tmp_path / "results")


@pytest.mark.parametrize("state", ["done", "trained", "running", "failed"])
def test_state(experiment, state):
    name = getattr(experiment, state)()
    states = experiment.states()
    assert states.pop(name) == state
    assert set(states.values()) == {"waiting"}


def test_failed_cell_says_why(experiment):
    assert experiment.of(experiment.failed()).reason == NAN


def test_interrupted_cell_goes_on(experiment):
    cell = experiment.of(experiment.interrupted())
    assert (cell.state, cell.reason) == ("stopped", "interrupted; goes on from its checkpoint")


@pytest.mark.parametrize(("age", "state"), [(20, "running"), (59, "running"), (61, "stopped"), (1e6, "stopped")])
def test_a_job_without_a_sign_of_life_counts_as_killed(experiment, age, state):
    assert experiment.of(experiment.running(age)).state == state


@pytest.mark.parametrize("skew", [-3600, 3600])
def test_a_job_whose_clock_is_wrong_still_runs(experiment, skew):
    assert experiment.of(experiment.running(updated=time.time() + skew)).state == "running"


@pytest.mark.parametrize("skew", [-3600, 3600])
def test_a_job_on_a_file_server_whose_clock_is_wrong_still_runs(experiment, skew):
    name = experiment.running()
    os.utime(experiment.state(name) / "heartbeat.json", (time.time() + skew,) * 2)
    assert experiment.of(name).state == "running"


def test_a_job_killed_on_this_machine_is_known_at_once(experiment):
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    name = experiment.running(host=socket.gethostname(), pid=process.pid)
    assert experiment.of(name).reason == "killed; starts anew, it had no checkpoint yet"
    (experiment.state(name) / "checkpoint").write_bytes(b"")
    os.utime(experiment.state(name) / "checkpoint", (1, 1))
    assert experiment.of(name).reason == "killed; goes on from its checkpoint"


def test_a_living_job_on_this_machine_runs(experiment):
    name = experiment.running(host=socket.gethostname(), pid=os.getpid())
    assert experiment.of(name).state == "running"


def test_what_happened_last_counts(experiment):
    """A cell that failed, went on, and was interrupted then."""
    name = experiment.failed()
    os.utime(experiment.state(name) / "failure", (100, 100))
    (experiment.state(name) / "checkpoint").write_bytes(b"")
    assert experiment.of(name).state == "stopped"
    os.utime(experiment.state(name) / "checkpoint", (50, 50))
    assert experiment.of(name).state == "failed"


def test_a_cell_that_trains_again_is_running(experiment):
    name = experiment.running()
    write_json(experiment.layout.cell(name) / "metrics.json", {})
    assert experiment.of(name).state == "running"


@pytest.mark.parametrize(("made", "step"), [("trained", "evaluate"), ("done", "sample")])
def test_failed_evaluation_or_sampling_is_read_from_its_log(experiment, made, step):
    name = getattr(experiment, made)()
    experiment.log(step, name, "some warning\nerror: out of memory; lower evaluation.batch_size\n")
    cell = experiment.of(name)
    assert (cell.state, cell.reason) == ("failed", "out of memory; lower evaluation.batch_size")


def test_training_that_failed_before_it_had_a_folder_is_read_from_its_log(experiment):
    name = experiment.plan.cells[0]
    experiment.log("train", name, "error: cannot write here\n")
    assert (experiment.of(name).state, experiment.of(name).reason) == ("failed", "cannot write here")


def test_a_bug_is_named_by_its_exception(experiment):
    name = experiment.cell()
    experiment.log("train", name, "Traceback ...\nIndexError: 3\nerror: a bug in rdplane; please report it\n")
    assert experiment.of(name).state == "failed"
    assert experiment.of(name).reason.startswith("IndexError: 3 (a bug in rdplane, see ")


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"epoch": "two", "left": [], "host": null, "pid": "x"}'])
def test_a_damaged_heartbeat_is_still_a_sign_of_life(experiment, text):
    name = experiment.running()
    (experiment.state(name) / "heartbeat.json").write_text(text)
    assert experiment.of(name).state == "running"
    assert name in render(experiment.plan, look(experiment.plan))


def test_files_that_vanish_while_looked_at(experiment, monkeypatch):
    """Each file goes the moment after its folder was listed: Snakemake removes outputs before a step runs again."""
    experiment.done(), experiment.trained(), experiment.running(), experiment.interrupted(), experiment.failed()
    listed = status._names

    def vanish(folder):
        names = listed(folder)
        for path in folder.rglob("*") if folder.parent.name == "cells" else ():
            if path.is_file():
                path.unlink()
        return names

    monkeypatch.setattr(status, "_names", vanish)
    cells = look(experiment.plan)
    assert [cell.state for cell in cells[:3]] == ["done", "trained", "waiting"]
    assert render(experiment.plan, cells) and as_json(experiment.plan, cells)


def mixed(experiment):
    for _ in range(20):
        experiment.done()
    experiment.running(), experiment.running(job=None, left=7000.0), experiment.running(stage="waiting for a GPU")
    experiment.trained(), experiment.interrupted(), experiment.running(age=300), experiment.failed()
    return look(experiment.plan)


def test_headline_counts_every_cell_once(experiment):
    cells = mixed(experiment)
    expected = "quick: 20 of 36 cells done, 3 running, 1 trained, 2 stopped, 1 failed, 9 waiting"
    assert headline(experiment.plan, cells) == expected


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("every", [False, True])
def test_no_line_is_wider_than_the_terminal(experiment, width, every):
    text = render(experiment.plan, mixed(experiment), width, every)
    assert max(map(len, text.splitlines())) <= width


def test_running_cells_show_epoch_rate_distortion_and_time_left(experiment):
    name = experiment.running()
    (row,) = [line for line in render(experiment.plan, look(experiment.plan)).splitlines() if name in line]
    assert row.split() == [
        name,
        *["2.2/4", "12.35", "98.70", "1", "min", "10", "s", "1", "s", "ago", "node1", "job", "123"],
    ]


def test_every_cell_is_listed_on_demand(experiment):
    text = render(experiment.plan, mixed(experiment), every=True)
    assert all(name in text for name in experiment.plan.cells)


def test_many_failures_are_cut_with_their_number(experiment):
    for _ in range(25):
        experiment.failed()
    cells = look(experiment.plan)
    table = failures(cells, "results/missing.csv").splitlines()
    assert len(table) == 1 + watch.ROWS + 1
    assert table[-1] == "and 5 more, see results/missing.csv"
    assert "and 5 more, --all lists them" in render(experiment.plan, cells)
    assert render(experiment.plan, cells, every=True).count("not finite") == 25


def test_time_left_of_running_and_coming_cells(tmp_path):
    experiment = Experiment(tmp_path, ["---"])
    experiment.done()  # took 100 s
    assert time_left(experiment.plan, look(experiment.plan)) is None
    experiment.running(left=40.0, epoch=2, epochs=4, step=0)  # 40 s for half of it: 80 s in all
    assert time_left(experiment.plan, look(experiment.plan)) == pytest.approx(40 + (100 + 80) / 2)


def test_a_thousand_cells_and_their_json(tmp_path):
    experiment = Experiment(tmp_path)
    experiment.plan.cells[:] = [f"vae---_beta1_seed{seed}_{seed:08x}" for seed in range(1000)]
    experiment.names = iter(experiment.plan.cells)
    for _ in range(990):
        experiment.done()
    experiment.running()
    found = json.loads(as_json(experiment.plan, look(experiment.plan)))
    assert found["counts"] == {"done": 990, "running": 1, "trained": 0, "stopped": 0, "failed": 0, "waiting": 9}
    assert found["left"] == pytest.approx(70 + 9 * 100, rel=0.01)
    assert found["cells"][990]["heartbeat"]["rate"] == 12.3456


def test_experiment_is_found_by_configuration_name_and_folder(experiment, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record(experiment.layout)
    (tmp_path / "mine.yaml").write_text("grid: {beta: [0.1, 0.5, 1]}")
    assert find("mine.yaml").cells == find("quick").cells == find("results/quick").cells == experiment.plan.cells
    assert find("quick").toy == experiment.plan.toy


def test_experiment_of_config_yaml_is_known_before_it_began(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("{experiment: mine, grid: {architectures: ['---']}}")
    assert len(find("mine").cells) == 1


def test_unknown_experiment_is_one_line_with_the_known_ones(experiment, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    record(experiment.layout)
    (tmp_path / "config.yaml").write_text("experiment: planned")
    assert cli.main(["status", "quik"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("error: quik is neither") and error.endswith("one of: planned, quick\n")


@pytest.mark.parametrize("text", ["{}", "[]", '{"cells": [1], "toy": []}', '{"cells": "x", "toy": []}', "{"])
def test_damaged_plan_is_one_line(tmp_path, text):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(UserError, match=r"plan\.json is (damaged|not valid JSON)"):
        find(str(tmp_path))


@pytest.mark.parametrize("name", ["../../elsewhere", "..", "/etc/passwd", ""])
def test_plan_cannot_lead_out_of_its_folder(tmp_path, name):
    write_json(tmp_path / "plan.json", {"cells": [name], "toy": []})
    with pytest.raises(UserError, match=r"plan\.json is damaged"):
        find(str(tmp_path))


def test_looking_writes_nothing(experiment):
    mixed(experiment)
    record(experiment.layout)

    def listing():
        paths = sorted(experiment.layout.results.rglob("*"))
        return [(path, path.stat().st_mtime_ns, path.stat().st_ino) for path in paths]

    before = listing()
    plan = find(str(experiment.layout.folder))
    assert render(plan, look(plan)) and as_json(plan, look(plan))
    assert listing() == before


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "often"])
def test_bad_interval(seconds, capsys):
    with pytest.raises(SystemExit):
        cli.main(["status", f"--watch={seconds}"])
    assert "expected a number above 0" in capsys.readouterr().err


def test_status_imports_neither_torch_nor_pandas():
    check = "import sys, rdplane.commands.cli, rdplane.status.look"
    code = f"{check}; sys.exit(bool({{'torch', 'pandas'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_real_training_watched_from_outside(tmp_path):
    """A tiny cell from its first beat over an interruption and a kill to its end."""
    tiny = tiny_cells.Tiny(tmp_path)
    config = tiny.config("---", epochs=3000)
    layout = Layout(config, tmp_path / "results")
    ((name, cell),) = layout.cells.items()
    record(layout)

    def now():
        command = [sys.executable, "-m", "rdplane.commands.cli", "status", config["experiment"], "--json", "--results"]
        return json.loads(subprocess.check_output([*command, str(layout.results)], text=True))["cells"][0]

    def start(**training):
        arguments = tiny.arguments(cell, layout.cell(name), checkpoint_seconds=0.1)
        return subprocess.Popen([sys.executable, "-m", "rdplane.commands.step", *arguments], stderr=subprocess.DEVNULL)

    def until(reached, process):
        while not reached():
            assert process.poll() is None
            time.sleep(0.05)

    checkpoint = layout.cell(name) / "state/checkpoint"
    assert now()["state"] == "waiting"
    process = start()
    until(checkpoint.exists, process)
    seen = now()
    assert (seen["state"], seen["heartbeat"]["pid"]) == ("running", process.pid)
    until(lambda: now()["heartbeat"]["rate"] is not None, process)
    assert now()["heartbeat"]["epochs"] == 3000
    process.send_signal(signal.SIGTERM)
    process.wait()
    assert (now()["state"], now()["reason"]) == ("stopped", "interrupted; goes on from its checkpoint")
    process = start()
    until((layout.cell(name) / "state/heartbeat.json").exists, process)
    process.kill()
    process.wait()
    assert (now()["state"], now()["reason"]) == ("stopped", "killed; goes on from its checkpoint")


def test_watching_ends_with_ctrl_c(experiment):
    record(experiment.layout)
    command = [sys.executable, "-m", "rdplane.commands.cli", "status", str(experiment.layout.folder), "--watch", "0.1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    shown = [line for line in (process.stdout.readline() for _ in range(9)) if line.startswith("quick:")]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert len(shown) > 1
    assert (process.returncode, errors) == (0, "")
