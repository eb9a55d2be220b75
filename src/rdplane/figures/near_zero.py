"""The vertical axis of what is 0 at best and may span decades: logarithmic but for its lowest part."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import SymmetricalLogLocator

from rdplane.figures import style

__all__ = ["linear_up_to", "scale"]

_DECADE = 10.0
_FINEST = 0.1  # nats, that a test set of some thousand images can tell from 0


def linear_up_to(values: np.ndarray) -> float | None:
    """Up to where the axis of these values is linear and logarithmic beyond, nats; None if it is linear all along.

    Args:
        values: (N,) nats; those above 0 decide.
    """
    above = values[values > 0]
    if not len(above) or above.max() <= _DECADE * above.min():
        return None
    return float(max(_FINEST, 10.0 ** math.floor(math.log10(above.min()))))


def scale(axes: Axes, values: np.ndarray, ends: np.ndarray) -> float | None:
    """Set scale, ticks and limits of a vertical axis, with 0 in sight.

    Args:
        values: (N,) what is drawn, nats.
        ends: (M,) of error bars, nats.

    Returns:
        Up to where it is linear (see `linear_up_to`).
    """
    ends = np.concatenate((ends, [0.0]))
    linear = linear_up_to(values)
    if linear is None:
        axes.set_ylim(style.spread(np.append(ends, 1.0)))
    else:
        axes.set_yscale("symlog", linthresh=linear, linscale=0.5)
        axes.yaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=linear, subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}".replace("-", "−"))
        axes.set_ylim(min(-0.25 * linear, 1.3 * ends.min()), 1.3 * ends.max())
    return linear
