"""Where a rate goes: into the code, or into a marginal that does not fit. Needs no torch."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["marginal_gap"]


def marginal_gap(
    rate: ArrayLike, mi_lower: ArrayLike, mi_upper: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bounds on KL(p_e(z) || m(z)) = R - I(X; Z) (Appendix D.2), from bounds on I.

    The least is R - mi_upper, or 0, as no KL divergence is negative. The most is R - mi_lower; as mi_lower is never
    above the log of its number of images, the most says little at rates far beyond that.

    Args:
        rate, mi_lower, mi_upper: nats, numbers or arrays of one shape.

    Returns:
        The least and the most, nats, each of the shape of the arguments.
    """
    rate = np.asarray(rate, dtype=float)
    return np.maximum(0.0, rate - np.asarray(mi_upper, dtype=float)), rate - np.asarray(mi_lower, dtype=float)
