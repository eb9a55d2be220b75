"""Training a whole curve: as every cell, it repeats itself, goes on where it was stopped, and says how it went."""

import pandas as pd
import pytest
import torch
from left_behind import COMPUTE, history, same, weights

from rdplane.evaluate.load import load
from rdplane.experiment.architectures import ARCHITECTURES
from rdplane.experiment.objectives import build_loss
from rdplane.models.build import build
from rdplane.train import Interrupted, train
from rdplane.train import loop as engine
from rdplane.train.gradient import backward


@pytest.fixture(scope="module")
def undisturbed(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    train(tiny.curve(epochs=4, average=0.9), tiny.images, folder, COMPUTE)
    return folder


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_trains_a_curve_and_repeats_itself(tiny, tmp_path, architecture):
    for name in ("a", "b"):
        train(tiny.curve(architecture, epochs=1), tiny.images, tmp_path / name, COMPUTE | {"checkpoint_seconds": 60})
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))


@pytest.mark.parametrize("step", [1, 5, 9])
def test_stopped_at_any_step_ends_bit_identical(tiny, undisturbed, tmp_path, step, monkeypatch):
    steps, plain = 0, engine.save_checkpoint

    def stopping(*arguments):
        nonlocal steps
        steps += 1
        plain(*arguments)
        if steps == step:
            raise Interrupted("here")

    cell = tiny.curve(epochs=4, average=0.9)
    monkeypatch.setattr(engine, "save_checkpoint", stopping)
    with pytest.raises(Interrupted):
        train(cell, tiny.images, tmp_path, COMPUTE)
    monkeypatch.setattr(engine, "save_checkpoint", plain)
    train(cell, tiny.images, tmp_path, COMPUTE)
    assert same(weights(tmp_path), weights(undisturbed))
    pd.testing.assert_frame_equal(history(tmp_path), history(undisturbed))


def test_stopped_between_two_betas_of_a_validation_ends_bit_identical(tiny, undisturbed, tmp_path, monkeypatch):
    plain, calls = engine._validate, []

    def stopping(task, *arguments):
        calls.append(arguments)
        if len(calls) == 9:  # the second beta of the averaged weights, in the second epoch
            task.stop.signal = "SIGTERM"
        return plain(task, *arguments)

    cell = tiny.curve(epochs=4, average=0.9)
    monkeypatch.setattr(engine, "_validate", stopping)
    with pytest.raises(Interrupted):
        train(cell, tiny.images, tmp_path, COMPUTE | {"checkpoint_seconds": 60})
    monkeypatch.setattr(engine, "_validate", plain)
    train(cell, tiny.images, tmp_path, COMPUTE)
    assert same(weights(tmp_path), weights(undisturbed))
    pd.testing.assert_frame_equal(history(tmp_path), history(undisturbed))


def test_history_has_a_row_for_each_beta_that_was_looked_at(undisturbed):
    rows = history(undisturbed)
    assert rows["epoch"].tolist() == [1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    middle = 0.55  # the upper half of the range opens in the second epoch
    assert rows["beta"].tolist() == pytest.approx([0.1, middle, *[0.1, middle, 1.0] * 3])


def test_best_epoch_of_a_curve_is_that_of_the_mean_over_its_betas(tiny, tmp_path, monkeypatch):
    """Behind the widening: epochs 3 and 4 of 4. Their means of D + beta R are 5 and 3, before a far better one."""
    found = iter([(0.0, d) for d in (1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 9.0, 4.0, 3.0, 3.0, 3.0)])
    monkeypatch.setattr(engine, "_validate", lambda *arguments: next(found))
    train(tiny.curve(epochs=4, keep="best"), tiny.images, tmp_path, COMPUTE)
    assert '"epoch": 4' in (tmp_path / "train.json").read_text()


def test_smaller_pieces_of_a_batch_give_the_same_gradient(tiny):
    cell = tiny.curve("-+v")
    x, noise = torch.bernoulli(torch.full((12, 8, 8), 0.4)).double(), torch.randn(12, 2).double()
    gradients = []
    for most in (None, 5):
        torch.manual_seed(0)
        objective = build_loss(cell)
        model = objective.prepare(build("-+v", (8, 8), cell["model"])).double()
        model.set(objective.condition(0.7, 7))
        backward(model.rate_distortion, objective, x, noise, 0.0, most)
        gradients.append([p.grad for p in model.parameters()])
    for whole, pieces in zip(*gradients, strict=True):
        torch.testing.assert_close(whole, pieces)


def test_a_point_is_loaded_as_a_model_of_its_own(undisturbed):
    model = load(undisturbed, beta=0.3)
    assert torch.isfinite(torch.stack(model.rate_distortion(torch.zeros(2, 8, 8)))).all()
    assert model.cell["objective"]["value"] == [0.1, 1.0]


def test_averaged_weights_of_a_point_differ_from_the_last_ones(undisturbed):
    last, average = (load(undisturbed, beta=0.3, average=which).encoder.head.weight for which in (False, True))
    assert not last.equal(average)
