"""An estimate and its standard error."""

import math
from typing import NamedTuple

from torch import Tensor

__all__ = ["Estimate", "average"]


class Estimate(NamedTuple):
    """A number and its standard error, in the same unit."""

    value: float
    se: float


def average(values: Tensor) -> Estimate:
    """Mean over images with its standard error s / sqrt(N), where s is the standard deviation over images.

    Args:
        values: (N,), one number per image, N at least 2; independent (for others see `rdplane.evaluate.jackknife`).
    """
    values = values.cpu().double()
    return Estimate(values.mean().item(), values.std().item() / math.sqrt(len(values)))
