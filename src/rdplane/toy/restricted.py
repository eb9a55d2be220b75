"""Families of models that cannot reach the exact optimum: the realised curves of the phase diagram.

Each family fixes its decoder; within it every point is the exact minimum of D + beta R (see `blahut`), so that what
separates a curve from the line R + D = H is the family and not the training.
"""

from dataclasses import dataclass

import numpy as np

from rdplane.toy import blahut
from rdplane.toy.blahut import Point
from rdplane.toy.exact import Array, log
from rdplane.toy.source import bump

__all__ = ["BETAS", "Curve", "dictionary", "trace"]

# Dense about 1, where the curves bend.
BETAS = tuple(
    np.round(np.concatenate([np.geomspace(0.05, 0.7, 10), np.linspace(0.8, 2, 25), np.geomspace(2.2, 40, 15)]), 6)
)


@dataclass(frozen=True)
class Curve:
    """A realised curve: its points from low to high beta, and the point of the ELBO, beta = 1."""

    points: tuple[Point, ...]
    elbo: Point

    @property
    def rates(self) -> Array:
        """R of the points, shape (len(points),)."""
        return np.array([point.rate for point in self.points])

    @property
    def distortions(self) -> Array:
        """D of the points, shape (len(points),)."""
        return np.array([point.distortion for point in self.points])


def dictionary(p: Array, leak: float, widths: tuple[float, ...] = (0.7, 4.0)) -> Array:
    """A decoder whose every code is one bump in x: narrow ones say where x is, broad ones say little.

    Args:
        p: p*(x) > 0, shape (X,).
        leak: share of each code's mass that is lost to the bins which the data seldom visit, in proportion to 1/p*(x).
        widths: standard deviations of the bumps, in bins; each width has one code centred on each bin.

    Returns:
        d(x|z), shape (len(widths) * X, X).
    """
    bumps = np.array([bump(len(p), centre, width) for width in widths for centre in range(len(p))])
    seldom = (1 / p) / (1 / p).sum()
    return (1 - leak) * bumps + leak * seldom


def trace(p: Array, decoder: Array, marginal: Array | None = None, gap: float = 1e-6) -> Curve:
    """The best curve of a fixed decoder: encoder free, marginal free or fixed.

    Args:
        p: p*(x), shape (X,).
        decoder: d(x|z), shape (Z, X).
        marginal: a fixed m(z) > 0, shape (Z,); None to optimise it as well.
        gap: certified distance from the minimum of D + beta R, in nats.
    """
    rho = blahut.log_loss(log(decoder))

    def point(beta: float) -> Point:
        if marginal is None:
            return blahut.solve(p, rho, beta, gap)
        return blahut.fixed_marginal(p, rho, marginal, beta)

    return Curve(tuple(point(beta) for beta in BETAS), point(1.0))
