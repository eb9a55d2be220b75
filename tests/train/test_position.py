"""Where a training run stands: all of it can be written down and taken up again."""

import json

import torch

from rdplane.models.build import build
from rdplane.train.objectives.rate_target import RateTarget
from rdplane.train.optimiser import NormalisedAdam
from rdplane.train.position import Position


def begin(tiny, seed, precision):
    torch.manual_seed(seed)
    model = build("-+v", (8, 8), tiny.cell()["model"])
    return Position(model, RateTarget(1.0, 0.2, 0.1), NormalisedAdam(model.parameters()), precision, torch.zeros(3))


def move(position):
    """A step."""
    rate, distortion = position.model.rate_distortion((torch.rand(4, 8, 8) < 0.5).float())
    position.objective(rate, distortion, 0.0).backward()
    position.sums += torch.stack([rate.sum(), distortion.sum(), position.optimiser.step(0.01)]).detach()
    position.step += 1


def test_restored_elsewhere_it_goes_on_alike(tiny):
    one, other = begin(tiny, 0, "bfloat16"), begin(tiny, 1, "float32")
    move(one)
    one.best, one.best_epoch = 3.5, 1
    one.end_epoch([{"epoch": 1.0}])
    move(one)
    tensors, note = one.state()
    tensors, note = {key: value.clone() for key, value in tensors.items()}, json.loads(json.dumps(note))
    move(one)
    torch.manual_seed(5)  # wherever the generator of the other process stands
    other.restore(tensors, note)
    assert (other.epoch, other.step, other.precision, other.best, other.best_epoch) == (1, 1, "bfloat16", 3.5, 1)
    assert other.history == [{"epoch": 1.0}] and 0 <= other.earlier <= other.seconds
    move(other)
    ends = one.state()[0], other.state()[0]
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(ends[0][key], ends[1][key]) for key in ends[0])


def test_nothing_is_best_before_the_first_epoch(tiny):
    one, other = begin(tiny, 0, "float32"), begin(tiny, 1, "float32")
    move(one)
    tensors, note = one.state()
    other.restore(tensors, json.loads(json.dumps(note, allow_nan=False)))
    assert (other.best, other.best_epoch) == (float("inf"), 0)


def test_an_epoch_that_ends_clears_its_sums(tiny):
    position = begin(tiny, 0, "float32")
    move(position)
    position.end_epoch([{"epoch": 1.0}])
    assert (position.epoch, position.step, position.sums.tolist()) == (1, 0, [0.0, 0.0, 0.0])
