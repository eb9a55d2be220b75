"""D + beta R for a whole range of beta in one training: every batch has a beta of its own."""

import math

from torch import Tensor

from rdplane.declare import Key, Objective, Range, Real
from rdplane.train.loss import Loss

__all__ = ["Curve"]

OBJECTIVE = Objective(
    name="curve", text="ranges of beta, such as [0.05, 1.25], each a training that gives its whole RD curve",
    title="RD curve over β", label="β {value:g}", slug="curve", builds="Curve", values=Range(above=0.0), column="beta",
    unit="nats of D per nat of R", mark="", conditions=True,
    keys=(
        Key("curve_widening", Real(0, 1), 0.5, "of curve cells: share of training over which the range of beta opens "
            "from its low end"),
    ),
)  # fmt: skip

GOLDEN = (math.sqrt(5) - 1) / 2


class Curve(Loss):
    """D + beta R (equation 4 of the paper) with one beta a batch, drawn from a range that widens from its low end.

    log beta follows the golden-ratio sequence, whose points lie evenly however many there are. The range opens while
    training goes on, since a model that sees large weights of the rate at first may learn to ignore its code at all of
    them: first the code, then its price.

    Args:
        curve: low and high end of the range.
        curve_widening: share of training over which its upper end climbs from the low one, evenly in log beta.
    """

    def __init__(self, curve: tuple[float, float], curve_widening: float):
        super().__init__()
        self.low, self.high = curve
        self.widening = curve_widening
        self.beta = self.low

    @property
    def validated(self) -> tuple[float, ...]:
        """Both ends of the range, and their geometric mean."""
        return self.low, math.sqrt(self.low * self.high), self.high

    def condition(self, made: int, steps: int) -> float:
        """The beta of the next batch."""
        opened = min(1.0, made / (self.widening * steps)) if self.widening else 1.0
        place = (made * GOLDEN) % 1.0 * opened
        self.beta = min(self.high, self.low * (self.high / self.low) ** place)
        self.weight.fill_(self.beta)
        return self.beta

    def settled(self, end: int) -> float:
        return self.widening * end

    def forward(self, rate: Tensor, distortion: Tensor, time: float) -> Tensor:
        return (distortion + self.beta * rate).mean()

    def merit(self, rate: float, distortion: float, end: int, condition: float | None = None) -> float:
        """D + beta R at a beta of `validated`."""
        assert condition is not None
        return distortion + condition * rate
