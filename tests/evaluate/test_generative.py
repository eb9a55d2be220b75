import linear_gaussian as lg
import pytest
import torch
from torch import nn

from rdplane.evaluate.generative import generative_bounds
from rdplane.models.build import build
from rdplane.models.pixelcnn import PixelCNN

B, T = 1.0, 0.5
EXACT = lg.information(2, B, T)  # I_d(X; Z) of x = b z + t noise, z ~ N(0, I)
POSTERIOR = {"a": B / (B**2 + T**2), "s": T / (B**2 + T**2) ** 0.5}  # makes the encoder p_d(z|x)


class MarginalDensity(nn.Module):
    """q(x): the first two pixels N(0, scale^2), the others N(0, 1); p_d(x) where scale^2 = b^2 + t^2."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def log_prob(self, x, z):
        return -lg.nll(x, 2, 0.0, self.scale)


@pytest.mark.parametrize("encoder", [{"a": 1.0, "s": 0.5}, {"a": 0.2, "s": 1.0}, POSTERIOR])
def test_e_is_at_most_the_exact_information(encoder):
    lower = generative_bounds(lg.model(2, **encoder, b=B, t=T), 2000, 2).lower
    assert lower.value < EXACT + 3 * lower.se


@pytest.mark.parametrize("samples", [1, 10])
@pytest.mark.parametrize("encoder", [{"a": 1.0, "s": 0.5}, {"a": 0.2, "s": 1.0}, POSTERIOR])
def test_g_is_at_least_the_exact_information(encoder, samples):
    upper = generative_bounds(lg.model(2, **encoder, b=B, t=T), 2000, samples).upper
    assert upper.value > EXACT - 3 * upper.se


@pytest.mark.parametrize("bound", ["lower", "upper"])
def test_bounds_are_tight_where_the_encoder_is_the_posterior(bound):
    estimate = getattr(generative_bounds(lg.model(2, **POSTERIOR, b=B, t=T), 4000, 1), bound)
    assert abs(estimate.value - EXACT) < 3 * estimate.se


def test_g_of_a_worse_encoder_tightens_with_samples():
    model = lg.model(2, a=0.2, s=1.0, b=B, t=T)
    loose, tight = (generative_bounds(model, 1000, samples).upper for samples in (1, 100))
    assert tight.value < loose.value - 3 * (tight.se + loose.se)


def test_g_with_a_density_of_its_own_is_at_least_the_exact_information():
    upper = generative_bounds(lg.model(2, b=B, t=T), 4000, 1, MarginalDensity(2.0)).upper
    assert upper.value > EXACT + 3 * upper.se


def test_g_is_exact_with_the_exact_density():
    upper = generative_bounds(lg.model(2, b=B, t=T), 4000, 1, MarginalDensity((B**2 + T**2) ** 0.5)).upper
    assert abs(upper.value - EXACT) < 3 * upper.se


@pytest.fixture(scope="module")
def enumerable():
    """A tiny model of 4 x 4 images with one-dimensional z, and its I_d by quadrature over z.

    The pixels are independent given z, d(x|z) = prod of Bernoullis: log p_d(x) is a sum over a grid of z, and the
    expectation over x the mean over draws.
    """
    torch.manual_seed(1)
    sizes = {"latent": 1, "width": 0.1, "pseudo_inputs": 3}
    model = build("--v", (4, 4), sizes).double()
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.mul_(2)  # so that pixels depend on z
        grid = torch.linspace(-8, 8, 400).double()[:, None]
        z = model.marginal.sample(4000)
        x = model.decode(z)
        logits = model.decoder.logits(grid)
        pairs = x.flatten(1) @ logits.flatten(1).T - nn.functional.softplus(logits).flatten(1).sum(1)
        log_p = (pairs + model.log_prior(grid)).logsumexp(1) + (grid[1, 0] - grid[0, 0]).log()
        values = model.log_likelihood(x, z) - log_p
    return model, values.mean().item(), values.std().item() / len(values) ** 0.5


def test_bounds_enclose_the_information_by_quadrature(enumerable):
    model, exact, error = enumerable
    bounds = generative_bounds(model, 2000, 5)
    assert (
        bounds.lower.value - 3 * (bounds.lower.se + error) < exact < bounds.upper.value + 3 * (bounds.upper.se + error)
    )


def test_g_reaches_the_information_by_quadrature(enumerable):
    model, exact, error = enumerable
    upper = generative_bounds(model, 400, 60).upper
    assert abs(upper.value - exact) < 0.02 + 3 * (upper.se + error)


def test_draws_in_batches_are_all_used(monkeypatch):
    rows = []
    model = lg.model()
    sample = model.marginal.sample
    monkeypatch.setattr(model.marginal, "sample", lambda n: rows.append(n) or sample(n))
    generative_bounds(model, 600, 1)
    assert rows == [250, 250, 100]


def test_g_takes_an_autoregressive_density():
    model = build("---", (4, 4), {"latent": 2, "width": 0.1})
    density = PixelCNN((4, 4), latent=0, pixelcnn_depth=4, pixelcnn_resnets=1)
    torch.manual_seed(3)
    z = model.marginal.sample(20)
    x = model.decode(z)
    expected = (model.log_likelihood(x, z) - density.log_prob(x, None)).mean().item()
    torch.manual_seed(3)
    assert generative_bounds(model, 20, 1, density).upper.value == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("pixels", ["grey", "colour"])
def test_of_images_of_8_bits_without_a_code_g_is_0(pixels):
    # d(x|z) = p_d(x): what is drawn has to be scored as it is.
    torch.manual_seed(0)
    shape = (6, 5, 3) if pixels == "colour" else (6, 5)
    model = build("0+-", shape, {"pixelcnn_depth": 4, "pixelcnn_resnets": 1}, pixels=pixels).eval()
    bounds = generative_bounds(model, 20, 2)
    assert bounds.lower.value == 0
    assert abs(bounds.upper.value) < 1e-3
