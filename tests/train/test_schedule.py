"""Learning rate and annealing as functions of time."""

import pytest

from rdplane.train.objectives.beta import annealed
from rdplane.train.schedule import learning_rate


@pytest.mark.parametrize(("time", "expected"), [(0, 3e-4), (100, 3e-4), (150, 1.5e-4), (200, 0.0)])
def test_learning_rate_is_constant_then_linear_to_zero(time, expected):
    assert learning_rate(time, 3e-4, 100, 200) == pytest.approx(expected)


def test_learning_rate_may_stay_constant():
    assert learning_rate(200, 1.0, 200, 200) == 1.0


@pytest.mark.parametrize(("time", "expected"), [(0, 0.0), (5, 0.25), (10, 0.5), (20, 0.5)])
def test_beta_climbs_linearly_to_its_value(time, expected):
    assert annealed(time, 0.5, 10) == pytest.approx(expected)


def test_beta_without_annealing():
    assert annealed(0, 0.5, 0) == 0.5
