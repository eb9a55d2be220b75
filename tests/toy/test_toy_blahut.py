import numpy as np
import pytest

from rdplane.errors import UserError
from rdplane.toy import blahut, exact, restricted, source

HAMMING = 1 - np.eye(2)
BETAS = [0.3, 0.5, 1.0]


def _binary_entropy(share):
    return exact.entropy(np.array([share, 1 - share]))


@pytest.fixture(scope="module")
def toy():
    return source.solve()


@pytest.fixture(scope="module")
def bumps(toy):
    return restricted.dictionary(toy.p, 0.3)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("share", [0.5, 0.4])
def test_bernoulli_source_under_hamming_distortion(share, beta):
    """R(D) = H(share) - H(D) for D below min(share, 1 - share)."""
    point = blahut.solve(np.array([share, 1 - share]), HAMMING, beta)
    assert point.rate == pytest.approx(max(_binary_entropy(share) - _binary_entropy(point.distortion), 0), abs=1e-7)


@pytest.mark.parametrize("beta", BETAS)
def test_slope_of_the_binary_symmetric_curve_is_minus_beta(beta):
    """R'(D) = log(D / (1 - D)) = -1 / beta."""
    distortion = blahut.solve(np.array([0.5, 0.5]), HAMMING, beta).distortion
    assert np.log((1 - distortion) / distortion) == pytest.approx(1 / beta)


def test_log_loss_with_an_erasure_gives_a_straight_line():
    """A fair bit that is told or withheld: R + D = log 2 for every share of telling."""
    decoder = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    point = blahut.solve(np.array([0.5, 0.5]), blahut.log_loss(exact.log(decoder)), beta=1.0)
    assert point.rate + point.distortion == pytest.approx(np.log(2), abs=1e-9)


@pytest.mark.parametrize("beta", [0.2, 1.0, 3.0])
def test_certified_gap_is_reached(toy, bumps, beta):
    assert blahut.solve(toy.p, blahut.log_loss(exact.log(bumps)), beta, gap=1e-4).gap <= 1e-4


@pytest.mark.parametrize("beta", [0.2, 1.0, 3.0])
def test_gap_covers_what_longer_iteration_still_gains(toy, bumps, beta):
    rho = blahut.log_loss(exact.log(bumps))
    early, late = blahut.solve(toy.p, rho, beta, gap=1e-1), blahut.solve(toy.p, rho, beta, gap=1e-6)
    gain = (early.distortion + beta * early.rate) - (late.distortion + beta * late.rate)
    assert -1e-6 <= gain <= early.gap + 1e-6


@pytest.mark.parametrize("beta", [0.2, 1.0, 3.0])
def test_no_random_model_with_the_same_decoder_is_better(toy, bumps, beta):
    point = blahut.solve(toy.p, blahut.log_loss(exact.log(bumps)), beta, gap=1e-5)
    random = np.random.default_rng(0)
    for _ in range(50):
        encoder = random.dirichlet(np.full(len(bumps), 0.1), size=len(toy.p))
        rate = exact.mutual_information(toy.p, encoder)
        value = exact.distortion(toy.p, encoder, exact.log(bumps)) + beta * rate
        assert point.distortion + beta * point.rate <= value + point.gap


def test_point_states_the_rate_and_distortion_of_its_own_distributions(toy, bumps):
    point = blahut.solve(toy.p, blahut.log_loss(exact.log(bumps)), 1.0, gap=1e-3)
    assert point.distortion == pytest.approx(exact.distortion(toy.p, point.encoder, exact.log(bumps)))
    assert point.rate == pytest.approx(exact.rate(toy.p, point.encoder, point.marginal))


def test_free_marginal_is_never_worse_than_a_fixed_one(toy, bumps):
    rho = blahut.log_loss(exact.log(bumps))
    fixed = blahut.fixed_marginal(toy.p, rho, np.full(len(bumps), 1 / len(bumps)), 1.0)
    free = blahut.solve(toy.p, rho, 1.0, gap=1e-4)
    assert free.rate + free.distortion <= fixed.rate + fixed.distortion + 1e-4


def test_encoder_of_a_fixed_marginal_is_the_best_of_its_neighbours(toy, bumps):
    rho, marginal = blahut.log_loss(exact.log(bumps)), np.full(len(bumps), 1 / len(bumps))
    point = blahut.fixed_marginal(toy.p, rho, marginal, 0.7)
    random = np.random.default_rng(1)
    for _ in range(20):
        other = 0.9 * point.encoder + 0.1 * random.dirichlet(np.ones(len(bumps)), size=len(toy.p))
        value = exact.distortion(toy.p, other, exact.log(bumps)) + 0.7 * exact.rate(toy.p, other, marginal)
        assert point.distortion + 0.7 * point.rate <= value


def test_elbo_with_a_fixed_decoder_and_marginal_is_the_cross_entropy_of_the_model(toy, bumps):
    """min over e of R + D = -sum p*(x) log g(x), the exact log-likelihood."""
    marginal = np.full(len(bumps), 1 / len(bumps))
    point = blahut.fixed_marginal(toy.p, blahut.log_loss(exact.log(bumps)), marginal, 1.0)
    assert point.rate + point.distortion == pytest.approx(-toy.p @ np.log(marginal @ bumps))


def test_decoder_of_the_true_process_touches_the_unrestricted_optimum(toy):
    point = blahut.solve(toy.p, blahut.log_loss(exact.log(toy.conditional)), 1.0)
    assert (point.rate, point.distortion) == pytest.approx((0.5, toy.entropy - 0.5), abs=1e-4)


@pytest.mark.parametrize("leak", [0.3, 0.55])
def test_restricted_curve_is_above_the_unrestricted_optimum(toy, leak):
    curve = restricted.trace(toy.p, restricted.dictionary(toy.p, leak))
    assert np.all(curve.rates + curve.distortions > toy.entropy)


def test_worse_decoder_has_the_worse_curve(toy):
    good, leaky = (restricted.trace(toy.p, restricted.dictionary(toy.p, leak)) for leak in (0.3, 0.55))
    interpolated = np.interp(leaky.rates, good.rates[::-1], good.distortions[::-1])
    assert np.all(leaky.distortions > interpolated)


def test_worse_marginal_has_the_worse_curve(toy):
    decoder = restricted.dictionary(toy.p, 0.3)
    good = restricted.trace(toy.p, decoder)
    uniform = restricted.trace(toy.p, decoder, np.full(len(decoder), 1 / len(decoder)))
    interpolated = np.interp(uniform.rates, good.rates[::-1], good.distortions[::-1])
    assert np.all(uniform.distortions > interpolated - 1e-6)


def test_curve_is_monotonic(toy):
    curve = restricted.trace(toy.p, restricted.dictionary(toy.p, 0.3))
    assert np.all(np.diff(curve.rates) <= 1e-6) and np.all(np.diff(curve.distortions) >= -1e-6)


def test_unrestricted_optimum_runs_from_autodecoding_to_autoencoding():
    rates, distortions = blahut.unrestricted(2.0, points=3)
    assert list(zip(rates, distortions, strict=True)) == [(0, 2), (1, 1), (2, 0)]


@pytest.mark.parametrize("beta", [0.0, -1.0, np.inf, np.nan])
def test_slopes_that_no_curve_has_are_refused(beta):
    with pytest.raises(UserError, match="beta is"):
        blahut.solve(np.array([0.5, 0.5]), HAMMING, beta)


def test_data_that_no_code_can_describe_are_refused():
    with pytest.raises(UserError, match="infinite distortion"):
        blahut.solve(np.array([0.5, 0.5]), np.array([[0.0], [np.inf]]), 1.0)
