"""Bounds on the information of discrete codes, on codes made by hand."""

import math

import pytest
import torch

from rdplane.evaluate.confusion import code_bounds
from rdplane.evaluate.information import mutual_information
from rdplane.models.build import build


def codes(*counts):
    """So many images with each of some codes."""
    place = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    return torch.stack([place, place.square()], 1).double()[torch.randperm(len(place))]


def test_the_lower_bound_is_the_entropy_of_the_frequencies():
    lower, _ = code_bounds(codes(4, 2, 1, 1))
    assert lower.value == pytest.approx(0.5 * math.log(2) + 0.25 * math.log(4) + 0.25 * math.log(8))


def test_codes_that_all_differ_reach_log_k_without_an_error():
    lower, upper = code_bounds(codes(*[1] * 10))
    assert lower.value == pytest.approx(math.log(10)) and lower.se == pytest.approx(0, abs=1e-9) and upper is None


def test_one_code_for_all_tells_nothing():
    lower, upper = code_bounds(codes(10))
    assert lower.value == pytest.approx(0) and upper.value == pytest.approx(0) and upper.se == pytest.approx(0)


def test_the_upper_bound_leaves_each_image_out():
    _, upper = code_bounds(codes(5, 3))
    assert upper.value == pytest.approx((5 * math.log(7 / 4) + 3 * math.log(7 / 2)) / 8)


def test_a_code_of_one_image_leaves_no_upper_bound():
    assert code_bounds(codes(5, 3, 1))[1] is None


def test_the_bounds_enclose_the_entropy_of_many_codes():
    torch.manual_seed(0)
    chances = torch.tensor([0.5, 0.3, 0.2]).double()
    lower, upper = code_bounds(torch.multinomial(chances, 3000, replacement=True)[:, None].double())
    entropy = -(chances * chances.log()).sum().item()
    assert lower.value == pytest.approx(entropy, abs=4 * lower.se) and upper.value > lower.value


def test_the_error_is_the_spread_over_sets_of_images():
    torch.manual_seed(0)
    chances = torch.tensor([0.6, 0.3, 0.1])
    found = [code_bounds(torch.multinomial(chances, 300, replacement=True)[:, None])[0] for _ in range(200)]
    spread = torch.tensor([lower.value for lower in found]).std().item()
    assert sum(lower.se for lower in found) / 200 == pytest.approx(spread, rel=0.2)


def test_a_model_is_measured_by_its_codes():
    torch.manual_seed(0)
    model = build("q-q", (4, 4), {"width": 0.1, "code_levels": 2, "code_channels": 2})
    images = (torch.rand(300, 4, 4) < 0.4).to(torch.uint8)
    information = mutual_information(model, images)
    expected, upper = code_bounds(model.encode(images.float()).z.detach())
    assert information.lower == expected and information.upper == upper and information.images == 300
    assert 0 <= information.lower.value <= 2 * math.log(2)
