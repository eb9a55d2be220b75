"""Encoders e(z|x): a diagonal Gaussian from a gated convolutional network, and the same passed through a flow."""

import math
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from rdplane.models.densities import gaussian_log_prob, standard_normal_log_prob
from rdplane.models.flow import AutoregressiveFlow
from rdplane.models.gated import GatedConv2d

__all__ = ["Code", "ConvEncoder", "FlowEncoder", "Latent", "scaled"]

_SOFTPLUS_INVERSE_OF_1 = math.log(math.expm1(1.0))


@dataclass
class Latent:
    """A latent z (B, L) from anywhere."""

    z: Tensor


@dataclass
class Code(Latent):
    """A latent that an encoder drew.

    Attributes:
        z: the latent (B, L).
        base: u (B, L) with z = T(u) and u ~ N(mean(x), scale(x)).
        log_prob: log e(z|x) (B,).
    """

    base: Tensor
    log_prob: Tensor


def scaled(channels: int, width: float) -> int:
    """`channels` of the paper times `width`, rounded, at least 1."""
    return max(1, round(channels * width))


class ConvEncoder(nn.Module):
    """Encoder ``-``: diagonal Gaussian, standard deviation softplus(raw + softplus^-1(1)), which starts near 1.

    Layers as in the paper's appendix, for 28 x 28 images 28-28-14-14-7-1.

    Arguments:
        shape: (H, W), both divisible by 4.
        latent: L.
        width: multiplies the channels (`scaled`); 1 is the paper.
    """

    def __init__(self, shape: tuple[int, int], latent: int, width: float):
        super().__init__()
        self.latent = latent
        narrow, middle, wide = scaled(32, width), scaled(64, width), scaled(256, width)
        self.body = nn.Sequential(
            GatedConv2d(1, narrow, 5),
            GatedConv2d(narrow, narrow, 5, stride=2),
            GatedConv2d(narrow, middle, 5),
            GatedConv2d(middle, middle, 5, stride=2),
            GatedConv2d(middle, wide, (shape[0] // 4, shape[1] // 4)),
            nn.Flatten(),
        )
        self.head = nn.Linear(wide, 2 * latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, each (B, L), of the base Gaussian for images x (B, H, W) in [0, 1]."""
        features = self.body((2 * x - 1).unsqueeze(1)).to(x.dtype)
        with torch.autocast(x.device.type, enabled=False):  # densities keep full precision
            mean, raw = self.head(features).chunk(2, dim=1)
        return mean, F.softplus(raw + _SOFTPLUS_INVERSE_OF_1)

    def transform(self, u: Tensor) -> Tensor:
        """z = T(u), volume-preserving and shared by all images; here the identity."""
        return u

    def base(self, z: Tensor) -> Tensor:
        """u = T^-1(z)."""
        return z

    def draw(self, mean: Tensor, scale: Tensor, noise: Tensor | None = None) -> Code:
        """One code for each row of the base Gaussian's `mean` and `scale` (B, L), from `noise` ~ N(0, I) like them."""
        noise = torch.randn_like(mean) if noise is None else noise
        u = mean + scale * noise
        return Code(self.transform(u), u, standard_normal_log_prob(noise) - scale.log().sum(1))

    def encode(self, x: Tensor, noise: Tensor | None = None) -> Code:
        """One z ~ e(z|x) for each image of x (B, H, W), from standard normal `noise` (B, L), drawn unless given."""
        mean, scale = self(x)
        return self.draw(mean, scale, noise)

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        """log e(z|x) (B,) at any z (B, L)."""
        return gaussian_log_prob(self.base(z), *self(x))


class FlowEncoder(ConvEncoder):
    """Encoder ``+``: z = T(u) with u from the Gaussian of `ConvEncoder` and T an inverse autoregressive flow.

    T is the same for all images, so that log e(z|x) = log N(u; mean(x), scale(x)) and drawing never inverts it;
    at a z that it did not draw, T is inverted one dimension at a time.

    Arguments:
        shape, latent, width: as `ConvEncoder`.
        steps, layers, units: as `AutoregressiveFlow`.
    """

    def __init__(self, shape: tuple[int, int], latent: int, width: float, steps: int, layers: int, units: int):
        super().__init__(shape, latent, width)
        self.flow = AutoregressiveFlow(latent, steps, layers, units)

    def transform(self, u: Tensor) -> Tensor:
        return self.flow(u)

    def base(self, z: Tensor) -> Tensor:
        return self.flow.inverse(z)
