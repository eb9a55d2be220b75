import linear_gaussian as lg
import pytest
import torch

from rdplane.evaluate.units import active_units, unit_variance
from rdplane.models.gaussian_marginal import GaussianMarginal
from rdplane.models.vae import VAE


class ScaledEncoder(lg.LinearEncoder):
    """Mean of dimension i is a_i x_i with x_i of variance 1."""

    def __init__(self, factors, s=1.0):
        super().__init__(len(factors), 1.0, s)
        self.register_buffer("factors", torch.tensor(factors))

    def forward(self, x):
        mean, scale = super().forward(x)
        return mean * self.factors, scale


class Flowing(ScaledEncoder):
    """z_1 = u_1 and z_2 = u_2 + u_1^2: not linear, so that E[z_2|x] is not T(E[u|x])."""

    def transform(self, u):
        return torch.stack((u[:, 0], u[:, 1] + u[:, 0] ** 2), 1)


def model(encoder):
    return VAE(encoder, lg.LinearDecoder(encoder.latent, 0.5, 0.8), GaussianMarginal(encoder.latent)).double()


@pytest.mark.parametrize(
    ("factors", "active"), [([0.0, 0.0, 0.0], 0), ([1.0, 0.09, 0.0], 1), ([1.0, 0.2, 0.11], 3), ([0.05, 2.0, 0.5], 2)]
)
def test_dimensions_whose_mean_varies_enough_are_active(factors, active):
    x = lg.images(2000)
    x /= x.std(0)
    assert active_units(model(ScaledEncoder(factors)), x) == active


def test_variance_of_a_gaussian_encoder_is_exact():
    x = lg.images(50)
    expected = (x.flatten(1)[:, :2] * torch.tensor([0.3, 2.0])).var(0)
    torch.testing.assert_close(unit_variance(model(ScaledEncoder([0.3, 2.0])), x, draws=2), expected)


def test_variance_behind_a_flow_is_that_of_the_code():
    # E[z_2|x] = E[u_2|x] + E[u_1|x]^2 + s^2, here x_2 / 2 + x_1^2 + 1
    x = lg.images(500)
    x_1, x_2 = x.flatten(1)[:, :2].T
    expected = torch.stack((x_1, x_2 / 2 + x_1**2)).var(1)
    variance = unit_variance(model(Flowing([1.0, 0.5])), x, draws=400)
    torch.testing.assert_close(variance, expected, rtol=0.05, atol=0)


def test_few_draws_behind_a_flow_do_not_make_a_silent_code_active():
    encoder = Flowing([0.0, 0.0])
    estimates = torch.stack([unit_variance(model(encoder), lg.images(100), draws=4) for _ in range(100)])
    assert (estimates.mean(0).abs() < 3 * estimates.std(0) / 10 + 1e-12).all()
