import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rdplane.table.frontier import best_elbo, lower_hull, pareto, staircase

# Whole numbers over a small range, so that ties and straight lines are common and arithmetic is exact.
COORDINATE = st.integers(0, 30).map(float)
PLANE = st.lists(st.tuples(COORDINATE, COORDINATE), min_size=1, max_size=40).map(lambda points: np.array(points).T)
SHIFT = st.integers(-20, 20).map(float)


def dominates(a, b):
    return a[0] <= b[0] and a[1] <= b[1] and (a[0] < b[0] or a[1] < b[1])


@given(PLANE)
def test_no_frontier_run_is_dominated(plane):
    for index in pareto(*plane):
        assert not any(dominates(other, plane[:, index]) for other in plane.T)


@given(PLANE)
def test_every_run_is_on_the_frontier_or_dominated_by_it(plane):
    front = plane[:, pareto(*plane)].T
    for point in plane.T:
        assert any(np.array_equal(point, other) or dominates(other, point) for other in front)


@given(PLANE)
def test_along_the_frontier_rate_rises_and_distortion_falls(plane):
    rate, distortion = plane[:, pareto(*plane)]
    assert (np.diff(rate) > 0).all() and (np.diff(distortion) < 0).all()


@given(PLANE, st.randoms(use_true_random=False))
def test_frontier_does_not_depend_on_the_order_of_runs(plane, random):
    order = list(range(plane.shape[1]))
    random.shuffle(order)
    shuffled = plane[:, order]
    np.testing.assert_array_equal(shuffled[:, pareto(*shuffled)], plane[:, pareto(*plane)])


@given(PLANE, SHIFT, SHIFT)
def test_frontier_moves_with_the_plane(plane, right, up):
    np.testing.assert_array_equal(pareto(plane[0] + right, plane[1] + up), pareto(*plane))


@given(PLANE)
def test_frontier_of_the_mirrored_plane_is_mirrored(plane):
    mirrored = plane[::-1]
    np.testing.assert_array_equal(mirrored[:, pareto(*mirrored)][::-1, ::-1], plane[:, pareto(*plane)])


def test_of_equal_runs_the_first_is_on_the_frontier():
    assert pareto([2.0, 1.0, 1.0], [1.0, 5.0, 5.0]).tolist() == [1, 0]


@given(PLANE, COORDINATE)
def test_staircase_is_the_lowest_distortion_up_to_each_rate(plane, at):
    rate, distortion = plane
    x, y = staircase(rate, distortion, right=31.0)
    assume(at >= x[0])
    # Of the corners at one rate the last is the lower one: it holds from there on.
    assert y[np.searchsorted(x, at, side="right") - 1] == distortion[rate <= at].min()


@given(PLANE)
def test_staircase_has_only_level_and_upright_steps(plane):
    x, y = staircase(*plane, top=40.0, right=40.0)
    assert ((np.diff(x) == 0) ^ (np.diff(y) == 0)).all()


@given(PLANE)
def test_no_run_lies_below_the_staircase_corners(plane):
    x, y = staircase(*plane)
    assert not any(
        dominates(point, (a, b)) and point[0] < a and point[1] < b
        for point in plane.T
        for a, b in zip(x, y, strict=True)
    )


def test_staircase_of_no_runs_is_empty():
    assert [len(part) for part in staircase([], [], top=1.0, right=1.0)] == [0, 0]


@given(PLANE)
def test_no_run_lies_below_the_hull(plane):
    hull = lower_hull(*plane)
    rate, distortion = plane
    # np.interp continues level beyond the last corner, where the hull's lowest distortion bounds from below.
    assert (distortion >= np.interp(rate, rate[hull], distortion[hull]) - 1e-9).all()


@given(PLANE)
def test_hull_is_strictly_convex(plane):
    rate, distortion = plane[:, lower_hull(*plane)]
    slopes = np.diff(distortion) / np.diff(rate)
    assert (slopes < 0).all() and (np.diff(slopes) > 0).all()


@given(PLANE)
def test_hull_runs_from_the_lowest_rate_to_the_lowest_distortion(plane):
    rate, distortion = plane
    hull = lower_hull(rate, distortion)
    assert rate[hull[0]] == rate.min() and distortion[hull[-1]] == distortion.min()


@given(PLANE)
def test_hull_is_part_of_the_frontier(plane):
    assert set(lower_hull(*plane)) <= set(pareto(*plane))


@given(PLANE, SHIFT, st.integers(1, 5))
def test_hull_does_not_depend_on_units(plane, shift, scale):
    np.testing.assert_array_equal(lower_hull(scale * plane[0] + shift, scale * plane[1] + shift), lower_hull(*plane))


@given(PLANE)
def test_best_elbo_is_the_least_sum(plane):
    assert plane[:, best_elbo(*plane)].sum() == plane.sum(axis=0).min()


@given(PLANE)
def test_best_elbo_is_on_the_hull(plane):
    # R + D is linear, so its minimum is attained at a corner; ties along an edge go to the end of lowest rate.
    hull = lower_hull(*plane)
    assert plane[:, best_elbo(*plane)].tolist() in plane[:, hull].T.tolist()


def test_best_elbo_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="no runs"):
        best_elbo([], [])


@pytest.mark.parametrize("function", [pareto, staircase, lower_hull, best_elbo])
def test_values_that_are_not_finite_are_refused(function):
    with pytest.raises(ValueError, match="finite"):
        function([0.0, np.nan], [1.0, 1.0])


@pytest.mark.parametrize("function", [pareto, staircase, lower_hull, best_elbo])
def test_vectors_of_different_lengths_are_refused(function):
    with pytest.raises(ValueError, match="one length"):
        function([0.0, 1.0], [1.0])
