"""What every encoder e(z|x) is: a diagonal Gaussian of a base u, and a volume-preserving map of u to z."""

import torch
import torch.nn as nn
from torch import Tensor

from rdplane.models.densities import gaussian_log_prob, standard_normal_log_prob
from rdplane.models.latent import Code

__all__ = ["Encoder"]


class Encoder(nn.Module):
    """Base of all encoders: u ~ N(mean(x), scale(x)) and z = T(u), with T the same for all images.

    A subclass has `forward`, and where T is not the identity `transform` and `base`. As T preserves volume,
    log e(z|x) = log N(u; mean(x), scale(x)).

    Attributes:
        latent: L, the dimensions of z.
        discrete: whether z takes a finite number of values, one for each image; then see
            `rdplane.models.discrete_encoder`.
    """

    latent: int
    discrete = False

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, each (B, L), of the base Gaussian for images x (B, H, W[, 3]) in [0, 1]."""
        raise NotImplementedError

    def transform(self, u: Tensor) -> Tensor:
        """z = T(u), volume-preserving and shared by all images; the identity unless a subclass says otherwise."""
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
        """One z ~ e(z|x) for each image x (B, H, W[, 3]), from standard normal `noise` (B, L), drawn unless given."""
        mean, scale = self(x)
        return self.draw(mean, scale, noise)

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        """log e(z|x) (B,) at any z (B, L)."""
        return gaussian_log_prob(self.base(z), *self(x))
