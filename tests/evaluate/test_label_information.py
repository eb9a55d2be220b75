"""The bound on I(Y; Z) beside values that are known by quadrature, and what it must never do."""

import linear_gaussian as lg
import numpy as np
import pytest
from scipy.special import logsumexp

from rdplane.evaluate.given import Given
from rdplane.evaluate.label_information import entropy_of, label_information, measure, of_codes
from rdplane.evaluate.probe import measure as probe

KEYS = {"probe_images": 200, "probe_folds": 5, "seed": 0}


def classes(count, among=4, seed=1):
    return np.random.default_rng(seed).integers(0, among, count)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def information(separation):
    """I(Y; Z) of two classes of equal share at +-separation in unit noise, by quadrature: H(Z) - H(Z|Y)."""
    z = np.linspace(-separation - 10, separation + 10, 20001)
    log = logsumexp([-((z - s * separation) ** 2) / 2 for s in (-1, 1)], axis=0) - np.log(2 * np.sqrt(2 * np.pi))
    return float(-(np.exp(log) * log).sum() * (z[1] - z[0]) - 0.5 * np.log(2 * np.pi * np.e))


def test_a_code_that_is_the_class_tells_all_of_it():
    labels = classes(600)
    found = of_codes(np.eye(4)[labels] + 1e-3 * noise(600, 4), labels, 5, 0)
    assert entropy_of(labels) - 0.02 < found.value <= entropy_of(labels)


@pytest.mark.parametrize("dimensions", [1, 16, 64])
@pytest.mark.parametrize("count", [100, 600])
def test_a_code_that_knows_nothing_tells_nothing_and_is_never_too_sure(dimensions, count):
    found = of_codes(noise(count, dimensions), classes(count), 5, 0)
    assert abs(found.value) < max(4 * found.se, 0.005)
    assert found.value > -0.03


@pytest.mark.parametrize("separation", [0.1, 0.5, 1.0, 2.0])
def test_it_is_the_information_of_two_gaussians_and_no_more(separation):
    """There logistic regression has the form of the true posterior: all that is lost is lost in learning it."""
    labels = np.arange(4000) % 2
    z = (separation * (2 * labels - 1) + noise(4000))[:, None]
    found, known = of_codes(z, labels, 5, 0), information(separation)
    assert found.value < min(np.log(2), known) + 3 * found.se
    assert found.value > known - 3 * found.se - 0.005


def test_useless_dimensions_cost_little():
    labels = np.arange(2000) % 2
    z = (2 * labels - 1 + noise(2000))[:, None]
    alone, among = (of_codes(codes, labels, 5, 0) for codes in (z, np.hstack((z, noise(2000, 63, seed=2)))))
    assert alone.value - 0.05 < among.value < information(1.0) + 3 * among.se


@pytest.mark.parametrize("seed", range(4))
def test_permuted_labels_are_not_read(seed):
    labels = classes(500)
    codes = 3 * np.eye(4)[labels] + noise(500, 4)
    found = of_codes(codes, np.random.default_rng(seed).permutation(labels), 5, 0)
    assert -0.03 < found.value < 3 * found.se + 0.005


def test_held_out_labels_are_not_seen():
    """In a class of its own each image would be known to a classifier that saw it: here codes are all different."""
    labels = classes(60, among=2)
    found = of_codes(noise(60, 500), labels, 5, 0)
    assert found.value < 3 * found.se + 0.005


def test_labels_need_not_be_numbers_from_0_on():
    labels = classes(300)
    codes = 2 * np.eye(4)[labels] + noise(300, 4)
    assert of_codes(codes, labels, 5, 0) == of_codes(codes, np.array([9, 12, 40, 41])[labels], 5, 0)


def test_the_standard_error_is_the_spread_of_repeated_estimates():
    estimates = []
    for seed in range(40):
        labels = classes(300, seed=100 + seed)
        estimates.append(of_codes(1.5 * np.eye(4)[labels] + noise(300, 4, seed=seed), labels, 3, 0))
    spread = np.std([estimate.value for estimate in estimates], ddof=1)
    assert np.mean([estimate.se for estimate in estimates]) == pytest.approx(spread, rel=0.35)


@pytest.mark.parametrize("labels", [np.zeros(20, int), np.arange(20), np.array([1] * 18 + [2] * 2)])
def test_labels_that_allow_no_cross_validation_give_nothing(labels):
    assert of_codes(np.ones((20, 2)), labels, 5, 0) is None


def test_classes_that_are_too_rare_to_choose_a_penalty_are_no_fault():
    labels = np.array([0] * 18 + [1] * 2)
    assert np.isfinite(of_codes(noise(20, 3), labels, 2, 0).value)


def test_it_reads_the_noisy_code_and_not_its_mean():
    """The mean 1e-3 x_1 shows the class, the code with noise 1 does not."""
    x = lg.images(600)
    labels = (x[:, 0, 0] > 0).numpy().astype(np.int64)
    found = label_information(lg.model(1, a=1e-3, s=1.0), x, labels, 5, 0)
    assert abs(found.value) < 4 * found.se + 0.005


def test_the_measure_reads_what_the_probe_reads(monkeypatch):
    """The same images and draws of z, in the same order."""
    seen = {}

    def keep(name, result):
        def kept(codes, labels, folds, seed):
            seen[name] = codes, labels, folds, seed
            return result

        return kept

    monkeypatch.setattr("rdplane.evaluate.label_information.of_codes", keep("bound", None))
    monkeypatch.setattr("rdplane.evaluate.probe.cross_validated_accuracy", keep("probe", None))
    x = lg.images(300)
    given = Given(lg.model(1), x, (x[:, 0, 0] > 0).numpy().astype(np.int64), KEYS)
    assert measure(given) == {"label_information": None, "label_entropy": None}
    probe(given)
    np.testing.assert_array_equal(seen["bound"][0], seen["probe"][0])
    np.testing.assert_array_equal(seen["bound"][1], seen["probe"][1])
    assert seen["bound"][2:] == seen["probe"][2:] and len(seen["bound"][0]) == 200


def test_the_measure_gives_the_bound_and_the_entropy():
    x = lg.images(300)
    labels = (x[:, 0, 0] > 0).numpy().astype(np.int64)
    found = measure(Given(lg.model(1), x, labels, KEYS))
    assert 0 < found["label_entropy"] <= np.log(2) and found["label_information"].value < np.log(2)


def test_entropy_of_labels():
    assert entropy_of(np.arange(40) % 8) == pytest.approx(np.log(8))
    assert entropy_of(np.array([3, 3, 3, 5])) == pytest.approx(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    assert entropy_of(np.zeros(3, int)) == 0
