"""D + beta R for a whole range of beta in one training: every batch has a beta of its own."""

import math

from torch import Tensor

from rdplane.declare import Key, Objective, Range, Real
from rdplane.models.conditioned import Conditioned
from rdplane.models.vae import VAE
from rdplane.train.loss import Loss

__all__ = ["Curve"]

OBJECTIVE = Objective(
    name="curve", text="ranges of beta, such as [0.05, 1.25], each a training that gives its whole RD curve",
    title="RD curve over β", label="β {value:g}", slug="curve", builds="Curve", values=Range(above=0.0), column="beta",
    unit="nats of D per nat of R", mark="", conditions=True,
    keys=(
        Key("curve_widening", Real(0, 1), 0.15, "of curve cells: share of training over which the range of beta opens "
            "from its low end"),
        Key("curve_power", Real(0, 1), 1.0, "of curve cells: betas lie evenly in beta to this power; 0: in its "
            "logarithm"),
    ),
)  # fmt: skip

GOLDEN = (math.sqrt(5) - 1) / 2


class Curve(Loss):
    """D + beta R (equation 4 of the paper) with one beta a batch, drawn from a range that widens from its low end.

    Betas follow the golden-ratio sequence, whose points lie evenly however many there are: evenly in beta^p, which at
    p = 1 trains most where R is small, at p = 0, the logarithm, where it is large. The range opens while training goes
    on, since a model that sees large weights of the rate at first may learn to ignore its code at all of them: first
    the code, then its price.

    Args:
        curve: low and high end of the range.
        curve_widening: share of training over which its upper end climbs from the low one.
        curve_power: p.
    """

    def __init__(self, curve: tuple[float, float], curve_widening: float, curve_power: float):
        super().__init__()
        self.low, self.high = curve
        self.widening, self.power = curve_widening, curve_power
        self.beta = self.low

    def prepare(self, model: VAE) -> Conditioned:
        """A model at every beta of the range."""
        return Conditioned(model, self.low, self.high)

    def validated(self, done: float) -> tuple[float | None, ...]:
        """Both ends of the range and its middle, as far as it is open."""
        return tuple(self._at(place) for place in (0.0, 0.5, 1.0) if place <= self._opened(done))

    def condition(self, done: float, made: int) -> float:
        """The beta of the next batch."""
        self.beta = self._at((made * GOLDEN) % 1.0 * self._opened(done))
        self.weight.fill_(self.beta)
        return self.beta

    def _opened(self, done: float) -> float:
        """How far the range is open after a share of training."""
        return min(1.0, done / self.widening) if self.widening else 1.0

    def _at(self, place: float) -> float:
        """The beta at a place of the range, from 0 to 1."""
        if self.power:
            low, high = self.low**self.power, self.high**self.power
            beta = (low + place * (high - low)) ** (1 / self.power)
        else:
            beta = self.low * (self.high / self.low) ** place
        return min(max(beta, self.low), self.high)  # rounding must not leave the range

    def settled(self, end: int) -> float:
        return self.widening * end

    def forward(self, rate: Tensor, distortion: Tensor, time: float) -> Tensor:
        return (distortion + self.beta * rate).mean()

    def merit(self, rate: float, distortion: float, end: int, condition: float | None = None) -> float:
        """D + beta R at a beta of `validated`."""
        assert condition is not None
        return distortion + condition * rate
