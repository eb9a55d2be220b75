"""What training minimises. Rate and distortion come in unweighted; a weight of the rate lives here and nowhere else.

Every objective is called with the batch's rates and distortions and the training time, and keeps what it must remember
in buffers, so that a checkpoint holds it. `weight` is the weight that the rate had in the last step.
"""

from typing import Any

import torch
from torch import Tensor, nn

from rdplane.train.schedule import annealed_beta

__all__ = ["BetaObjective", "Objective", "TargetLagrangian", "TargetPenalty", "build_objective"]


class Objective(nn.Module):
    """Base of all objectives: a loss in nats an image, and the last weight of the rate."""

    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(()))

    def forward(self, rate: Tensor, distortion: Tensor, time: float) -> Tensor:
        """The loss of a batch.

        Args:
            rate: (B,) log e(z|x) - log m(z), nats.
            distortion: (B,) -log d(x|z), nats.
            time: epochs trained so far, a fraction included.
        """
        raise NotImplementedError


class BetaObjective(Objective):
    """D + beta R (equation 4 of the paper), beta climbing from 0 over the first `anneal` epochs."""

    def __init__(self, beta: float, anneal: int = 0):
        super().__init__()
        self.beta, self.anneal = beta, anneal

    def forward(self, rate: Tensor, distortion: Tensor, time: float) -> Tensor:
        beta = annealed_beta(time, self.beta, self.anneal)
        self.weight.fill_(beta)
        return (distortion + beta * rate).mean()


class TargetPenalty(Objective):
    """D + |sigma - R| with R the batch's mean rate (Section 4 of the paper, there for the toy model).

    Below sigma a nat of rate is rewarded by as much as a nat of distortion costs; above it, the objective is the ELBO,
    which holds sigma only where the curve's slope -dD/dR is below 1.
    """

    def __init__(self, target: float):
        super().__init__()
        self.target = target

    def forward(self, rate: Tensor, distortion: Tensor, time: float) -> Tensor:
        excess = rate.mean() - self.target
        self.weight.copy_(excess.detach().sign())
        return distortion.mean() + excess.abs()


class TargetLagrangian(Objective):
    """Augmented Lagrangian of min D subject to R = sigma: D + mu (R - sigma) + rho/2 (R - sigma)^2.

    The multiplier mu follows mu += eta (R - sigma) step by step with the batch's mean rate, and settles at the
    slope -dD/dR. The curvature rho holds a point where that slope is 1 over a whole stretch and beta alone cannot. The
    weight of the rate, mu + rho (R - sigma), is kept within [-1, 10]: below -1 rate is bought for its own sake, with
    m(z) far from the codes (as the paper's penalty does at larger weights on the toy).
    """

    multiplier: Tensor

    def __init__(self, target: float, curvature: float, step: float):
        super().__init__()
        self.target, self.curvature, self.step = target, curvature, step
        self.register_buffer("multiplier", torch.zeros(()))

    def forward(self, rate: Tensor, distortion: Tensor, time: float) -> Tensor:
        excess = rate.mean() - self.target
        with torch.no_grad():
            self.multiplier.add_(self.step * excess).clamp_(-1, 10)
            self.weight.copy_((self.multiplier + self.curvature * excess).clamp(-1, 10))
        # The gradient of the augmented Lagrangian is weight times the rate's; its value is not needed.
        return distortion.mean() + (self.weight * excess).to(rate.dtype)


def build_objective(cell: dict[str, Any]) -> Objective:
    """The objective of a resolved cell."""
    settings = cell["objective"]
    if settings["name"] == "beta":
        return BetaObjective(settings["beta"], cell["anneal"])
    if settings["method"] == "penalty":
        return TargetPenalty(settings["rate"])
    return TargetLagrangian(settings["rate"], settings["curvature"], settings["step"])
