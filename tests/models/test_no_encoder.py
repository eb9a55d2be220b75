"""Encoder 0: nothing is coded, and the decoder alone is the density."""

import itertools

import pytest
import torch

from rdplane.errors import UserError
from rdplane.experiment.architectures import known, matching, parse
from rdplane.experiment.config import resolve_config
from rdplane.experiment.keys import sizes_of
from rdplane.models.build import build

SIZES = {"pixelcnn_depth": 2, "pixelcnn_resnets": 1}


@pytest.fixture
def model():
    torch.manual_seed(0)
    return build("0+-", (4, 4), SIZES).double()


def test_the_rate_is_zero_and_the_distortion_that_of_the_decoder_alone(model):
    x = (torch.rand(5, 4, 4) < 0.5).double()
    rate, distortion = model.rate_distortion(x)
    assert (rate == 0).all()
    torch.testing.assert_close(distortion, -model.decoder.log_prob(x, None))


def test_its_density_is_one_over_all_images(model):
    every = torch.tensor(list(itertools.product((0.0, 1.0), repeat=16)), dtype=torch.float64).view(-1, 4, 4)
    with torch.no_grad():
        total = (-model.rate_distortion(every)[1]).exp().sum()
    torch.testing.assert_close(total, torch.ones((), dtype=torch.float64))


def test_it_has_no_latent_size():
    assert list(sizes_of("0+-", "binary")) == ["pixelcnn_depth", "pixelcnn_resnets"]


def test_it_draws_and_reconstructs_without_a_code(model):
    x = (torch.rand(3, 4, 4) < 0.5).double()
    assert model.generate(2).shape == (2, 4, 4) and model.reconstruct(x).shape == (3, 4, 4)


def test_it_belongs_to_one_architecture():
    assert [name for name in known() if name[0] == "0"] == ["0+-"]
    with pytest.raises(UserError, match=r"unknown architecture '0--'.*fits 0\+- alone"):
        parse("0--")


def test_only_its_name_chooses_it():
    assert matching("?+-") == ["-+-", "++-"] and matching("0+-") == ["0+-"]
    assert "0+-" not in resolve_config({"grid": {"architectures": ["???"]}})["grid"]["architectures"]
