"""D + beta R: a fixed weight of the rate, which may climb from 0 at first."""

from torch import Tensor

from rdplane.declare import Objective
from rdplane.train.loss import Loss

__all__ = ["Beta", "annealed"]

OBJECTIVE = Objective(
    name="beta", text="weights of the rate in D + beta R", title="weight β", label="β {value:g}", slug="beta",
    builds="Beta", default=(1.0,), unit="nats of D per nat of R", anneals=True, mark="",
)  # fmt: skip


class Beta(Loss):
    """D + beta R (equation 4 of the paper), beta climbing from 0 over the first `anneal` epochs.

    Args:
        beta: the weight of the rate.
        anneal: epochs over which it climbs; 0 for none.
    """

    def __init__(self, beta: float, anneal: int = 0):
        super().__init__()
        self.beta, self.anneal = beta, anneal

    def forward(self, rate: Tensor, distortion: Tensor, time: float) -> Tensor:
        beta = annealed(time, self.beta, self.anneal)
        self.weight.fill_(beta)
        return (distortion + beta * rate).mean()


def annealed(time: float, beta: float, anneal: int) -> float:
    """Weight of the rate: linear from 0 to `beta` over `anneal` epochs (Bowman et al. 2016), then `beta`.

    Args:
        time: epochs trained so far, a fraction included.
        beta: the weight at last.
        anneal: epochs over which it climbs; 0 for none.
    """
    return beta if time >= anneal else beta * time / anneal
