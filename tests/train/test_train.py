"""Training a cell: killed anywhere it goes on, and on a CPU ends as if nothing had happened."""

import json
import math
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch
from left_behind import COMPUTE, history, same, weights

from rdplane import device
from rdplane.declare.registry import use
from rdplane.errors import UserError
from rdplane.experiment.architectures import ARCHITECTURES
from rdplane.experiment.cells import expand
from rdplane.experiment.config import resolve_config
from rdplane.train import Interrupted, train
from rdplane.train import loop as engine
from rdplane.train.objectives.beta import Beta


def start(arguments):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "rdplane.commands.step", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.fixture(scope="module")
def undisturbed(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    train(tiny.cell(epochs=12), tiny.images, folder, COMPUTE)
    return folder


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_trains_and_repeats_itself(tiny, tmp_path, architecture):
    for name in ("a", "b"):
        train(tiny.cell(architecture, epochs=1), tiny.images, tmp_path / name, COMPUTE | {"checkpoint_seconds": 60})
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1])
def test_killed_run_ends_bit_identical(tiny, undisturbed, tmp_path, number):
    cell = tiny.cell(epochs=12)
    process = start(tiny.arguments(cell, tmp_path))
    state = tmp_path / "state"
    while not (state / "history.csv").exists():  # in the second epoch or later
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    process.send_signal(number)
    process.wait()
    assert not (tmp_path / "model.safetensors").exists()
    assert (state / "checkpoint").exists()
    train(cell, tiny.images, tmp_path, COMPUTE)
    assert same(weights(tmp_path), weights(undisturbed))
    pd.testing.assert_frame_equal(history(tmp_path), history(undisturbed))


def test_interrupted_job_says_so_with_its_own_status(tiny, tmp_path):
    process = start(tiny.arguments(tiny.cell(epochs=50), tmp_path))
    while not (tmp_path / "state/history.csv").exists():
        assert process.poll() is None
        time.sleep(0.005)
    process.terminate()
    _, errors = process.communicate()
    assert process.returncode == 75
    assert "stopped by SIGTERM in epoch" in errors


@pytest.mark.parametrize("step", [1, 4, 5, 9, 14])
def test_stopped_at_any_step_ends_bit_identical(tiny, undisturbed, tmp_path, step, monkeypatch):
    steps = 0
    plain = engine.save_checkpoint

    def stopping(*arguments):
        nonlocal steps
        steps += 1
        plain(*arguments)
        if steps == step:
            raise Interrupted("here")

    cell = tiny.cell(epochs=12)
    monkeypatch.setattr(engine, "save_checkpoint", stopping)
    with pytest.raises(Interrupted):
        train(cell, tiny.images, tmp_path, COMPUTE)
    monkeypatch.setattr(engine, "save_checkpoint", plain)
    train(cell, tiny.images, tmp_path, COMPUTE)
    assert same(weights(tmp_path), weights(undisturbed))


def test_stopped_while_it_validates_ends_bit_identical(tiny, undisturbed, tmp_path, monkeypatch):
    """The images validated before the signal took random numbers, which the second try draws again."""
    cell = tiny.cell(epochs=12)
    plain, calls = engine._validate, []

    def stopping(task, *arguments):
        calls.append(arguments)
        if len(calls) == 3:
            plain(task, *arguments)
            task.stop.signal = "SIGTERM"
        return plain(task, *arguments)

    monkeypatch.setattr(engine, "_validate", stopping)
    with pytest.raises(Interrupted):
        train(cell, tiny.images, tmp_path, COMPUTE | {"checkpoint_seconds": 60})
    monkeypatch.setattr(engine, "_validate", plain)
    train(cell, tiny.images, tmp_path, COMPUTE)
    assert same(weights(tmp_path), weights(undisturbed))
    pd.testing.assert_frame_equal(history(tmp_path), history(undisturbed))


def test_target_rate_cell_remembers_its_multiplier(tiny, tmp_path, monkeypatch):
    objective = {"name": "rate_target", "value": 2.0, "target_curvature": 0.2, "target_step": 0.05}
    cell = tiny.cell("---") | {"objective": objective}
    train(cell, tiny.images, tmp_path / "undisturbed", COMPUTE)
    plain = engine.save_checkpoint

    def stopping(folder, tensors, note):
        plain(folder, tensors, note)
        if (note["epoch"], note["step"]) == (1, 2):
            raise Interrupted("here")

    monkeypatch.setattr(engine, "save_checkpoint", stopping)
    with pytest.raises(Interrupted):
        train(cell, tiny.images, tmp_path / "stopped", COMPUTE)
    monkeypatch.setattr(engine, "save_checkpoint", plain)
    train(cell, tiny.images, tmp_path / "stopped", COMPUTE)
    assert same(weights(tmp_path / "stopped"), weights(tmp_path / "undisturbed"))


def test_damaged_checkpoint_falls_back_and_ends_bit_identical(tiny, undisturbed, tmp_path):
    process = start(tiny.arguments(tiny.cell(epochs=12), tmp_path))
    while not (tmp_path / "state/history.csv").exists():
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.communicate()
    path = tmp_path / "state/checkpoint"
    path.write_bytes(path.read_bytes()[:100])
    log = tmp_path / "log"
    train(tiny.cell(epochs=12), tiny.images, tmp_path, COMPUTE, log)
    assert "checkpoint is cut short or damaged" in log.read_text()
    assert same(weights(tmp_path), weights(undisturbed))


def test_finished_cell_is_not_trained_again(tiny, undisturbed, tmp_path, monkeypatch):
    cell = tiny.cell(epochs=12)
    expected = weights(undisturbed)
    (undisturbed / "model.safetensors").unlink()
    monkeypatch.setattr(engine, "run", None)
    train(cell, tiny.images, undisturbed, COMPUTE)
    assert same(weights(undisturbed), expected)


def test_fresh_trains_again(tiny, tmp_path):
    for fresh in (False, True):
        train(tiny.cell(epochs=1), tiny.images, tmp_path, COMPUTE, tmp_path / "log", fresh)
    assert (tmp_path / "log").read_text().count("epoch 1/1") == 2


def test_another_cell_in_the_folder_is_not_mistaken_for_this_one(tiny, tmp_path):
    train(tiny.cell(epochs=1), tiny.images, tmp_path, COMPUTE)
    train(tiny.cell(epochs=2), tiny.images, tmp_path, COMPUTE)
    assert json.loads((tmp_path / "train.json").read_text())["epochs"] == 2


def test_non_finite_loss_is_one_line_with_the_last_finite_values(tiny, tmp_path, monkeypatch):
    class Exploding(Beta):
        calls = 0

        def forward(self, rate, distortion, time):
            self.calls += 1
            return super().forward(rate, distortion, time) * (float("nan") if self.calls > 5 else 1.0)

    monkeypatch.setattr(engine, "build_loss", lambda cell: Exploding(0.5))
    with pytest.raises(UserError) as caught:
        train(tiny.cell(), tiny.images, tmp_path, COMPUTE | {"checkpoint_seconds": 60})
    message = str(caught.value)
    assert "vae-+v_beta0.5_seed0" in message
    assert "not finite in epoch 2 of 3" in message
    last = history(tmp_path / "state").iloc[-1]
    assert f"R {last.train_rate:.2f}, D {last.train_distortion:.2f} nats" in message
    assert (tmp_path / "state/failure").read_text().strip() == message


def stop_at(checkpoint, monkeypatch):
    """Have the training run end as by a signal, right behind its checkpoint of this number."""
    plain, made = engine.save_checkpoint, []

    def stopping(*arguments):
        plain(*arguments)
        made.append(1)
        if len(made) == checkpoint:
            raise Interrupted("here")

    monkeypatch.setattr(engine, "save_checkpoint", stopping)


@pytest.mark.parametrize(("began", "here"), [("bfloat16", "float32"), ("float32", "bfloat16")])
def test_a_cell_ends_in_the_precision_in_which_it_began(tiny, tmp_path, monkeypatch, began, here):
    """And in the same numbers, those of the validation included, as one that never left its first machine."""
    cell = tiny.cell(precision="auto")
    whole, moved, log = tmp_path / "whole", tmp_path / "moved", tmp_path / "log"
    with monkeypatch.context() as first:
        first.setattr(device, "has_bfloat16_unit", lambda kind: began == "bfloat16")
        train(cell, tiny.images, whole, COMPUTE)
        stop_at(5, first)
        with pytest.raises(Interrupted):
            train(cell, tiny.images, moved, COMPUTE, log)
    assert "precision" not in log.read_text()
    monkeypatch.setattr(device, "has_bfloat16_unit", lambda kind: here == "bfloat16")
    train(cell, tiny.images, moved, COMPUTE, log)
    (line,) = [line for line in log.read_text().splitlines() if "precision" in line]
    assert f"going on in {began}, the precision in which it began; this machine would choose {here}" in line
    assert json.loads((moved / "train.json").read_text())["precision"] == began
    assert same(weights(moved), weights(whole))
    pd.testing.assert_frame_equal(history(moved), history(whole))
    train(cell, tiny.images, tmp_path / "other", COMPUTE)
    assert json.loads((tmp_path / "other/train.json").read_text())["precision"] == here
    assert not history(tmp_path / "other").equals(history(whole))


def test_a_cell_that_stays_where_it_began_says_nothing_of_precision(tiny, tmp_path, monkeypatch):
    with monkeypatch.context() as first:
        stop_at(5, first)
        with pytest.raises(Interrupted):
            train(tiny.cell(), tiny.images, tmp_path, COMPUTE, tmp_path / "log")
    train(tiny.cell(), tiny.images, tmp_path, COMPUTE, tmp_path / "log")
    assert "going on from its checkpoint in epoch 2" in (tmp_path / "log").read_text()
    assert "precision" not in (tmp_path / "log").read_text()


def test_tf32_is_off(tiny, tmp_path):
    torch.backends.cudnn.conv.fp32_precision = "tf32"
    train(tiny.cell("---", epochs=1, precision="float32"), tiny.images, tmp_path, COMPUTE)
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"


SQUARE = """
from rdplane.declare import Objective
from rdplane.train.loss import Loss

SQUARE = Objective(name="square", text="weights of the squared rate", title="square", label="{value:g}", slug="square",
                   builds="Square")


class Square(Loss):
    def __init__(self, square):
        super().__init__()
        self.square = square

    def forward(self, rate, distortion, time):
        self.weight.fill_(self.square)
        return (distortion + self.square * rate**2).mean()
"""


def test_files_of_the_users_own_are_recorded(tiny, tmp_path):
    own = tmp_path / "square.py"
    own.write_text(SQUARE)
    raw = {
        "dataset": "stripes", "data": {"file": str(tiny.file)}, "extensions": [str(own)],
        "grid": {"architectures": ["---"], "beta": [], "square": [0.1]}, "model": {"latent": 2, "width": 0.1},
        "training": {"epochs": 1},
    }  # fmt: skip
    try:
        (cell,) = expand(resolve_config(raw)).values()
        train(cell, tiny.images, tmp_path / "cell", COMPUTE)
    finally:
        use(())
    assert json.loads((tmp_path / "cell/train.json").read_text())["extensions"] == {str(own): str(own)}
    assert history(tmp_path / "cell").beta.tolist() == pytest.approx([0.1])


def test_no_extension_is_recorded_where_none_is_in_use(undisturbed):
    assert json.loads((undisturbed / "train.json").read_text())["extensions"] == {}


def kept_epoch(folder):
    return json.loads((folder / "train.json").read_text())["epoch"]


def test_best_epoch_is_kept_when_asked_for(tiny, tmp_path):
    # A rate of learning far too large: later epochs are worse than an early one.
    train(tiny.cell("---", keep="best", epochs=6, learning_rate=0.1), tiny.images, tmp_path, COMPUTE)
    rows = history(tmp_path)
    assert kept_epoch(tmp_path) == (0.5 * rows.valid_rate + rows.valid_distortion).idxmin() + 1


def validate_as(points, monkeypatch):
    """Let the epochs of a training run end at these validation rates and distortions."""
    left = list(points)
    monkeypatch.setattr(engine, "_validate", lambda *arguments: left.pop(0))


@pytest.mark.parametrize(("anneal", "best"), [(0, 1), (4, 5), (5, 6), (6, 6)])
def test_best_is_the_cells_own_objective_once_beta_has_climbed(tiny, tmp_path, monkeypatch, anneal, best):
    """By -ELBO the second epoch would be best, whose weights are those of a smaller beta."""
    cell = tiny.cell("---", keep="best", epochs=6)
    cell |= {"objective": {"name": "beta", "value": 10.0}, "anneal": anneal}
    validate_as([(2.0, 110.0), (10.5, 85.0), (6.0, 95.0), (5.0, 100.0), (3.6, 104.0), (4.2, 101.0)], monkeypatch)
    train(cell, tiny.images, tmp_path, COMPUTE)
    assert kept_epoch(tmp_path) == best


def test_best_of_a_target_rate_is_on_target(tiny, tmp_path, monkeypatch):
    """By -ELBO the first would be best, by distortion the last."""
    objective = {"name": "rate_target", "value": 5.0, "target_curvature": 0.2, "target_step": 0.01}
    validate_as([(1.0, 38.0), (5.1, 36.0), (9.0, 35.0)], monkeypatch)
    train(tiny.cell("---", keep="best") | {"objective": objective}, tiny.images, tmp_path, COMPUTE)
    assert kept_epoch(tmp_path) == 2


def test_best_weights_survive_a_stop(tiny, tmp_path, monkeypatch):
    """The best epoch lies before the stop, and no later one is better."""
    cell, points = tiny.cell("---", keep="best", epochs=4), [(9.0, 40.0), (5.0, 35.0), (7.0, 38.0), (8.0, 39.0)]
    with monkeypatch.context() as whole:
        validate_as(points, whole)
        train(cell, tiny.images, tmp_path / "whole", COMPUTE)
    with monkeypatch.context() as first:
        validate_as(points, first)
        stop_at(13, first)
        with pytest.raises(Interrupted):
            train(cell, tiny.images, tmp_path / "stopped", COMPUTE)
    validate_as(points[3:], monkeypatch)
    train(cell, tiny.images, tmp_path / "stopped", COMPUTE)
    assert kept_epoch(tmp_path / "whole") == kept_epoch(tmp_path / "stopped") == 2
    assert same(weights(tmp_path / "stopped"), weights(tmp_path / "whole"))


def test_no_epoch_is_best_where_none_is_finite(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "_validate", lambda *arguments: (float("nan"), 1.0))
    with pytest.raises(UserError, match=r"vae---_beta0.5_seed0_\S+: the objective is not finite on the validation"):
        train(tiny.cell("---", keep="best"), tiny.images, tmp_path, COMPUTE)
    assert not (tmp_path / "model.safetensors").exists()


def test_annealed_weight_is_recorded_and_reaches_beta(tiny, tmp_path):
    cell = tiny.cell("---") | {"anneal": 2}
    train(cell, tiny.images, tmp_path, COMPUTE)
    assert history(tmp_path).beta.tolist() == pytest.approx([0.5 * 0.75 / 2, 0.5 * 1.75 / 2, 0.5])


def test_a_cosine_follows_its_warm_up_and_ends_near_zero(tiny, tmp_path):
    """Four steps an epoch; the history has the rate of the last."""
    train(tiny.cell("---", schedule="cosine", warmup_steps=4), tiny.images, tmp_path, COMPUTE)
    expected = [0.01 * 3 / 4, *(0.01 * (1 + math.cos(math.pi * made / 8)) / 2 for made in (3, 7))]
    assert history(tmp_path).learning_rate.tolist() == pytest.approx(expected)


def test_a_warm_up_longer_than_the_training_is_one_line(tiny, tmp_path):
    expected = r"training\.warmup_steps is 200, expected fewer than the 12 steps .* \(epochs x steps: 3 x 4\); lower it"
    with pytest.raises(UserError, match=expected):
        train(tiny.cell("---", schedule="cosine"), tiny.images, tmp_path, COMPUTE)


def test_folder_that_cannot_be_written(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*make the results folder writable"):
        train(tiny.cell(), tiny.images, tmp_path / "file", COMPUTE)


def test_second_process_waits_for_the_first(tiny, tmp_path):
    cell = tiny.cell(epochs=12)
    first = start(tiny.arguments(cell, tmp_path))
    while not (tmp_path / "state/.lock").exists():
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.005)
    second = start(tiny.arguments(cell, tmp_path))
    errors = second.communicate()[1]
    first.communicate()
    assert (first.returncode, second.returncode) == (0, 0)
    assert "already trained" in errors
