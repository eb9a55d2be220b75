"""Least D at a given R, by an augmented Lagrangian."""

import torch
from torch import Tensor

from rdplane.declare import Key, Objective, Real
from rdplane.train.loss import Loss

__all__ = ["RateTarget"]

OBJECTIVE = Objective(
    name="rate_target", text="target rates sigma, beside the betas: least D at R = sigma", title="rate target R*",
    label="R* {value:g}", slug="rate", builds="RateTarget", unit="nats",
    keys=(
        Key("target_curvature", Real(above=0.0), 0.2, "of rate_target cells: rho of the augmented Lagrangian", "1/nat"),
        Key("target_step", Real(above=0.0), 0.0004, "of its multiplier, each training step", "1/nat"),
    ),
)  # fmt: skip


LEAST, MOST = -1.0, 10.0  # the weight of the rate


class RateTarget(Loss):
    """Augmented Lagrangian of min D subject to R = sigma: D + mu (R - sigma) + rho/2 (R - sigma)^2.

    The multiplier mu follows mu += eta (R - sigma) step by step with the batch's mean rate, and settles at the
    slope -dD/dR. The curvature rho holds a point where that slope is 1 over a whole stretch and beta alone cannot. The
    weight of the rate, mu + rho (R - sigma), is kept within [-1, 10]: below -1 rate is bought for its own sake, with
    m(z) far from the codes (as the paper's penalty does at larger weights on the toy).

    Args:
        rate_target: sigma, nats per image.
        target_curvature: rho, 1/nat.
        target_step: eta, 1/nat.
    """

    multiplier: Tensor

    def __init__(self, rate_target: float, target_curvature: float, target_step: float):
        super().__init__()
        self.target, self.curvature, self.step = rate_target, target_curvature, target_step
        self.register_buffer("multiplier", torch.zeros(()))

    def forward(self, rate: Tensor, distortion: Tensor, time: float) -> Tensor:
        excess = rate.mean() - self.target
        with torch.no_grad():
            self.multiplier.add_(self.step * excess).clamp_(LEAST, MOST)
            self.weight.copy_((self.multiplier + self.curvature * excess).clamp(LEAST, MOST))
        # The gradient of the augmented Lagrangian is weight times the rate's; its value is not needed.
        return distortion.mean() + (self.weight * excess).to(rate.dtype)

    def merit(self, rate: float, distortion: float, end: int, condition: float | None = None) -> float:
        """D + 10 |R - sigma|, an exact penalty, whose minimum is that of D at R = sigma.

        A penalty is exact if it weighs at least as much as the multiplier (Nocedal and Wright 2006, theorem 17.3), and
        10 is the bound of that. The loss is no merit: its weight of R changes, and it falls with R below sigma, too.
        """
        return distortion + MOST * abs(rate - self.target)
