"""The discrete code of encoder and marginal q: a point mass over levels, priced by a causal network over the grid."""

import itertools
import math

import pytest
import torch
from torch.autograd.functional import jacobian

from rdplane.errors import UserError
from rdplane.experiment.architectures import matching
from rdplane.experiment.keys import sizes_of
from rdplane.models.code_marginal import CodeMarginal
from rdplane.models.conditioned import Conditioned
from rdplane.models.latent import Latent
from rdplane.models.levels import index_of, quantise, value_of
from rdplane.models.properties import SHAPE, check_encoder, check_marginal

LEVELS = [2, 3, 4, 5]
GRIDS = [((4, 4), 1), ((4, 4), 3), ((8, 8), 1), ((4, 8), 2)]  # image, channels


def every_code(levels, latent):
    return value_of(torch.tensor(list(itertools.product(range(levels), repeat=latent))).double(), levels)


def marginal(shape=(8, 8), levels=3, channels=1):
    """With weights that are far from those at first, so that places and neighbours matter."""
    found = CodeMarginal(shape, levels, channels, 4, 2).double()
    with torch.no_grad():
        found.place.normal_()
        found.logit.weight.mul_(3)
    return found


def some_code(m, count=4):
    return value_of(torch.randint(m.levels, (count, m.grid[0] * m.grid[1])).double(), m.levels)


@pytest.mark.parametrize("levels", LEVELS)
def test_levels_are_evenly_spaced_from_minus_one_to_one(levels):
    values = quantise(torch.linspace(-9, 9, 10_001).double(), levels).unique()
    torch.testing.assert_close(values, torch.linspace(-1, 1, levels).double())


@pytest.mark.parametrize("levels", LEVELS)
def test_number_and_value_of_a_level_are_inverse(levels):
    index = torch.arange(levels)
    assert index_of(value_of(index.float(), levels), levels).equal(index)


@pytest.mark.parametrize("levels", LEVELS)
def test_a_level_has_the_same_bits_wherever_it_comes_from(levels):
    z = quantise(torch.randn(1000), levels)
    assert z.equal(value_of(index_of(z, levels).float(), levels))


@pytest.mark.parametrize("levels", LEVELS)
def test_quantised_is_the_level_nearest_to_the_squashed(levels):
    u = torch.randn(500).double()
    away = (u.tanh() - quantise(u, levels)).abs()
    nearest = (u.tanh()[:, None] - every_code(levels, 1)[:, 0]).abs().min(1).values
    torch.testing.assert_close(away, nearest)


@pytest.mark.parametrize("levels", LEVELS)
def test_gradient_passes_straight_through_the_rounding(levels):
    u = torch.randn(50, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(quantise(u, levels).sum(), u)
    torch.testing.assert_close(gradient, 1 - u.detach().tanh().square())


@pytest.mark.parametrize(("shape", "channels"), GRIDS)
@pytest.mark.parametrize("levels", [2, 3])
def test_probabilities_of_all_codes_add_up_to_one(shape, channels, levels):
    m = marginal(shape, levels, channels)
    with torch.no_grad():
        total = m.log_prob(Latent(every_code(levels, m.grid[0] * m.grid[1]))).exp().sum()
    torch.testing.assert_close(total, torch.ones((), dtype=torch.float64))


@pytest.mark.parametrize(("shape", "channels"), [((12, 12), 1), ((8, 12), 2)])
def test_logits_see_what_is_earlier_in_raster_order_and_nothing_else(shape, channels):
    m = marginal(shape, 3, channels)
    places = m.grid[0] * m.grid[1]
    found = jacobian(lambda z: m.logits(z)[0].sum(0).flatten(), torch.randn(1, *m.grid).double())
    found = found.reshape(places, places)
    assert found.triu().abs().max() == 0 and (found.tril(-1)[1:].abs().sum(1) > 0).all()


def test_later_rows_are_not_needed_for_the_logits_of_earlier_ones():
    m, z = marginal((12, 12)), torch.randn(2, 3, 3).double()
    torch.testing.assert_close(m.logits(z[:, :2]), m.logits(z)[:, :, :2])


@pytest.mark.parametrize("levels", LEVELS)
def test_value_is_log_m_whether_a_gradient_is_wanted_or_not(levels):
    m = marginal((8, 8), levels)
    z = some_code(m)
    logs = m.logits(z.unflatten(1, m.grid)).log_softmax(1)
    exact = sum(logs[:, :, i, j].gather(1, index_of(z.unflatten(1, m.grid), levels)[:, i, j, None])
                for i in range(2) for j in range(2))[:, 0]  # fmt: skip
    torch.testing.assert_close(m.log_prob(Latent(z.clone().requires_grad_())), exact, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("levels", LEVELS)
def test_gradient_of_a_lone_place_is_the_difference_between_its_neighbouring_levels(levels):
    m = marginal((4, 4), levels)  # one place, without a context
    z = every_code(levels, 1).requires_grad_()
    logs = m.log_prob(Latent(z))
    (gradient,) = torch.autograd.grad(logs.sum(), z)
    (expected,) = torch.gradient(logs.detach(), spacing=2 / (levels - 1))
    torch.testing.assert_close(gradient[:, 0], expected)


def test_gradient_through_the_context_is_that_of_the_networks():
    m, z = marginal((8, 8)), some_code(marginal((8, 8)), 1)
    first = z[:, :1].clone().requires_grad_()
    logs = m.log_prob(Latent(torch.cat([first, z[:, 1:]], 1)))
    (gradient,) = torch.autograd.grad(logs.sum(), first)

    def others(value):
        context = torch.cat([value, z[:, 1:]], 1).unflatten(1, m.grid)
        found = m.logits(context).log_softmax(1).flatten(2).gather(1, index_of(z, 3)[:, None])
        return found[0, 0, 1:].sum()

    own = m.logits(z.unflatten(1, m.grid)).log_softmax(1)[0, :, 0, 0]
    here = index_of(z, 3)[0, 0]
    above, below = min(here + 1, 2), max(here - 1, 0)
    expected = jacobian(others, first.detach()) + (own[above] - own[below]) / (above - below)
    torch.testing.assert_close(gradient, expected)


def test_the_rate_has_a_gradient_for_the_encoder(tiny, images):
    model = tiny("q-q")
    model.rate_distortion(images(4))[0].sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in model.encoder.parameters())


def test_a_code_says_nothing_but_itself(tiny, images):
    encoder, x = tiny("q-q").encoder, images(6)
    code = encoder.encode(x)
    assert code.z.equal(encoder.encode(x, torch.randn(6, encoder.latent).double()).z) and (code.log_prob == 0).all()


def test_posterior_is_one_at_the_code_and_zero_at_all_others(tiny, images):
    model, x = tiny("q-q", (4, 4), code_channels=3), images(1, (4, 4))
    space = every_code(3, 3)
    probability = model.log_posterior(x.expand(27, -1, -1), space).exp()
    assert probability.equal((space == model.encode(x).z).all(1).double())


def test_rate_is_the_surprise_of_the_marginal(tiny, images):
    model, x = tiny("q-q"), images(5)
    rate = model.rate_distortion(x)[0]
    torch.testing.assert_close(rate, -model.log_prior(model.encode(x).z))
    assert (rate >= 0).all()


def test_rate_is_the_ceiling_for_a_uniform_marginal(tiny, images):
    model = tiny("q-q", code_levels=5, code_channels=2)
    torch.nn.init.zeros_(model.marginal.logit.weight)
    torch.nn.init.zeros_(model.marginal.logit.bias)
    rate = model.rate_distortion(images(5))[0]
    torch.testing.assert_close(rate, torch.full_like(rate, 2 * 3 * 2 * math.log(5)))


def test_more_samples_leave_the_importance_weighted_bound_at_the_elbo(tiny, images):
    model, x = tiny("q+q"), images(5)
    torch.testing.assert_close(-model.log_marginal(x, 16), sum(model.rate_distortion(x)), rtol=1e-12, atol=1e-12)


def test_more_samples_are_not_decoded(tiny, images, monkeypatch):
    model, seen = tiny("q-q"), []
    log_likelihood = model.log_likelihood
    monkeypatch.setattr(model, "log_likelihood", lambda x, z: seen.append(len(x)) or log_likelihood(x, z))
    model.log_marginal(images(5), 16)
    assert sum(seen) == 5


@pytest.mark.parametrize("channels", [1, 2])
def test_the_encoder_decides_how_many_dimensions_there_are(tiny, images, channels):
    model = tiny("q+q", code_channels=channels)
    assert model.latent == model.encode(images(2)).z.shape[1] == 2 * 3 * channels
    assert "latent" not in sizes_of("q+q", "binary")


def test_a_site_s_channels_are_neighbouring_columns(tiny, images):
    encoder, x = tiny("q-q", code_channels=2).encoder, images(3)
    u = encoder.head(encoder.body((2 * x - 1).unsqueeze(1)))
    torch.testing.assert_close(encoder.code(x).unflatten(1, (2, 3, 2)), quantise(u, 3).permute(0, 2, 3, 1))


def test_only_their_names_choose_its_architectures():
    assert matching("??q") == matching("q??") == [] and matching("q+q") == ["q+q"]


@pytest.mark.parametrize("architecture", ["q-q", "q+q"])
def test_a_curve_s_model_at_one_beta_is_the_conditioned_one(architecture, tiny, images):
    conditioned, x = Conditioned(tiny(architecture), 0.05, 1.25).double(), images(4)
    for parameter in [*conditioned.gains, *conditioned.shifts, *conditioned.tilts]:
        torch.nn.init.normal_(parameter, 0, 0.1)
    conditioned.set(0.3)
    torch.testing.assert_close(conditioned.at(0.3)(x), conditioned(x))
    sum(conditioned(x)).mean().backward()
    assert all(p.grad is not None for p in conditioned.parameters())


def test_the_check_finds_values_between_the_levels(tiny, monkeypatch):
    model = tiny("q-q", SHAPE)
    code = model.encoder.code
    monkeypatch.setattr(model.encoder, "code", lambda x: code(x) + 0.3)
    with pytest.raises(UserError, match="z has other values than its 3 levels"):
        check_encoder(model, "mine")


@pytest.mark.parametrize("channels", [1, 2])
def test_the_check_finds_probabilities_that_do_not_add_up_to_one(tiny, monkeypatch, channels):
    model = tiny("q-q", SHAPE, code_channels=channels)
    log_prob = model.marginal.log_prob
    monkeypatch.setattr(model.marginal, "log_prob", lambda code: log_prob(code) + 0.1)
    with pytest.raises(UserError, match=r"sum of m\(z\) over all codes is 1.1"):
        check_marginal(model, "mine")


def test_the_check_finds_samples_of_another_distribution(tiny, monkeypatch):
    model = tiny("q-q", SHAPE)
    torch.nn.init.normal_(model.marginal.place, 0, 3)
    sample = model.marginal.sample
    monkeypatch.setattr(model.marginal, "sample", lambda n: -sample(n))
    with pytest.raises(UserError, match="in another share of draws"):
        check_marginal(model, "mine")
