import numpy as np
import pytest

from rdplane.errors import UserError
from rdplane.toy import exact, source


@pytest.fixture(scope="module")
def paper():
    return source.solve()


def test_target_information_is_met(paper):
    assert paper.information == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("information", [0.01, 0.25, 0.6])
def test_any_information_below_the_classes_entropy_is_met(information):
    assert source.solve(information=information).information == pytest.approx(information, abs=1e-6)


def test_sigmas_keep_their_ratio():
    solved = source.solve(sigma_ratio=2.0)
    assert solved.sigmas[1] / solved.sigmas[0] == pytest.approx(2.0)


def test_no_mass_is_lost_to_the_open_outer_bins(paper):
    np.testing.assert_allclose(paper.conditional.sum(axis=1), 1, atol=1e-12)


def test_data_distribution_is_the_weighted_sum_of_the_classes(paper):
    np.testing.assert_allclose(paper.joint.sum(axis=1), paper.p)


def test_information_agrees_with_the_entropies(paper):
    conditional = sum(w * exact.entropy(row) for w, row in zip(paper.weights, paper.conditional, strict=True))
    assert paper.information == pytest.approx(paper.entropy - conditional)


def test_bump_is_symmetric_about_the_middle_bin():
    values = source.bump(7, 3.0, 1.3)
    np.testing.assert_allclose(values, values[::-1], rtol=1e-12)


def test_bump_keeps_its_digits_far_in_the_tail():
    values = source.bump(30, 0.0, 2.0)
    assert values[25] == pytest.approx(source.bump(30, 29.0, 2.0)[4], rel=1e-12)


def test_two_bins_are_enough():
    assert source.solve(bins=2, means=(0.0, 1.0), information=0.2).information == pytest.approx(0.2, abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"bins": 1}, "bins is 1"),
        ({"weights": (0.7, 0.4)}, "weights sums to 1.1"),
        ({"weights": (1.2, -0.2)}, "weights holds -0.2"),
        ({"weights": (0.5, 0.3, 0.2)}, "two numbers"),
        ({"means": (1.0,)}, "two numbers"),
        ({"means": (float("nan"), 3.0)}, "means"),
        ({"sigma_ratio": 0.0}, "sigma_ratio is 0"),
        ({"information": 0.7}, r"H\(z\*\) = 0.610864"),
        ({"information": 0.0}, "information is 0"),
        ({"information": -0.1}, "information is -0.1"),
        ({"bins": 2, "means": (0.0, 0.1), "sigma_ratio": 1.0, "information": 0.5}, "at most"),
    ],
)
def test_bad_input_is_one_line_that_names_it(changes, names):
    with pytest.raises(UserError, match=names):
        source.solve(**changes)
