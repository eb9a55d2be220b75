"""Binary pixels: each a Bernoulli variable with a logit of its own."""

import torch
import torch.nn.functional as F
from torch import Tensor

from rdplane.declare import Likelihood
from rdplane.models.densities import bernoulli_log_prob

__all__ = ["Bernoulli"]

LIKELIHOOD = Likelihood(name="bernoulli", title="Bernoulli", pixels=("binary",), builds="Bernoulli")


class Bernoulli:
    """log d(x) = sum over pixels of log Bernoulli(x; sigmoid(logit)), a `rdplane.models.likelihood.PixelLikelihood`."""

    inputs = outputs = uniforms = 1
    exact, start = False, 1.0

    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        """log-probability of each image, nats, (B,): x (B, H, W) of 0 and 1, logits (B, 1, H, W)."""
        return bernoulli_log_prob(x, outputs.squeeze(1))

    def log_pixels(self, x: Tensor, outputs: Tensor) -> Tensor:
        """log-probability of each pixel, nats, (B, H, W): x (B, H, W) of 0 and 1, logits (B, 1, H, W)."""
        return -F.binary_cross_entropy_with_logits(outputs.squeeze(1), x, reduction="none")

    def sample(self, outputs: Tensor) -> Tensor:
        """One draw of every pixel, (B, H, W) of 0 and 1, from logits (B, 1, H, W)."""
        return torch.bernoulli(torch.sigmoid(outputs.squeeze(1)))

    def draw(self, outputs: Tensor, uniforms: Tensor) -> Tensor:
        """1 where the uniform number is below the probability: logits and uniforms (B, 1) -> (B,)."""
        return (outputs > uniforms.logit()).squeeze(1).to(outputs)
