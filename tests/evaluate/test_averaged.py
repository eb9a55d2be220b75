"""The averaged weights of a cell, measured beside those that were kept."""

import json

import finished
import pytest
import safetensors.torch
import torch

import rdplane
from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.evaluate.run import evaluate
from rdplane.experiment.cells import evaluation_of, expand, is_measured
from rdplane.experiment.config import resolve_config
from rdplane.experiment.metrics import read_metrics

COLUMNS = ("average_rate", "average_distortion", "average_neg_elbo")


def write_averaged(folder, shift):
    """A finished cell whose averaged weights differ from those kept by `shift`."""
    cell = finished.write_cell(folder)
    summary = json.loads((cell / "train.json").read_text())
    summary["cell"]["training"]["average"] = 0.9
    (cell / "train.json").write_text(json.dumps(summary))
    path = cell / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    averaged = {f"average.{name}": tensor + shift for name, tensor in tensors.items()}
    path.write_bytes(safetensors.torch.save(tensors | averaged))
    return cell


@pytest.fixture
def measured(tmp_path):
    """The metrics of a cell with averaged weights."""

    def measure(shift):
        cell, output = write_averaged(tmp_path / "cell", shift), tmp_path / "metrics.json"
        evaluate(cell, finished.write_images(tmp_path / "images.npz"), output, finished.evaluation_of(True), "cpu")
        return read_metrics(output)

    return measure


@pytest.mark.parametrize("ending", ["", "_se"])
def test_an_average_equal_to_the_weights_gives_the_same_numbers(measured, ending):
    """To the last digit, for the draws of z are the same."""
    metrics = measured(0.0)
    kept = [metrics[f"{name}{ending}"] for name in ("rate", "distortion", "neg_elbo")]
    assert kept == [metrics[f"{name}{ending}"] for name in COLUMNS]


def test_another_average_gives_other_numbers(measured):
    metrics = measured(0.01)
    assert all(metrics[name] != metrics[name.removeprefix("average_")] for name in COLUMNS)
    assert metrics["average_neg_elbo"] == pytest.approx(metrics["average_rate"] + metrics["average_distortion"])


def test_without_averaged_weights_the_columns_are_empty(tmp_path):
    cell, output = finished.write_cell(tmp_path / "cell"), tmp_path / "metrics.json"
    evaluate(cell, finished.write_images(tmp_path / "images.npz"), output, finished.evaluation_of(True), "cpu")
    assert {read_metrics(output)[name] for name in COLUMNS} == {None}


def test_a_cell_loads_with_its_weights_or_with_their_average(tmp_path):
    cell = write_averaged(tmp_path / "cell", 1.0)
    kept, averaged = (rdplane.load(cell, average=average).state_dict() for average in (False, True))
    assert all(torch.equal(kept[name] + 1, averaged[name]) for name in kept)


def test_an_average_that_is_not_there_is_one_line(tmp_path):
    cell = finished.write_cell(tmp_path / "cell")
    with pytest.raises(UserError, match=r"has no moving average of the weights, expected one; .*training\.average"):
        rdplane.load(cell, average=True)


def test_it_is_measured_where_training_keeps_an_average():
    raw = {
        "grid": {"architectures": ["---", "-+-"]},
        "training": {"average": 0.9},
        "overrides": {"?+?": {"training": {"average": 0}}},
    }
    config = resolve_config(raw)
    found = ["average" in evaluation_of(config, cell["architecture"], "beta") for cell in expand(config).values()]
    assert found == [True, False]
    measure = declared().measures["average"]
    assert is_measured(config, measure, [("---", "beta"), ("-+-", "beta")])
    assert not is_measured(config, measure, [("-+-", "beta")])
