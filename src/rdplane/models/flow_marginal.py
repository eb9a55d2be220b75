"""Marginal ``+``: the standard Gaussian through a masked autoregressive flow."""

import torch
from torch import Tensor

from rdplane.declare import Part
from rdplane.models.densities import standard_normal_log_prob
from rdplane.models.flow import AutoregressiveFlow
from rdplane.models.gaussian_marginal import GaussianMarginal
from rdplane.models.latent import Latent

__all__ = ["FlowMarginal"]

MARGINAL = Part(
    kind="marginal", symbol="+", title="MAF", builds="FlowMarginal",
    sizes=("latent", "flow_steps", "made_layers", "made_units"), mark="square", minutes=0.0,
)  # fmt: skip


class FlowMarginal(GaussianMarginal):
    """Marginal ``+``: N(0, I) through a masked autoregressive flow, whose density is the fast direction z -> u.

    Args:
        latent: L.
        flow_steps, made_layers, made_units: as `AutoregressiveFlow`.
    """

    def __init__(self, latent: int, flow_steps: int, made_layers: int, made_units: int):
        super().__init__(latent)
        self.flow = AutoregressiveFlow(latent, flow_steps, made_layers, made_units)

    def log_prob(self, code: Latent) -> Tensor:
        return standard_normal_log_prob(self.flow(code.z))

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        return self.flow.inverse(super().sample(n))
