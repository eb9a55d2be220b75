"""Train the toy by full-batch Adam on exact expectations: D + beta R, or D + |sigma - R|."""

import math
from dataclasses import dataclass

import numpy as np

from rdplane.errors import UserError
from rdplane.toy.exact import Array
from rdplane.toy.model import Model, initialise, rate_distortion_gradients
from rdplane.toy.source import Source

__all__ = ["OBJECTIVES", "Objective", "train"]

OBJECTIVES = ("beta", "rate_penalty")


@dataclass(frozen=True)
class Objective:
    """What is minimised.

    Attributes:
        name: 'beta' for D + beta R (equation 4; the ELBO is beta = 1), 'rate_penalty' for D + |sigma - R| (section 4).
        value: beta, or the target rate sigma in nats.
    """

    name: str
    value: float

    def check(self, entropy: float) -> None:
        """Refuse an objective that no model can meet.

        Args:
            entropy: H of the data in nats.

        Raises:
            UserError: unknown name; beta not a finite number from 0; sigma below 0 or above H.
        """
        if self.name not in OBJECTIVES:
            raise UserError(f"toy objective is {self.name!r}; choose one of {', '.join(OBJECTIVES)}")
        if self.name == "beta" and not (math.isfinite(self.value) and self.value >= 0):
            raise UserError(f"toy beta is {self.value:g}, but the weight of the rate is a finite number from 0 upwards")
        if self.name == "rate_penalty" and not 0 <= self.value <= entropy:
            raise UserError(
                f"toy target rate sigma is {self.value:g} nats, but the data have H = {entropy:.6g} nats and no rate "
                f"outside 0 .. H is worth aiming at; choose a value from 0 to {entropy:.6g}"
            )

    def rate_weight(self, rate: float) -> float:
        """Derivative of the objective with respect to R, at rate `rate`.

        The penalty |sigma - R| has weight one, as in the paper: below sigma, R and D are both improved by encoding
        more; above it the objective is the ELBO, flat along R + D = H. A heavier penalty would reach sigma by wasting
        rate, with m(z) far from p_e(z).
        """
        if self.name == "beta":
            return self.value
        return float(np.sign(rate - self.value))


def train(
    source: Source,
    objective: Objective,
    seed: int,
    latents: int = 30,
    steps: int = 8000,
    learning_rate: float = 0.01,
) -> Model:
    """Train one model; the same arguments give the same model.

    Training starts from R near 0 and approaches a target rate from below: from above, the objective is flat and the
    codes settle on other clusters than the true classes.

    Args:
        source: the data.
        objective: what to minimise.
        seed: of the initial parameters, the only random numbers here.
        latents: number of values of z, at least two.
        steps: steps of Adam (beta1 0.9, beta2 0.999), each on the exact expectation over x and z.
        learning_rate: at the first step; decays to 0 along half a cosine.

    Raises:
        UserError: the objective cannot be met (see `Objective.check`), or a number is out of range.
    """
    objective.check(source.entropy)
    _check(latents, steps, learning_rate)
    p = source.p
    parameters = initialise(len(p), latents, seed)
    first, second = np.zeros_like(parameters.vector), np.zeros_like(parameters.vector)
    for step in range(steps):
        rate, _, grad_rate, grad_distortion = rate_distortion_gradients(parameters, p)
        gradient = grad_distortion + objective.rate_weight(rate) * grad_rate
        size = learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        parameters.vector -= size * _adam_direction(gradient, first, second, step)
    return parameters.model()


def _adam_direction(gradient: Array, first: Array, second: Array, step: int) -> Array:
    """Adam's step of size one (Kingma & Ba 2015); `first` and `second` moments are updated in place."""
    first += 0.1 * (gradient - first)
    second += 0.001 * (gradient * gradient - second)
    return first / (1 - 0.9 ** (step + 1)) / (np.sqrt(second / (1 - 0.999 ** (step + 1))) + 1e-8)


def _check(latents: int, steps: int, learning_rate: float) -> None:
    if latents < 2:
        raise UserError(f"toy latents is {latents}, but a code needs at least two values; the paper has 30")
    if steps < 1:
        raise UserError(f"toy steps is {steps}, but training takes at least one; 8000 reach the paper's result")
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise UserError(f"toy learning_rate is {learning_rate:g}, but it must be a finite number above 0; 0.01 works")
