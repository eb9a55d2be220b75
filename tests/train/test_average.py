"""The moving average of the weights: what it is, and that training goes on as it would without."""

import json

import pandas as pd
import pytest
import safetensors.torch
import torch
from left_behind import COMPUTE, history, same
from torch import nn

from rdplane.train import Interrupted, train
from rdplane.train import loop as engine
from rdplane.train.average import MovingAverage


def walk(decay, steps):
    """Averages of a model whose parameter is its step, and that parameter, after so many steps."""
    model = nn.Linear(1, 1, bias=False).double()
    nn.init.zeros_(model.weight)
    average = MovingAverage(model, decay)
    for made in range(1, steps + 1):
        nn.init.constant_(model.weight, made)
        average.update(made)
    return average.means["weight"].item()


def test_each_step_keeps_the_share_of_the_average_that_the_decay_says():
    """Once (1 + t) / (10 + t) has passed it, at step 8 for 0.5."""
    assert walk(0.5, 20) == pytest.approx(0.5 * walk(0.5, 19) + 0.5 * 20, rel=1e-12)


def test_early_steps_are_soon_forgotten():
    """Weights that grow by 1 a step lag behind by the mean age of what is averaged: a ninth of the steps, nearly."""
    lag = 900 - walk(0.999, 900)
    assert 80 < lag < 100


def test_the_average_of_weights_that_rest_is_these_weights():
    model = nn.Linear(3, 2)
    average = MovingAverage(model, 0.9)
    for made in range(1, 30):
        average.update(made)
    assert all(torch.equal(average.means[name], value) for name, value in model.named_parameters())


def test_in_place_the_model_has_the_average_and_afterwards_its_own():
    model, places = nn.Linear(3, 2), []
    average = MovingAverage(model, 0.9)
    nn.init.zeros_(model.weight)
    before = [parameter.data_ptr() for parameter in model.parameters()]
    with pytest.raises(KeyError), average.in_place():
        places.append(model.weight.abs().sum().item())
        raise KeyError
    assert places[0] > 0 and model.weight.abs().sum() == 0
    assert before == [parameter.data_ptr() for parameter in model.parameters()]


def weights(folder):
    """The kept weights, and the averaged ones."""
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    averaged = {name.removeprefix("average."): tensors.pop(name) for name in list(tensors) if "average." in name}
    return tensors, averaged


@pytest.fixture(scope="module")
def averaged(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("averaged")
    train(tiny.cell(average=0.9), tiny.images, folder, COMPUTE)
    return folder


def test_an_average_changes_no_number_of_the_training_itself(tiny, averaged, tmp_path):
    train(tiny.cell(), tiny.images, tmp_path, COMPUTE)
    assert same(weights(tmp_path)[0], weights(averaged)[0])
    columns = [name for name in history(tmp_path) if not name.endswith("_average")]
    pd.testing.assert_frame_equal(history(tmp_path)[columns], history(averaged)[columns])


def test_without_an_average_its_columns_are_empty_and_no_weights_are_kept(tiny, tmp_path):
    train(tiny.cell(), tiny.images, tmp_path, COMPUTE)
    assert weights(tmp_path)[1] == {}
    assert history(tmp_path)[["valid_rate_average", "valid_distortion_average"]].isna().all(axis=None)


def test_averaged_weights_are_kept_and_validated_beside_the_last(averaged):
    last, means = weights(averaged)
    assert means.keys() <= last.keys() and not same(means, {name: last[name] for name in means})
    rows = history(averaged)
    assert rows.valid_rate_average.notna().all() and (rows.valid_rate_average != rows.valid_rate).all()


@pytest.mark.parametrize("keep", ["last", "best", "average"])
@pytest.mark.parametrize("checkpoint", [1, 5, 7, 12])
def test_stopped_anywhere_it_ends_bit_identical(tiny, tmp_path, monkeypatch, checkpoint, keep):
    cell, whole, stopped = tiny.cell("---", average=0.9, keep=keep), tmp_path / "whole", tmp_path / "stopped"
    train(cell, tiny.images, whole, COMPUTE)
    plain, made = engine.save_checkpoint, []

    def stopping(*arguments):
        plain(*arguments)
        made.append(1)
        if len(made) == checkpoint:
            raise Interrupted("here")

    with monkeypatch.context() as first:
        first.setattr(engine, "save_checkpoint", stopping)
        with pytest.raises(Interrupted):
            train(cell, tiny.images, stopped, COMPUTE)
    train(cell, tiny.images, stopped, COMPUTE)
    assert (stopped / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    pd.testing.assert_frame_equal(history(stopped), history(whole))


def test_stopped_while_the_average_is_validated_it_ends_bit_identical(tiny, averaged, tmp_path, monkeypatch):
    plain, calls = engine._validate, []

    def stopping(task, *arguments):
        calls.append(arguments)
        if len(calls) == 4:  # of the second epoch, behind that of the last weights
            task.stop.signal = "SIGTERM"
        return plain(task, *arguments)

    with monkeypatch.context() as first:
        first.setattr(engine, "_validate", stopping)
        with pytest.raises(Interrupted):
            train(tiny.cell(average=0.9), tiny.images, tmp_path, COMPUTE | {"checkpoint_seconds": 60})
    train(tiny.cell(average=0.9), tiny.images, tmp_path, COMPUTE)
    assert all(map(same, weights(tmp_path), weights(averaged)))
    pd.testing.assert_frame_equal(history(tmp_path), history(averaged))


def test_the_average_can_be_the_model(tiny, averaged, tmp_path):
    train(tiny.cell(average=0.9, keep="average"), tiny.images, tmp_path, COMPUTE)
    kept, means = weights(tmp_path)
    assert same(means, weights(averaged)[1]) and same(means, {name: kept[name] for name in means})
    assert json.loads((tmp_path / "train.json").read_text())["epoch"] == 3
