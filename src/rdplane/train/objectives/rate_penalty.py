"""D + |sigma - R|: the paper's way to a rate."""

from torch import Tensor

from rdplane.declare import Objective
from rdplane.train.loss import Loss

__all__ = ["RatePenalty"]

OBJECTIVE = Objective(
    name="rate_penalty", text="target rates sigma in the paper's D + |sigma - R|, beside the betas",
    title="rate penalty R*", label="R* {value:g}, penalty", slug="penalty", builds="RatePenalty", unit="nats", mark="+",
)  # fmt: skip


class RatePenalty(Loss):
    """D + |sigma - R| with R the batch's mean rate (Section 4 of the paper, there for the toy model).

    Below sigma a nat of rate is rewarded by as much as a nat of distortion costs; above it, the objective is the ELBO,
    which holds sigma only where the curve's slope -dD/dR is below 1.

    Args:
        rate_penalty: sigma, nats per image.
    """

    def __init__(self, rate_penalty: float):
        super().__init__()
        self.target = rate_penalty

    def forward(self, rate: Tensor, distortion: Tensor, time: float) -> Tensor:
        excess = rate.mean() - self.target
        self.weight.copy_(excess.detach().sign())
        return distortion.mean() + excess.abs()
