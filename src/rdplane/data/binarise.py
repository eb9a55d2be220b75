"""Seeded binarisation and splits that give the same bits on every machine.

Everything random is made from `Generator.random` of one PCG64 stream: that stream is fixed, while NumPy reserves
the right to change the algorithm behind `permutation` or `binomial` between versions.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["bernoulli", "generator", "held_out", "part_sizes", "permutation", "split", "threshold"]

# Images handled at a time, so that the uniform numbers of a large set never lie in memory together.
_BLOCK = 1000


def generator(seed: int) -> np.random.Generator:
    """The one source of random numbers of a dataset: PCG64 seeded with `seed`, a whole number >= 0."""
    return np.random.Generator(np.random.PCG64(seed))


def bernoulli(rng: np.random.Generator, grey: NDArray, scale: float = 1.0) -> NDArray[np.uint8]:
    """One Bernoulli draw a pixel with success probability `grey / scale`, as static MNIST was made.

    Args:
        rng: where the uniform numbers come from, one a pixel in C order.
        grey: (N, H, W), values from 0 to `scale`. Grey 0 always gives 0 and grey `scale` always gives 1.
        scale: 255 for bytes, 1 for fractions.

    Returns:
        (N, H, W) of 0 and 1.
    """
    bits = np.empty(grey.shape, np.uint8)
    for start in range(0, len(grey), _BLOCK):
        block = grey[start : start + _BLOCK]
        bits[start : start + _BLOCK] = rng.random(block.shape) < block.astype(np.float64) / scale
    return bits


def threshold(grey: NDArray, level: float, scale: float = 1.0) -> NDArray[np.uint8]:
    """1 where `grey / scale >= level`, else 0; shapes as in `bernoulli`."""
    bits = np.empty(grey.shape, np.uint8)
    for start in range(0, len(grey), _BLOCK):
        bits[start : start + _BLOCK] = grey[start : start + _BLOCK].astype(np.float64) / scale >= level
    return bits


def permutation(rng: np.random.Generator, count: int) -> NDArray[np.intp]:
    """A uniformly random order of `range(count)`."""
    return np.argsort(rng.random(count), kind="stable")


def held_out(rng: np.random.Generator, count: int, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the images that stay and of the `size` of all `count` that are held out at random, each sorted."""
    order = permutation(rng, count)
    return np.sort(order[:-size]), np.sort(order[-size:])


def part_sizes(count: int, fractions: Sequence[float]) -> tuple[int, int, int]:
    """Sizes of train, valid and test: the last two rounded to the nearest image, train takes what is left."""
    valid, test = round(count * fractions[1]), round(count * fractions[2])
    return count - valid - test, valid, test


def split(rng: np.random.Generator, labels: NDArray, fractions: Sequence[float]) -> list[NDArray[np.intp]]:
    """Indices of train, valid and test, stratified: every label is divided in the same proportions.

    Args:
        rng: decides which image goes where, and the (mixed) order within each part.
        labels: (N,); all equal for a split that is not stratified.
        fractions: of train, valid and test, summing to 1; see `part_sizes` for the rounding.
    """
    order = permutation(rng, len(labels))
    part = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = np.flatnonzero(labels[order] == label)
        part[members] = np.repeat(np.arange(3), part_sizes(len(members), fractions))
    # A label that runs out early in `order` would leave a part sorted after all: mix each part anew.
    return [chosen[permutation(rng, len(chosen))] for chosen in (order[part == index] for index in range(3))]
