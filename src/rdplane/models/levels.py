"""The values of a code whose every dimension has K levels, evenly spaced from -1 to 1."""

import torch
from torch import Tensor

__all__ = ["index_of", "quantise", "value_of"]


def quantise(u: Tensor, levels: int) -> Tensor:
    """The nearest level to tanh(u), with the gradient of tanh(u) itself: a straight-through estimate.

    Finite scalar quantisation (Mentzer et al. 2023, arXiv:2309.15505): y = (K - 1)/2 (tanh(u) + 1) is rounded to
    0 ... K - 1. The levels at both ends get half as much of tanh(u) as the others.

    Args:
        u: real numbers of any shape.
        levels: K, at least 2.

    Returns:
        Values of `value_of`, exactly: the same bits wherever a level comes from.
    """
    soft = torch.tanh(u)
    hard = value_of(((levels - 1) / 2 * (soft.detach() + 1)).round(), levels)
    return hard + (soft - soft.detach())  # a zero that has a gradient


def value_of(index: Tensor, levels: int) -> Tensor:
    """The value in [-1, 1] of levels numbered from 0, in the dtype of `index` if it has fractions, else the default."""
    return 2 * index / (levels - 1) - 1


def index_of(z: Tensor, levels: int) -> Tensor:
    """The number (int64) of the level nearest to each z."""
    return ((levels - 1) / 2 * (z.detach() + 1)).round().long().clamp(0, levels - 1)
