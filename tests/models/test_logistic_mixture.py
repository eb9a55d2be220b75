"""The discretised mixture of logistics: its probabilities, gradients and draws."""

import itertools

import pytest
import torch
from scipy import stats

from rdplane.models.logistic_mixture import LogisticMixture

LEVELS = torch.arange(256, dtype=torch.float64) / 255


def outputs(likelihood, count=1, spread=1.0):
    """Random outputs of a decoder for `count` images of one pixel, narrow and wide components among them."""
    torch.manual_seed(0)
    return spread * torch.randn(count, likelihood.outputs, 1, 1, dtype=torch.float64)


def log_prob(likelihood, pixels, given):
    """log-probability of pixels (n,) or (n, 3), all given the same outputs."""
    images = pixels.reshape(len(pixels), 1, 1, *pixels.shape[1:])
    return likelihood.log_prob(images, given.expand(len(pixels), -1, -1, -1))


def brute_force(likelihood, pixel, given):
    """P of one pixel, by the sigmoids of equation 2 and by the loops of its definition."""
    K, C = likelihood.components, likelihood.inputs
    numbers = given.flatten().tolist()
    weights = torch.tensor(numbers[:K], dtype=torch.float64).softmax(0).tolist()
    rest = torch.tensor(numbers[K:], dtype=torch.float64).view(-1, C, K)
    x = [2 * value - 1 for value in pixel.reshape(-1).tolist()]
    total = 0.0
    for k in range(K):
        means = rest[0, :, k].tolist()
        if C == 3:
            first, second, third = rest[2, :, k].tanh().tolist()
            means[1] += first * x[0]
            means[2] += second * x[0] + third * x[1]
        mass = weights[k]
        for c in range(C):
            scale = rest[1, c, k].clamp(-7, 7).exp().item()
            below = 0.0 if x[c] <= -1 else stats.logistic.cdf(x[c] - 1 / 255, means[c], scale)
            above = 1.0 if x[c] >= 1 else stats.logistic.cdf(x[c] + 1 / 255, means[c], scale)
            mass *= above - below
        total += mass
    return total


@pytest.mark.parametrize("spread", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("components", [1, 5])
def test_probabilities_of_a_grey_pixel_add_up_to_one(components, spread):
    likelihood = LogisticMixture("grey", components)
    total = log_prob(likelihood, LEVELS, outputs(likelihood, spread=spread)).exp().sum()
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)


def test_probabilities_of_all_colours_add_up_to_one():
    # All 256^3 of them, by sums over the channels in turn: blue of every pair, green, red.
    likelihood = LogisticMixture("colour", 2)
    given, total = outputs(likelihood), torch.zeros((), dtype=torch.float64)
    pairs = torch.cartesian_prod(LEVELS, LEVELS)
    for red in LEVELS:
        pixels = torch.cat([red.expand(len(pairs), 1), pairs], 1)
        total += log_prob(likelihood, pixels, given).exp().sum()
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-10)


@pytest.mark.parametrize("pixels", ["grey", "colour"])
def test_probabilities_are_those_of_the_definition(pixels):
    likelihood = LogisticMixture(pixels, 3)
    torch.manual_seed(1)
    for given in outputs(likelihood, 5).split(1):
        for level in (0.0, 1.0, 100 / 255):
            pixel = torch.full((1, 3) if pixels == "colour" else (1,), level, dtype=torch.float64)
            found = log_prob(likelihood, pixel, given).exp().item()
            assert found == pytest.approx(brute_force(likelihood, pixel, given), rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("log_scale", [-7.0, -20.0, 5.0, 260.0])
@pytest.mark.parametrize("level", [0, 1, 128, 254, 255])
@pytest.mark.parametrize("mean", [-1.0, 0.3, 1.0, 40.0])
def test_gradients_are_finite_at_the_edges_and_for_narrow_and_wide_components(level, log_scale, mean):
    likelihood = LogisticMixture("grey", 1)
    given = torch.tensor([0.0, mean, log_scale]).view(1, 3, 1, 1).requires_grad_()
    value = log_prob(likelihood, LEVELS[level : level + 1].float(), given)
    (gradient,) = torch.autograd.grad(value.sum(), given)
    assert torch.isfinite(value).all() and torch.isfinite(gradient).all()


def test_gradients_are_those_of_the_log_probability():
    likelihood = LogisticMixture("colour", 2)
    pixel = torch.tensor([[0.0, 200 / 255, 1.0]], dtype=torch.float64)
    given = outputs(likelihood).requires_grad_()
    assert torch.autograd.gradcheck(lambda g: log_prob(likelihood, pixel, g), given)


def test_outputs_in_bfloat16_cost_at_most_a_hundredth_of_a_nat_a_pixel():
    # Half of a step of bfloat16 near 1 is 2^-9, half of a level: a component of 20 levels' width hardly notices.
    likelihood = LogisticMixture("grey", 5)
    given = torch.randn(400, likelihood.outputs, 1, 1).mul(0.5)
    given[:, 10:] = given[:, 10:].mul(0.2) - 2.0
    pixels = LEVELS[torch.randint(256, (400,))].float().view(-1, 1, 1)
    exact = likelihood.log_prob(pixels, given)
    rough = likelihood.log_prob(pixels, given.bfloat16().float())
    assert float((exact - rough).abs().mean()) < 0.02
    assert abs(float((exact - rough).mean())) < 0.01


@pytest.mark.parametrize("pixels", ["grey", "colour"])
def test_draws_follow_the_probabilities(pixels):
    likelihood, draws = LogisticMixture(pixels, 3), 40_000
    given = outputs(likelihood)
    drawn = likelihood.draw(
        given.flatten(1).expand(draws, -1), torch.rand(draws, likelihood.uniforms, dtype=torch.float64)
    )
    coarse = (drawn * 255).round().long().div(64, rounding_mode="floor").view(draws, -1)  # four bins a number
    cells = (coarse * 4 ** torch.arange(coarse.shape[1])).sum(1)
    found = torch.bincount(cells, minlength=4 ** coarse.shape[1])
    expected = torch.tensor([
        _mass(likelihood, given, bins) for bins in itertools.product(range(4), repeat=coarse.shape[1])
    ])  # fmt: skip
    expected = expected.view([4] * coarse.shape[1]).permute(*reversed(range(coarse.shape[1]))).flatten()
    seen = expected * draws > 5
    rest = (found[~seen].sum().item(), (expected[~seen].sum() * draws).item())
    observed, wanted = [*found[seen].tolist(), rest[0]], [*(expected[seen] * draws).tolist(), rest[1]]
    if rest[1] < 5:
        observed, wanted = observed[:-1], [value * sum(observed[:-1]) / sum(wanted[:-1]) for value in wanted[:-1]]
    assert stats.chisquare(observed, [value * sum(observed) / sum(wanted) for value in wanted]).pvalue > 1e-3


def _mass(likelihood, given, bins):
    """Probability of a block of 64 levels in each number of a pixel."""
    axes = [LEVELS[64 * place : 64 * place + 64] for place in bins]
    if len(axes) == 1:
        return log_prob(likelihood, axes[0], given).exp().sum().item()
    return log_prob(likelihood, torch.cartesian_prod(*axes), given).exp().sum().item()


@pytest.mark.parametrize("pixels", ["grey", "colour"])
def test_a_sample_is_of_whole_levels_and_can_be_scored(pixels):
    likelihood = LogisticMixture(pixels)
    given = torch.randn(3, likelihood.outputs, 4, 5)
    drawn = likelihood.sample(given)
    assert drawn.shape == ((3, 4, 5, 3) if pixels == "colour" else (3, 4, 5))
    torch.testing.assert_close(drawn * 255, (drawn * 255).round(), rtol=0, atol=1e-4)
    assert torch.isfinite(likelihood.log_prob(drawn, given)).all()


def test_components_default_to_five_for_grey_and_ten_for_colour():
    assert (LogisticMixture("grey").outputs, LogisticMixture("colour").outputs) == (15, 100)
