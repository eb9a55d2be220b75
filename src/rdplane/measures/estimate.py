"""An estimate and its standard error."""

import math
from typing import NamedTuple

from torch import Tensor

__all__ = ["Estimate", "average"]


class Estimate(NamedTuple):
    """A number and its standard error, in the same unit."""

    value: float
    se: float


def average(values: Tensor, influence: Tensor | None = None) -> Estimate:
    """Mean of `values` (N,), at least two, with standard error s / sqrt(N).

    Arguments:
        influence: (N,), what each image moves the mean by, times N and up to a constant, where this is more than its
            own value; its s is taken then.
    """
    spread = (values if influence is None else influence).cpu().double()
    return Estimate(values.cpu().double().mean().item(), spread.std().item() / math.sqrt(len(values)))
