"""Linear-Gaussian models, of which everything is known in closed form.

x ~ N(0, I) of 4 x 4 "pixels"; z = a x_1 + noise for each of L dimensions, that is, e(z|x) = N(a (x_1 ... x_L), s^2 I).
Then p_e(z) = N(0, (a^2 + s^2) I) and I(X; Z) = L/2 log(1 + a^2 / s^2).
"""

import math

import torch
from torch import nn

from rdplane.models.conv_encoder import ConvEncoder
from rdplane.models.densities import gaussian_log_prob
from rdplane.models.gaussian_marginal import GaussianMarginal
from rdplane.models.vae import VAE

SHAPE = (4, 4)


class LinearEncoder(ConvEncoder):
    """e(z|x) = N(a (x_1 ... x_L), s^2 I)."""

    def __init__(self, latent: int, a: float, s: float):
        super().__init__(SHAPE, latent, 0.01)
        self.latent, self.a, self.s = latent, a, s

    def forward(self, x):
        mean = self.a * x.flatten(1)[:, : self.latent]
        return mean, torch.full_like(mean, self.s)


class LinearDecoder(nn.Module):
    """d(x|z): x_1 ... x_L ~ N(b z, t^2), the other pixels ~ N(0, 1)."""

    def __init__(self, latent: int, b: float, t: float):
        super().__init__()
        self.latent, self.b, self.t = latent, b, t

    def moments(self, z):
        rest = (len(z), SHAPE[0] * SHAPE[1] - self.latent)
        mean = torch.cat((self.b * z, z.new_zeros(rest)), 1)
        return mean, torch.cat((torch.full_like(z, self.t), z.new_ones(rest)), 1)

    def log_prob(self, x, z):
        return gaussian_log_prob(x.flatten(1), *self.moments(z))

    def sample(self, z):
        return torch.normal(*self.moments(z)).unflatten(1, SHAPE)


def model(latent=2, a=1.0, s=1.0, b=0.5, t=0.8) -> VAE:
    """A model with marginal N(0, I), in float64."""
    return VAE(LinearEncoder(latent, a, s), LinearDecoder(latent, b, t), GaussianMarginal(latent)).double()


def images(count: int) -> torch.Tensor:
    return torch.randn(count, *SHAPE, dtype=torch.float64)


def information(latent: int, a: float, s: float) -> float:
    """I_e(X; Z); I_d(X; Z) of a decoder x = b z + t noise is the same with (b, t)."""
    return latent / 2 * math.log1p((a / s) ** 2)


def nll(x: torch.Tensor, latent: int, b: float, t: float) -> torch.Tensor:
    """-log p_d(x): the first L pixels are N(0, b^2 + t^2)."""
    scale = torch.ones(SHAPE[0] * SHAPE[1], dtype=torch.float64)
    scale[:latent] = math.hypot(b, t)
    return -gaussian_log_prob(x.flatten(1), torch.zeros_like(scale), scale)


def divergence(latent: int, a: float, s: float) -> float:
    """KL(p_e(z) || N(0, I))."""
    variance = a**2 + s**2
    return latent / 2 * (variance - 1 - math.log(variance))
