"""The data of the toy model (section 4, appendix E): a noisy, discretised coin.

A class z* in {0, 1} is drawn with the given weights, then h ~ N(mean of the class, sigma of the class), then x is the
bin that h falls into. Bins have width one and are centred on 0 .. bins - 1; the two outer bins are open, so that no
mass is lost. The paper fixes I(x; z*) and says neither means nor noise; here the noise is solved for.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from rdplane.errors import UserError
from rdplane.toy.exact import Array, check_distribution, entropy, mutual_information

__all__ = ["Source", "bump", "solve"]


@dataclass(frozen=True)
class Source:
    """The data distribution and the process that made it.

    Attributes:
        weights: p(z*), shape (2,).
        conditional: p(x|z*), shape (2, X).
        means: mean of h in each class, in bins, counted from the centre of bin 0.
        sigmas: standard deviation of h in each class, in bins.
    """

    weights: Array
    conditional: Array
    means: tuple[float, float]
    sigmas: tuple[float, float]

    @property
    def joint(self) -> Array:
        """p*(x, z*), shape (X, 2)."""
        return (self.weights[:, None] * self.conditional).T

    @property
    def p(self) -> Array:
        """p*(x), shape (X,)."""
        return self.weights @ self.conditional

    @property
    def entropy(self) -> float:
        """H(x) in nats, equation 3a."""
        return entropy(self.p)

    @property
    def information(self) -> float:
        """I(x; z*) in nats: the rate of the true generative model."""
        return mutual_information(self.weights, self.conditional)


def solve(
    bins: int = 30,
    weights: Sequence[float] = (0.7, 0.3),
    means: Sequence[float] = (9.83, 19.17),
    sigma_ratio: float = 1.5,
    information: float = 0.5,
) -> Source:
    """The source whose noise makes I(x; z*) equal `information`.

    The noise of class 1 is `sigma_ratio` times that of class 0; the one remaining unknown is found by Brent's method.
    Should several noise levels fit (very small noise can hide both classes in one bin), the largest is taken.
    The default means and ratio are those of the paper's figure 2, made symmetric about the middle.

    Args:
        bins: number of values of x, at least two.
        weights: p(z*), two positive numbers that sum to one.
        means: mean of h in each class, in bins, counted from the centre of bin 0.
        sigma_ratio: sigma of class 1 over sigma of class 0.
        information: I(x; z*) in nats, above 0 and below what the class carries, H(z*).

    Raises:
        UserError: an argument is outside its range, or no noise level reaches `information`.
    """
    _check(bins, weights, means, sigma_ratio)
    share = np.asarray(weights, dtype=float)
    ceiling = entropy(share)
    if not 0 < information < ceiling:
        raise UserError(
            f"toy information is {information:g} nats, but the class z* carries H(z*) = {ceiling:.6g} nats; "
            f"choose a value above 0 and below {ceiling:.6g}, or other weights"
        )

    def source(sigma: float) -> Source:
        first, second = float(means[0]), float(means[1])
        conditional = np.array([bump(bins, first, sigma), bump(bins, second, sigma_ratio * sigma)])
        return Source(share, conditional, (first, second), (sigma, sigma_ratio * sigma))

    def excess(log_sigma: float) -> float:
        return source(math.exp(log_sigma)).information - information

    grid = np.linspace(math.log(0.02), math.log(100 * bins), 400)
    values = np.array([excess(point) for point in grid])
    above = np.flatnonzero(values > 0)
    if len(above) == 0 or above[-1] == len(grid) - 1:
        raise UserError(
            f"toy information is {information:g} nats, but with means {list(means)} and {bins} bins the classes share "
            f"at most {values.max() + information:.6g} nats with x; choose less, or means that are further apart"
        )
    last = above[-1]
    return source(math.exp(brentq(excess, grid[last], grid[last + 1], xtol=1e-14, rtol=1e-14)))


def bump(bins: int, mean: float, sigma: float) -> Array:
    """Probability of each bin under N(mean, sigma), the outer bins open, shape (bins,).

    Args:
        bins: number of bins, of width one and centred on 0 .. bins - 1.
        mean: in bins.
        sigma: standard deviation in bins, above 0.
    """
    edges = (np.concatenate([[-np.inf], np.arange(bins - 1) + 0.5, [np.inf]]) - mean) / sigma
    left, right = edges[:-1], edges[1:]
    # Differences are taken in the tail where they lose no digits: ndtr(b) - ndtr(a) = ndtr(-a) - ndtr(-b).
    return np.where(left > 0, ndtr(-left) - ndtr(-right), ndtr(right) - ndtr(left))


def _check(bins: int, weights: Sequence[float], means: Sequence[float], sigma_ratio: float) -> None:
    if bins < 2:
        raise UserError(f"toy bins is {bins}, but data that can vary need at least two bins; the paper has 30")
    if len(weights) != 2 or len(means) != 2:
        raise UserError(
            f"toy weights {list(weights)} and means {list(means)} must be two numbers each, one a class of z*"
        )
    check_distribution("toy weights", np.asarray(weights, dtype=float))
    if not all(math.isfinite(mean) for mean in means):
        raise UserError(f"toy means are {list(means)}, but a mean is a finite number of bins, such as 9.83")
    if not (math.isfinite(sigma_ratio) and sigma_ratio > 0):
        raise UserError(f"toy sigma_ratio is {sigma_ratio:g}, but a ratio of two standard deviations is above 0")
