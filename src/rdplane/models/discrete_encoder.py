"""What an encoder of a discrete code is: z is a function of the image, one of K levels in each dimension."""

import torch
from torch import Tensor

from rdplane.models.encoder import Encoder
from rdplane.models.latent import Code
from rdplane.models.levels import index_of

__all__ = ["DiscreteEncoder"]


class DiscreteEncoder(Encoder):
    """Base of the encoders whose code is a function of the image, each of its dimensions one of K levels in [-1, 1].

    A subclass has `code` in place of `forward`. e(z|x) is the probability 1 at that z, so that log e(z|x) = 0 and with
    a marginal of probabilities R = -log m(z), I(X; Z) = H(Z). For what reads a Gaussian, this is the limit of one:
    `forward` gives z itself as the mean and a standard deviation of 0, the base u is z, and noise changes nothing. Only
    the logarithm is of a probability and not of a density.

    Attributes:
        levels: K, at least 2; the values are those of `rdplane.models.levels.value_of`.
    """

    discrete = True
    levels: int

    def code(self, x: Tensor) -> Tensor:
        """z (B, L) of images x (B, H, W) in [0, 1], with a gradient that stands for that of the rounding."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = self.code(x)
        return z, torch.zeros_like(z)

    def draw(self, mean: Tensor, scale: Tensor, noise: Tensor | None = None) -> Code:
        """z = `mean`, at log e = 0; `scale` and `noise` are not read."""
        return Code(mean, mean, mean.new_zeros(len(mean)))

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        """log e(z|x) (B,): 0 where z is the code of x, -inf elsewhere."""
        own = index_of(self.code(x), self.levels)
        same = (own == index_of(z, self.levels)).all(1)
        return torch.where(same, 0.0, -torch.inf).to(z.dtype)
