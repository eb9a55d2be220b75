"""The bounds hold for every set of distributions, and are tight exactly where the theory says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdplane.errors import UserError
from rdplane.toy import exact

TOLERANCE = 1e-9


def _distribution(random, *shape):
    """Random distributions over the last axis, from nearly uniform to nearly one-hot."""
    weights = random.gamma(10 ** random.uniform(-1.5, 1), size=shape) + 1e-12
    return weights / weights.sum(axis=-1, keepdims=True)


class World:
    """Any p*(x), e(z|x), d(x|z), m(z), and a density estimate q(x) on top."""

    def __init__(self, seed):
        random = np.random.default_rng(seed)
        bins, latents = random.integers(2, 8, size=2)
        self.p = _distribution(random, bins)
        self.e = _distribution(random, bins, latents)
        self.d = _distribution(random, latents, bins)
        self.m = _distribution(random, latents)
        self.q = _distribution(random, bins)
        self.h = exact.entropy(self.p)
        self.r = exact.rate(self.p, self.e, self.m)
        self.dist = exact.distortion(self.p, self.e, exact.log(self.d))
        self.i_e = exact.mutual_information(self.p, self.e)
        self.i_d = exact.mutual_information(self.m, self.d)


worlds = given(st.integers(0, 2**32 - 1).map(World))
many = settings(max_examples=150, deadline=None)


@worlds
@many
def test_information_is_at_least_entropy_less_distortion(world):
    assert world.h - world.dist <= world.i_e + TOLERANCE


@worlds
@many
def test_information_is_at_most_the_rate(world):
    assert world.i_e <= world.r + TOLERANCE


@worlds
@many
def test_no_model_lies_below_the_diagonal(world):
    assert world.r + world.dist >= world.h - TOLERANCE


@worlds
@many
def test_rate_is_information_plus_the_marginals_gap(world):
    gap = exact.kl(exact.aggregate(world.p, world.e), world.m)
    assert world.r == pytest.approx(world.i_e + gap, abs=TOLERANCE)


@worlds
@many
def test_distortion_is_conditional_entropy_plus_the_decoders_gap(world):
    induced, true = exact.aggregate(world.p, world.e), exact.posterior(world.p, world.e)
    gap = sum(weight * exact.kl(row, guess) for weight, row, guess in zip(induced, true, world.d, strict=True))
    assert world.dist == pytest.approx(world.h - world.i_e + gap, abs=TOLERANCE)


@worlds
@many
def test_rate_bound_is_tight_at_the_induced_marginal(world):
    assert exact.rate(world.p, world.e, exact.aggregate(world.p, world.e)) == pytest.approx(world.i_e, abs=TOLERANCE)


@worlds
@many
def test_distortion_bound_is_tight_at_the_bayes_decoder(world):
    decoder = exact.posterior(world.p, world.e)
    distortion = exact.distortion(world.p, world.e, exact.log(decoder))
    assert world.h - distortion == pytest.approx(world.i_e, abs=TOLERANCE)


@worlds
@many
def test_every_encoder_reaches_the_diagonal(world):
    marginal, decoder = exact.aggregate(world.p, world.e), exact.posterior(world.p, world.e)
    total = exact.rate(world.p, world.e, marginal) + exact.distortion(world.p, world.e, exact.log(decoder))
    assert total == pytest.approx(world.h, abs=TOLERANCE)


@worlds
@many
def test_e_is_at_most_the_generative_information(world):
    assert exact.gen_lower(world.m, world.d, exact.log(world.e)) <= world.i_d + TOLERANCE


@worlds
@many
def test_e_is_tight_at_the_models_own_posterior(world):
    own = exact.posterior(world.m, world.d)
    assert exact.gen_lower(world.m, world.d, exact.log(own)) == pytest.approx(world.i_d, abs=TOLERANCE)


@worlds
@many
def test_g_is_at_least_the_generative_information(world):
    assert exact.gen_upper(world.m, world.d, world.q) >= world.i_d - TOLERANCE


@worlds
@many
def test_g_exceeds_the_generative_information_by_the_density_estimates_gap(world):
    gap = exact.kl(world.m @ world.d, world.q)
    assert exact.gen_upper(world.m, world.d, world.q) == pytest.approx(world.i_d + gap, abs=TOLERANCE)


@worlds
@many
def test_g_is_tight_at_the_models_own_density(world):
    assert exact.gen_upper(world.m, world.d, world.m @ world.d) == pytest.approx(world.i_d, abs=TOLERANCE)


@worlds
@many
def test_u_less_s_is_h_less_d_for_any_density_estimate(world):
    u = exact.utility(world.p, world.e, exact.log(world.d), world.q)
    assert u - exact.surprise(world.p, world.q) == pytest.approx(world.h - world.dist, abs=TOLERANCE)


@worlds
@many
def test_surprise_is_not_negative(world):
    assert exact.surprise(world.p, world.q) >= 0


@worlds
@many
def test_equation_10_as_printed_is_not_h_less_d(world):
    """With e(z|x) as printed the identity is about negative conditional entropy, blind to the decoder."""
    printed = exact.utility(world.p, world.e, exact.log(world.e.T), world.q) - exact.surprise(world.p, world.q)
    conditional = sum(weight * exact.entropy(row) for weight, row in zip(world.p, world.e, strict=True))
    assert printed == pytest.approx(world.h - conditional, abs=TOLERANCE)


@worlds
@many
def test_bayes_inverse_keeps_the_joint(world):
    inverse = exact.posterior(world.p, world.e)
    joint = exact.aggregate(world.p, world.e)[:, None] * inverse
    np.testing.assert_allclose(joint.T, world.p[:, None] * world.e, atol=1e-12)


@worlds
@many
def test_reconstructions_are_distributions(world):
    np.testing.assert_allclose(exact.reconstruction(world.e, world.d).sum(axis=1), 1)


def test_an_unused_code_has_a_posterior_that_is_a_distribution():
    encoder = np.array([[1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_array_equal(exact.posterior(np.array([0.3, 0.7]), encoder)[1], [0.3, 0.7])


def test_distortion_ignores_pairs_that_never_happen():
    encoder, log_decoder = np.eye(2), exact.log(np.eye(2))
    assert exact.distortion(np.array([0.5, 0.5]), encoder, log_decoder) == 0


def test_distortion_is_infinite_where_the_decoder_excludes_the_data():
    assert exact.distortion(np.array([0.5, 0.5]), np.eye(2), exact.log(np.eye(2)[::-1])) == np.inf


def test_distortion_stays_finite_below_the_smallest_float():
    log_decoder = np.array([[0.0, -2000.0]])
    assert exact.distortion(np.array([0.5, 0.5]), np.ones((2, 1)), log_decoder) == 1000


def test_entropy_of_the_uniform_distribution():
    assert exact.entropy(np.full(30, 1 / 30)) == pytest.approx(np.log(30))


def test_codes_of_an_identity_encoder_keep_their_places():
    np.testing.assert_allclose(exact.mean_position(np.full(5, 0.2), np.eye(5)), np.arange(5))


@pytest.mark.parametrize("bad", [[0.5, 0.6], [-0.5, 1.5], [np.nan, 1.0]])
def test_what_is_no_distribution_is_refused_by_name(bad):
    with pytest.raises(UserError, match="toy weights"):
        exact.check_distribution("toy weights", np.array(bad))
