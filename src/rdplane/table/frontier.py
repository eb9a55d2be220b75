"""What a set of runs achieves on the RD plane: Pareto frontier, convex hull, best ELBO (Section 4 of the paper)."""

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["best_elbo", "lower_hull", "pareto", "staircase"]


def pareto(rate: ArrayLike, distortion: ArrayLike) -> np.ndarray:
    """Indices of the runs that no other run beats, by increasing rate.

    One run dominates another when neither its rate nor its distortion is larger and one of the two is smaller.
    Of runs at exactly the same place the first one stands for all. Along the result the rate strictly rises and
    the distortion strictly falls.

    Args:
        rate, distortion: (N,) each, nats per image.

    Returns:
        (K,) integer indices into the arguments, K <= N.

    Raises:
        ValueError: the shapes differ or a value is not finite.
    """
    rate, distortion = _plane(rate, distortion)
    # Sorted so, a run is dominated exactly when some earlier one already reached its distortion.
    order = np.lexsort((distortion, rate))
    if not len(order):
        return order
    best = np.minimum.accumulate(distortion[order])
    return order[np.concatenate(([True], best[1:] < best[:-1]))]


def staircase(
    rate: ArrayLike, distortion: ArrayLike, top: float | None = None, right: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the stepwise boundary between what was achieved and what was not.

    At rate r the boundary's height is the lowest distortion among the runs of rate <= r: a conservative frontier,
    since nothing is claimed between two runs.

    Args:
        rate, distortion: (N,) each, nats per image.
        top: where the first, vertical step begins; by default at the first frontier run itself.
        right: where the last, horizontal step ends; by default at the last frontier run itself.

    Returns:
        The corners' rates and distortions, both (M,), in drawing order; empty when there are no runs.
    """
    rate, distortion = _plane(rate, distortion)
    front = pareto(rate, distortion)
    if not len(front):
        return np.empty(0), np.empty(0)
    x, y = np.repeat(rate[front], 2)[1:], np.repeat(distortion[front], 2)[:-1]
    if top is not None and top > y[0]:
        x, y = np.concatenate(([x[0]], x)), np.concatenate(([top], y))
    if right is not None and right > x[-1]:
        x, y = np.concatenate((x, [right])), np.concatenate((y, [y[-1]]))
    return x, y


def lower_hull(rate: ArrayLike, distortion: ArrayLike) -> np.ndarray:
    """Indices of the convex hull's lower left part, from the lowest rate to the lowest distortion.

    A point between two neighbours is reached by using one model for a share of the images and the other for the
    rest; the exact RD curve is convex for that reason.

    Args:
        rate, distortion: (N,) each, nats per image.

    Returns:
        (K,) integer indices by increasing rate; slopes between neighbours are negative and strictly increase.
    """
    rate, distortion = _plane(rate, distortion)
    hull: list[int] = []
    for index in pareto(rate, distortion):
        while len(hull) > 1 and not _turns_left(rate, distortion, hull[-2], hull[-1], index):
            hull.pop()
        hull.append(int(index))
    return np.array(hull, dtype=int)


def best_elbo(rate: ArrayLike, distortion: ArrayLike) -> int:
    """Index of the run with the lowest -ELBO = R + D; among equals the one of lowest rate, then the first.

    Raises:
        ValueError: there is no run, the shapes differ or a value is not finite.
    """
    rate, distortion = _plane(rate, distortion)
    if not len(rate):
        raise ValueError("the best ELBO of no runs is undefined")
    return int(np.lexsort((rate, rate + distortion))[0])


def _plane(rate: ArrayLike, distortion: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    rate, distortion = np.asarray(rate, dtype=float), np.asarray(distortion, dtype=float)
    if rate.ndim != 1 or rate.shape != distortion.shape:
        raise ValueError(f"rate and distortion must be vectors of one length, not {rate.shape} and {distortion.shape}")
    if not (np.isfinite(rate).all() and np.isfinite(distortion).all()):
        raise ValueError("rate and distortion must be finite")
    return rate, distortion


def _turns_left(x: np.ndarray, y: np.ndarray, a: int, b: int, c: int) -> bool:
    """Whether the path a -> b -> c turns left, so that b lies strictly below the line from a to c."""
    return bool((x[b] - x[a]) * (y[c] - y[b]) > (x[c] - x[b]) * (y[b] - y[a]))
