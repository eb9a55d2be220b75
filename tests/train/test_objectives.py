"""Objectives: what they minimise, on a rate-distortion curve that is known."""

import math

import pytest
import torch

from rdplane.experiment.objectives import build_loss
from rdplane.train.loss import Loss
from rdplane.train.objectives.beta import Beta
from rdplane.train.objectives.curve import Curve
from rdplane.train.objectives.rate_penalty import RatePenalty
from rdplane.train.objectives.rate_target import RateTarget

RATE = torch.tensor([1.0, 3.0, 5.0], dtype=torch.float64)
DISTORTION = torch.tensor([80.0, 90.0, 100.0], dtype=torch.float64)


def test_beta_is_the_weighted_sum():
    assert Beta(0.5)(RATE, DISTORTION, 0.0).item() == pytest.approx(90 + 0.5 * 3)


def test_beta_climbs_with_time():
    assert Beta(0.5, anneal=4)(RATE, DISTORTION, 1.0).item() == pytest.approx(90 + 0.125 * 3)


@pytest.mark.parametrize("target", [0.0, 3.0, 7.0])
def test_penalty_is_the_papers(target):
    assert RatePenalty(target)(RATE, DISTORTION, 0.0).item() == pytest.approx(90 + abs(target - 3))


def gradient(objective, rate):
    rate = torch.tensor([rate], dtype=torch.float64, requires_grad=True)
    objective(rate, torch.zeros(1, dtype=torch.float64), 0.0).backward()
    return rate.grad.item()


@pytest.mark.parametrize("rate", [4.0, 5.0, 6.5])
def test_lagrangian_gradient_is_the_multiplier_and_the_curvature(rate):
    objective = RateTarget(5.0, target_curvature=0.2, target_step=0.1)
    objective.multiplier.fill_(0.7)
    excess = rate - 5
    assert gradient(objective, rate) == pytest.approx((0.7 + 0.1 * excess) + 0.2 * excess)


@pytest.mark.parametrize(("rate", "bound"), [(0.0, -1.0), (500.0, 10.0)])
def test_weight_of_the_rate_is_bounded(rate, bound):
    assert gradient(RateTarget(50.0, 0.2, 0.004), rate) == bound


def descend(objective, curve, start, steps=2000, speed=0.05):
    """Gradient descent on the rate along a curve D(R)."""
    rate = torch.tensor([start], dtype=torch.float64, requires_grad=True)
    for _ in range(steps):
        objective(rate, curve(rate), 0.0).backward()
        with torch.no_grad():
            rate -= speed * rate.grad
            rate.clamp_(min=0)
        rate.grad = None
    return rate.item()


def convex(rate):
    return 100 * torch.exp(-rate / 20)


def line(rate):
    return 80 - rate


@pytest.mark.parametrize("target", [5.0, 20.0, 40.0])
@pytest.mark.parametrize("start", [0.5, 60.0])
def test_lagrangian_reaches_a_target_on_a_convex_curve(target, start):
    objective = RateTarget(target, 0.2, 0.004)
    assert descend(objective, convex, start) == pytest.approx(target, abs=0.01)


def test_multiplier_settles_at_the_slope():
    objective = RateTarget(20.0, 0.2, 0.004)
    descend(objective, convex, 1.0)
    assert objective.multiplier.item() == pytest.approx(5 * torch.tensor(-1.0).exp().item(), abs=1e-3)


@pytest.mark.parametrize("target", [5.0, 20.0, 40.0])
def test_lagrangian_holds_a_point_on_a_slope_one_stretch(target):
    assert descend(RateTarget(target, 0.2, 0.004), line, 70.0) == pytest.approx(target, abs=0.01)


def test_beta_cannot_hold_a_point_on_a_slope_one_stretch():
    assert descend(Beta(1.0), line, 33.0) == pytest.approx(33.0)
    assert descend(Beta(1.01), line, 33.0) < 32.5


def test_penalty_reaches_a_target_from_below_and_not_from_above_on_a_slope_one_stretch():
    assert descend(RatePenalty(20.0), line, 1.0) == pytest.approx(20, abs=0.2)
    assert descend(RatePenalty(20.0), line, 33.0) == pytest.approx(33)


def test_penalty_stays_above_a_target_where_the_curve_is_steep():
    assert descend(RatePenalty(5.0), convex, 1.0) == pytest.approx(20 * torch.tensor(5.0).log().item(), abs=0.2)


@pytest.mark.parametrize("anneal", [0, 4])
def test_merit_of_a_beta_is_its_objective_at_the_end(anneal):
    assert Beta(10.0, anneal).merit(3.0, 90.0, 4) == 90 + 10 * 3


@pytest.mark.parametrize("rate", [3.0, 7.0])
def test_merit_of_a_penalty_is_the_penalty(rate):
    assert RatePenalty(5.0).merit(rate, 90.0, 4) == 92


@pytest.mark.parametrize("curve", [convex, line])
@pytest.mark.parametrize("target", [5.0, 20.0, 40.0])
def test_merit_of_a_target_rate_is_least_at_the_target(target, curve):
    rates = torch.arange(0, 80.5, 0.5, dtype=torch.float64)
    objective = RateTarget(target, 0.2, 0.004)
    merits = [objective.merit(rate.item(), curve(rate).item(), 4) for rate in rates]
    assert rates[merits.index(min(merits))] == target


def test_merit_of_a_target_rate_is_the_distortion_at_the_target():
    assert RateTarget(5.0, 0.2, 0.004).merit(5.0, 90.0, 4) == 90


class Remembering(Loss):
    """A user's objective, whose weight climbs with every batch."""

    def forward(self, rate, distortion, time):
        self.weight += 1
        return (distortion + (time + self.weight) * rate).mean()


def test_merit_of_an_objective_of_ones_own_is_its_loss_at_the_end():
    assert Remembering().merit(3.0, 90.0, 4) == 90 + 5 * 3


def test_asking_for_the_merit_changes_nothing_that_is_remembered():
    objective = Remembering()
    assert objective.merit(3.0, 90.0, 4) == objective.merit(3.0, 90.0, 4)
    assert objective.weight == 0


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"name": "beta", "value": 1.0}, Beta),
        ({"name": "rate_penalty", "value": 5.0}, RatePenalty),
        ({"name": "rate_target", "value": 5.0, "target_curvature": 0.2, "target_step": 0.1}, RateTarget),
    ],
)
def test_cell_names_its_objective(settings, kind):
    assert type(build_loss({"objective": settings, "anneal": 0})) is kind


def betas(objective, steps):
    return torch.tensor([objective.condition(made / steps, made) for made in range(steps)], dtype=torch.float64)


def curve(low=0.05, high=1.25, widening=0.5, power=0.0):
    return Curve([low, high], widening, power)


def test_curve_is_the_weighted_sum_at_the_beta_of_its_batch():
    objective = curve(widening=0.0)
    beta = objective.condition(0.07, 7)
    assert objective(RATE, DISTORTION, 0.0).item() == pytest.approx(90 + beta * 3, rel=1e-12)


def shares(betas, power, low=0.05, high=1.25):
    """Places of betas in the range, from 0 to 1, in beta to a power."""
    if not power:
        return (betas / low).log() / math.log(high / low)
    return (betas**power - low**power) / (high**power - low**power)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_curve_spreads_its_betas_evenly_over_a_power_of_them(power):
    counts = torch.histc(shares(betas(curve(widening=0.0, power=power), 1000), power), 20, 0, 1)
    assert counts.min() >= 48 and counts.max() <= 52


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("share", "top"), [(0.1, 0.2), (0.25, 0.5), (0.5, 1.0), (0.9, 1.0)])
def test_curve_opens_its_range_from_the_low_end(share, top, power):
    found = shares(betas(curve(power=power), 10_000), power)
    around = found[int(10_000 * share) - 50 : int(10_000 * share) + 50]
    assert around.max().item() == pytest.approx(top, abs=0.03) and around.min() < 0.03


@pytest.mark.parametrize("power", [0.0, 0.3, 0.5, 1.0])
def test_curve_stays_within_its_range(power):
    found = betas(curve(0.1, 10.0, 0.3, power), 3000)
    assert found.min() >= 0.1 and found.max() <= 10.0


def test_curve_draws_the_same_beta_at_the_same_step():
    first, second = curve(), curve()
    betas(first, 40)
    assert first.condition(0.17, 17) == second.condition(0.17, 17)


@pytest.mark.parametrize(("done", "found"), [(0.2, (0.1,)), (0.25, (0.1, 1.0)), (0.5, (0.1, 1.0, 10.0))])
def test_curve_is_looked_at_where_its_range_is_open(done, found):
    assert curve(0.1, 10.0).validated(done) == pytest.approx(found)


def test_curve_has_settled_when_its_range_is_open():
    assert curve(0.1, 10.0).settled(8) == 4


def test_merit_of_a_curve_is_its_loss_at_a_beta():
    assert curve(0.1, 10.0).merit(3.0, 90.0, 8, 0.2) == pytest.approx(90.6)
