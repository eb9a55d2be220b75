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
    """Mean over images with its standard error s / sqrt(N), where s is the standard deviation over images.

    Args:
        values: (N,), one number per image, N at least 2.
        influence: (N,), how far each image moves the mean, times N and up to a constant, where that is more than its
            own value; s is taken of this instead.
    """
    spread = (values if influence is None else influence).cpu().double()
    return Estimate(values.cpu().double().mean().item(), spread.std().item() / math.sqrt(len(values)))
