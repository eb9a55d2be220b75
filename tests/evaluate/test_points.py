"""The points of a curve: each a model of its own, measured once, found by its beta or by its rate."""

import json
import math

import finished
import numpy as np
import pytest
import torch

from rdplane.data.store import load as load_images
from rdplane.errors import UserError
from rdplane.evaluate import call, points
from rdplane.evaluate.load import load, load_curve
from rdplane.evaluate.points import beta_of_rate, find_points
from rdplane.evaluate.rate_distortion import rate_distortion
from rdplane.evaluate.run import evaluate
from rdplane.evaluate.samples import sample
from rdplane.experiment.metrics import read_metrics, rows
from rdplane.figures.samples import read_samples

SAMPLING = {"images": 3, "draws": 2, "seed": 0, "version": "1"}


@pytest.fixture
def cell(tmp_path):
    return finished.write_curve(tmp_path / "cells" / "cell")


@pytest.fixture
def images(tmp_path):
    return finished.write_images(tmp_path / "images.npz")


def asked(*betas, rates=()):
    return {"betas": list(betas), "rates": list(rates)}


def measure(cell, images, where):
    evaluate(cell, images, cell / "metrics.json", finished.evaluation_of(), "cpu", points=where)
    return read_metrics(cell / "metrics.json")


def test_every_point_is_a_row_with_its_beta(cell, images):
    found = rows(measure(cell, images, asked(0.1, 0.3, 1.0)))
    assert [row["beta"] for row in found] == [0.1, 0.3, 1.0]
    assert len({row["rate"] for row in found}) == 3


def test_numbers_of_a_point_are_those_of_its_own_model(cell, images):
    (row,) = rows(measure(cell, images, asked(0.3)))
    settings, model = finished.evaluation_of()["rate_distortion"], load(cell, beta=0.3)
    torch.manual_seed(settings["seed"])
    test = torch.from_numpy(load_images(images).test)
    rate, distortion = rate_distortion(model, test, settings["z_samples"], settings["batch_size"])
    assert (row["rate"], row["distortion"]) == (rate.mean().item(), distortion.mean().item())


def test_a_point_that_is_added_is_measured_alone(cell, images, monkeypatch):
    before = measure(cell, images, asked(0.1, 1.0))
    models, plain = [], call.call
    monkeypatch.setattr(call, "call", lambda measure, given: models.append(id(given.model)) or plain(measure, given))
    after = measure(cell, images, asked(0.1, 0.3, 1.0))
    assert len(set(models)) == 1
    assert [after["points"][0], after["points"][2]] == before["points"]


def test_points_that_are_known_load_no_model(cell, images, monkeypatch):
    before = measure(cell, images, asked(0.1, rates=[rate_between(cell, images)]))
    monkeypatch.setattr("rdplane.evaluate.load.load_curve", lambda *_: pytest.fail("loaded"))
    assert measure(cell, images, before["asked"]) == before


def rate_between(cell, images):
    """A rate that the curve has at some beta."""
    curve, valid = load_curve(cell), torch.from_numpy(load_images(images).valid)
    ends = []
    for beta in (0.2, 0.5):
        torch.manual_seed(0)
        curve.set(beta)
        ends.append(curve.rate_distortion(valid.float())[0].mean().item())
    return round(sum(ends) / 2, 3)


class Falling:
    """A curve whose rate is known: -10 log beta, for every image."""

    low, high = 0.05, 1.25

    def set(self, beta):
        self.beta = beta

    def images(self, stored):
        return stored

    def rate_distortion(self, x):
        return torch.full((len(x),), -10 * math.log(self.beta)), torch.zeros(len(x))


@pytest.mark.parametrize("rate", [1.0, 10.0, 29.0])
def test_the_beta_of_a_rate_has_that_rate(rate):
    found = beta_of_rate(Falling(), torch.zeros(7, 8, 8), rate)
    assert -10 * math.log(found) == pytest.approx(rate, abs=0.02)


@pytest.mark.parametrize("rate", [-5.0, 40.0])
def test_a_rate_beyond_the_range_has_no_beta(rate):
    assert beta_of_rate(Falling(), torch.zeros(7, 8, 8), rate) is None


@pytest.mark.parametrize("end", [0.03, 0.05, 3, 10])
def test_a_rate_at_an_end_of_the_range_has_a_beta_within_it(end):
    curve = Falling()
    curve.low, curve.high = (end, 20.0) if end < 1 else (0.01, end)
    found = beta_of_rate(curve, torch.zeros(7, 8, 8), -10 * math.log(end) + (-1e-3 if end < 1 else 1e-3))
    assert curve.low <= found <= curve.high and found == pytest.approx(end, rel=2e-3)


class Hill(Falling):
    """One whose rate climbs at first: both ends are below what lies between them."""

    def rate_distortion(self, x):
        return torch.full((len(x),), 20 - 10 * abs(math.log(self.beta / 0.2))), torch.zeros(len(x))


def test_a_rate_that_lies_between_two_lower_ends_is_found():
    found = beta_of_rate(Hill(), torch.zeros(7, 8, 8), 15.0)
    assert 20 - 10 * abs(math.log(found / 0.2)) == pytest.approx(15, abs=0.02)


def test_a_rate_beyond_the_range_is_left_out_and_said(cell, images, capsys):
    found = measure(cell, images, asked(0.1, rates=[1e4]))
    assert [point["beta"] for point in found["points"]] == [0.1]
    assert "cell: no beta of its range has a validation rate of 10000 nats; its points have" in capsys.readouterr().err


def test_a_beta_that_was_searched_is_not_searched_again(cell, images, monkeypatch):
    rate = rate_between(cell, images)
    first = find_points(cell, asked(rates=[rate]), images, "cpu")
    monkeypatch.setattr(points, "beta_of_rate", lambda *_: pytest.fail("searched again"))
    assert find_points(cell, asked(rates=[rate]), images, "cpu") == first


def test_samples_of_a_point_are_those_of_its_own_model(cell, images, tmp_path):
    sample(cell, images, cell / "samples.npz", SAMPLING, "cpu", points=asked(0.1, 0.3))
    several = read_samples(tmp_path, "cell@0.3")
    sample(cell, images, cell / "samples.npz", SAMPLING, "cpu", points=asked(0.3))
    alone = read_samples(tmp_path, "cell@0.3")
    assert several.keys() == alone.keys() and all(np.array_equal(several[key], alone[key]) for key in several)


def test_a_point_without_samples_is_one_line(cell, images, tmp_path):
    sample(cell, images, cell / "samples.npz", SAMPLING, "cpu", points=asked(0.1, 0.3))
    with pytest.raises(UserError, match=r"has no point 0.7, expected 0.1, 0.3; delete it and draw the samples again"):
        read_samples(tmp_path, "cell@0.7")


@pytest.mark.parametrize("beta", [None, 0.01, 3.0])
def test_a_beta_that_was_not_trained_is_refused(cell, beta):
    with pytest.raises(
        UserError, match=r"trained for every beta from 0.05 to 1.25; expected one of these, found beta="
    ):
        load(cell, beta=beta)


def test_a_beta_of_a_cell_that_trained_no_curve_is_refused(tmp_path):
    cell = finished.write_cell(tmp_path / "other")
    with pytest.raises(UserError, match=r"not for a curve, so it has no weights for beta 0.3; expected beta=None"):
        load(cell, beta=0.3)


def test_metrics_of_a_curve_name_the_point_that_is_wrong(cell, images):
    metrics = measure(cell, images, asked(0.1, 0.3))
    metrics["points"][1]["neg_elbo"] += 1
    (cell / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(UserError, match=r"points\[1\].neg_elbo is .*, expected rate \+ distortion"):
        read_metrics(cell / "metrics.json")
