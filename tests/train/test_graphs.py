"""Recorded passes, without a GPU: what is replayed runs again in the same memory."""

import pytest
import torch

from rdplane.device import choose_device
from rdplane.errors import UserError
from rdplane.experiment.objectives import build_loss
from rdplane.models.build import build
from rdplane.models.conditioned import Conditioned
from rdplane.train import train
from rdplane.train.compiled import chosen_mode
from rdplane.train.gradient import backward
from rdplane.train.graphs import GraphedPasses


class Again:
    """Stands for a CUDA graph: a call runs the function once more, and its numbers go to where the first ones were."""

    def __init__(self, function, pool):
        self.function, self.places = function, None
        self.result = function()
        self.places = self.result

    def __call__(self):
        self.result = self.function()
        for place, value in zip(self.places, self.result, strict=True):
            if value is not None:
                place.detach().copy_(value.detach())


@pytest.mark.parametrize("objective", ["beta", "rate_target", "curve"])
def test_recorded_passes_give_the_gradients_of_eager_ones(tiny, objective):
    cell = tiny.cell("++v", {"beta": [], objective: [[0.05, 1.25] if objective == "curve" else 0.5]})
    torch.manual_seed(0)
    model = build("++v", (8, 8), cell["model"]).double()
    if objective == "curve":
        model = Conditioned(model, 0.05, 1.25).double()
    one, other = build_loss(cell).double(), build_loss(cell).double()
    batches = [((torch.rand(4, 8, 8) < 0.5).double(), torch.randn(4, 2).double()) for _ in range(3)]
    passes = GraphedPasses(model.rate_distortion, list(model.parameters()), *batches[0], record=Again)
    for number, (x, noise) in enumerate(batches):
        for loss in (one, other):
            condition = loss.condition(number / 3, number)
            if condition is not None:
                model.set(condition)
        expected = [value.clone() for value in backward(model.rate_distortion, one, x, noise, float(number))]
        gradients = [p.grad for p in model.parameters()]
        model.zero_grad(set_to_none=True)
        got = passes(other, x, noise, float(number))
        torch.testing.assert_close(list(got), expected)
        for p, gradient in zip(model.parameters(), gradients, strict=True):
            torch.testing.assert_close(p.grad, gradient)
        model.zero_grad(set_to_none=True)
    torch.testing.assert_close(one.state_dict(), other.state_dict())


def test_training_through_recorded_passes_leaves_the_same_weights(tiny, tmp_path, monkeypatch):
    cell = tiny.curve("-+v", average=0.9)
    train(cell, tiny.images, tmp_path / "eager", {"device": "cpu", "compile": "off"})
    monkeypatch.setattr("rdplane.train.loop.chosen_mode", lambda *arguments: "graph")
    recorded = []
    monkeypatch.setattr(
        "rdplane.train.gradient.GraphedPasses",
        lambda *arguments: recorded.append(GraphedPasses(*arguments, record=Again)) or recorded[-1],
    )
    train(cell, tiny.images, tmp_path / "recorded", {"device": "cpu"})
    assert len(recorded) == 1
    same = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("eager", "recorded")]
    assert same[0] == same[1]


def test_recording_that_fails_is_done_without(tiny, tmp_path, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("operation not permitted when stream is capturing\nand much more")

    cell = tiny.cell(epochs=1)
    train(cell, tiny.images, tmp_path / "eager", {"device": "cpu", "compile": "off"})
    monkeypatch.setattr("rdplane.train.loop.chosen_mode", lambda *arguments: "graph")
    monkeypatch.setattr("rdplane.train.gradient.GraphedPasses", fail)
    train(cell, tiny.images, tmp_path / "failed", {"device": "cpu"}, tmp_path / "log")
    lines = [line for line in (tmp_path / "log").read_text().splitlines() if "CUDA graphs" in line]
    assert len(lines) == 1 and "(operation not permitted when stream is capturing); going on without" in lines[0]
    same = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("eager", "failed")]
    assert same[0] == same[1]


def test_graphs_are_for_cuda_alone():
    assert chosen_mode("auto", torch.device("cuda"), "bfloat16", 1) == "graph"
    with pytest.raises(UserError, match="is graph, but the cell is computed on cpu"):
        chosen_mode("graph", choose_device("cpu"), "float32", 1)
