import linear_gaussian as lg
import numpy as np
import pytest

from rdplane.evaluate.probe import cross_validated_accuracy, probe_accuracy


def codes(separation, count=300, classes=3, seed=0):
    """Unit Gaussians around `classes` places on the axes, `separation` from the origin."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    return separation * np.eye(classes)[labels] + random.standard_normal((count, classes)), labels


def test_separable_classes_are_read_without_error():
    assert cross_validated_accuracy(*codes(20), folds=5, seed=0).value == 1


def test_random_codes_are_read_at_chance():
    z, labels = codes(0, count=900)
    accuracy = cross_validated_accuracy(z, labels, folds=5, seed=0)
    assert abs(accuracy.value - 1 / 3) < 3 * accuracy.se


def test_two_gaussians_are_read_as_well_as_is_possible():
    # Classes at +-1 in unit noise: the best possible accuracy is Phi(1) = 0.841.
    labels = np.arange(4000) % 2
    z = (2 * labels - 1 + np.random.default_rng(0).standard_normal(4000))[:, None]
    accuracy = cross_validated_accuracy(z, labels, folds=5, seed=0)
    assert abs(accuracy.value - 0.8413) < 3 * accuracy.se


def test_the_scale_of_a_dimension_does_not_matter():
    z, labels = codes(2)
    plain, scaled = (cross_validated_accuracy(z * s, labels, folds=5, seed=0) for s in (1, np.array([1e-4, 1, 1e3])))
    assert plain == scaled


def test_the_probe_reads_the_noisy_code_and_not_its_mean():
    # The sign of x_1 decides the class, the mean 1e-3 x_1 shows it, the code with noise 1 does not.
    x = lg.images(600)
    labels = (x[:, 0, 0] > 0).numpy().astype(np.int64)
    accuracy = probe_accuracy(lg.model(1, a=1e-3, s=1.0), x, labels, folds=5, seed=0)
    assert abs(accuracy.value - 0.5) < 4 * accuracy.se


def test_the_standard_error_is_the_spread_of_repeated_estimates():
    estimates = [cross_validated_accuracy(*codes(1.5, seed=seed), folds=3, seed=0) for seed in range(60)]
    spread = np.std([estimate.value for estimate in estimates], ddof=1)
    assert np.mean([estimate.se for estimate in estimates]) == pytest.approx(spread, rel=0.35)


@pytest.mark.parametrize("labels", [np.zeros(20, int), np.arange(20), np.array([1] * 18 + [2] * 2)])
def test_labels_that_allow_no_cross_validation_give_nothing(labels):
    assert cross_validated_accuracy(np.ones((20, 2)), labels, folds=5, seed=0) is None
