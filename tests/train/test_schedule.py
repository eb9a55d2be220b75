"""Learning rate and annealing as functions of time."""

import pytest

from rdplane.train.objectives.beta import annealed
from rdplane.train.schedule import cosine, learning_rate, paper

SETTINGS = {"learning_rate": 3e-4, "epochs": 8, "constant_epochs": 3, "warmup_steps": None, "schedule": "paper"}


@pytest.mark.parametrize(("time", "expected"), [(0, 3e-4), (100, 3e-4), (150, 1.5e-4), (200, 0.0)])
def test_the_papers_rate_is_constant_then_linear_to_zero(time, expected):
    assert paper(time, 3e-4, 100, 200) == pytest.approx(expected)


def test_the_papers_rate_may_stay_constant():
    assert paper(200, 1.0, 200, 200) == 1.0


def test_every_step_has_the_papers_rate_to_the_last_digit():
    for epoch in range(8):
        for step in range(7):
            time = epoch + step / 7
            expected = 3e-4 if time <= 3 else 3e-4 * max(0.0, (8 - time) / (8 - 3))
            assert learning_rate(SETTINGS, epoch, step, 7) == expected


@pytest.mark.parametrize(("made", "expected"), [(0, 0.0), (50, 0.5), (100, 1.0), (100 + 450, 0.5), (1000, 0.0)])
def test_the_cosine_climbs_to_its_peak_and_falls_to_zero(made, expected):
    assert cosine(made, 1.0, 100, 1000) == pytest.approx(expected, abs=1e-15)


def test_the_cosine_is_largest_where_its_warm_up_ends():
    rates = [cosine(made, 2.0, 7, 50) for made in range(51)]
    assert max(rates) == rates[7] == 2.0
    assert rates[:8] == sorted(rates[:8]) and rates[7:] == sorted(rates[7:], reverse=True)


def test_the_cosine_without_a_warm_up_starts_at_its_peak():
    assert cosine(0, 1.0, 0, 1) == 1.0


def test_a_cell_counts_its_steps_over_all_epochs():
    settings = SETTINGS | {"schedule": "cosine", "constant_epochs": None, "warmup_steps": 10}
    rates = [learning_rate(settings, epoch, step, 7) for epoch in range(8) for step in range(7)]
    assert rates == [cosine(made, 3e-4, 10, 56) for made in range(56)]


@pytest.mark.parametrize(("time", "expected"), [(0, 0.0), (5, 0.25), (10, 0.5), (20, 0.5)])
def test_beta_climbs_linearly_to_its_value(time, expected):
    assert annealed(time, 0.5, 10) == pytest.approx(expected)


def test_beta_without_annealing():
    assert annealed(0, 0.5, 0) == 0.5
