"""Marginal ``-``: the standard Gaussian."""

import torch
import torch.nn as nn
from torch import Tensor

from rdplane.declare import Part
from rdplane.models.densities import standard_normal_log_prob
from rdplane.models.latent import Latent

__all__ = ["GaussianMarginal"]

MARGINAL = Part(
    kind="marginal",
    symbol="-",
    title="N(0, I)",
    builds="GaussianMarginal",
    sizes=("latent",),
    mark="circle",
    minutes=0.0,
)


class GaussianMarginal(nn.Module):
    """Marginal ``-``: N(0, I), without parameters."""

    origin: Tensor

    def __init__(self, latent: int):
        super().__init__()
        self.register_buffer("origin", torch.zeros(latent), persistent=False)  # knows device and dtype

    def log_prob(self, code: Latent) -> Tensor:
        """log m(z) (B,)."""
        return standard_normal_log_prob(code.z)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """z ~ m(z), (n, L)."""
        return torch.randn_like(self.origin.expand(n, -1))
