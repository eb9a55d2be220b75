"""Rate, distortion and the generative bounds of discrete distributions, exactly.

Notation of the paper, in arrays whose last axis sums to one:

- `p`: data distribution p*(x), shape (X,)
- `e`: encoder e(z|x), shape (X, Z)
- `d`: decoder d(x|z), shape (Z, X)
- `m`: marginal m(z), shape (Z,)

All results are in nats. A zero probability where the other distribution has mass makes a result infinite.
Where a formula averages log d(x|z) or log q(z|x), the function takes the logarithm itself (`log_d`, `log_q`): a trained
decoder can assign less than the smallest float and must not be charged an infinite distortion for it.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import kl_div, rel_entr, xlogy

from rdplane.errors import UserError

__all__ = [
    "Array",
    "aggregate",
    "check_distribution",
    "class_given_code",
    "distortion",
    "entropy",
    "gen_lower",
    "gen_upper",
    "kl",
    "log",
    "mean_position",
    "mutual_information",
    "posterior",
    "rate",
    "reconstruction",
    "surprise",
    "utility",
]

Array = NDArray[np.float64]


def check_distribution(name: str, probabilities: Array) -> None:
    """Accept only probabilities: finite, not negative, the last axis summing to one within 1e-9.

    Raises:
        UserError: naming `name` and the first sum or value that is wrong.
    """
    if not np.all(np.isfinite(probabilities)) or np.any(probabilities < 0):
        worst = probabilities[~np.isfinite(probabilities) | (probabilities < 0)].flat[0]
        raise UserError(f"{name} holds {worst:g}, which is no probability; give numbers from 0 to 1")
    sums = np.atleast_1d(probabilities.sum(axis=-1))
    worst = sums[np.argmax(np.abs(sums - 1))]
    if abs(worst - 1) > 1e-9:
        raise UserError(f"{name} sums to {worst:.12g}, but probabilities must sum to 1; divide them by their sum")


def log(probabilities: Array) -> Array:
    """Elementwise natural logarithm, minus infinity where a probability is zero."""
    with np.errstate(divide="ignore"):
        return np.log(probabilities)


def entropy(p: Array) -> float:
    """Entropy of `p` (any shape), equation 3a: H for the data distribution."""
    return float(-xlogy(p, p).sum())


def kl(p: Array, q: Array) -> float:
    """KL(p || q) of two distributions of the same shape; infinite where `q` misses a value that `p` takes."""
    return float(kl_div(p, q).sum())  # sums p log p/q - p + q, whose rounding cannot make it negative


def aggregate(p: Array, e: Array) -> Array:
    """The induced marginal p_e(z) = sum_x p*(x) e(z|x), shape (Z,).

    The same sum read along the generative path, `aggregate(m, d)`, is g(x) = sum_z m(z) d(x|z).
    """
    return p @ e


def posterior(p: Array, e: Array) -> Array:
    """Bayes' inverse p_e(x|z) = p*(x) e(z|x) / p_e(z), shape (Z, X); `posterior(m, d)` is p_d(z|x).

    A code that is never used (p_e(z) = 0) has no posterior; it gets `p`, so that every row is a distribution.
    """
    joint = (p[:, None] * e).T
    total = joint.sum(axis=1, keepdims=True)
    return np.divide(joint, total, out=np.broadcast_to(p, joint.shape).copy(), where=total > 0)


def reconstruction(e: Array, d: Array) -> Array:
    """p(x'|x) = sum_z e(z|x) d(x'|z), shape (X, X), row x; `p @ reconstruction(e, d)` is the paper's d(x)."""
    return e @ d


def mutual_information(p: Array, e: Array) -> float:
    """I_e(X; Z), equation 1; `mutual_information(m, d)` is I_d(X; Z), equation 6."""
    return rate(p, e, aggregate(p, e))


def rate(p: Array, e: Array, m: Array) -> float:
    """R = sum_x p*(x) KL(e(z|x) || m(z)), equation 3c; equals I_e + KL(p_e(z) || m(z)), appendix D.2."""
    return float(p @ rel_entr(e, m).sum(axis=1))


def distortion(p: Array, e: Array, log_d: Array) -> float:
    """D = -sum_x p*(x) sum_z e(z|x) log d(x|z), equation 3b; `log_d` has shape (Z, X)."""
    return -_average(p[:, None] * e, log_d.T)


def gen_lower(m: Array, d: Array, log_q: Array) -> float:
    """E = sum_z m(z) sum_x d(x|z) log q(z|x) / m(z) <= I_d, equation 7.

    `log_q`: the logarithm, shape (X, Z), of any distribution of z given x, such as the encoder's.
    Equality for q(z|x) = p_d(z|x). Equation 7 prints p(z) and p(x|z); appendix D.5 shows that it means m(z) and d(x|z).
    """
    return _average(m[:, None] * d, log_q.T) + entropy(m)


def gen_upper(m: Array, d: Array, q: Array) -> float:
    """G = sum_z m(z) sum_x d(x|z) log d(x|z) / q(x) >= I_d, equation 8.

    `q`: any distribution of x, shape (X,). Equality for q(x) = p_d(x) = sum_z m(z) d(x|z).
    """
    return float(m @ rel_entr(d, q).sum(axis=1))


def utility(p: Array, e: Array, log_d: Array, q: Array) -> float:
    """U = sum_x p*(x) sum_z e(z|x) log d(x|z) / q(x), equation 11a; U - S = H - D (equation 12) for every q(x).

    Equation 10 prints e(z|x) where d(x|z) is meant, on both sides. As printed it is a true identity, but one of
    log e(z|x) / p*(x), which is neither H - D nor independent of how z is parameterised.
    """
    return float(-xlogy(p, q).sum()) - distortion(p, e, log_d)


def surprise(p: Array, q: Array) -> float:
    """S = KL(p*(x) || q(x)) >= 0, equation 11b."""
    return kl(p, q)


def mean_position(p: Array, e: Array) -> Array:
    """E[x | z] under p_e, in bins, shape (Z,): the order in which the exchangeable codes z are drawn."""
    return posterior(p, e) @ np.arange(len(p))


def class_given_code(joint: Array, e: Array) -> Array:
    """p(z*|z), the true class given the code, shape (Z, C).

    Args:
        joint: p*(x, z*), shape (X, C).
        e: encoder, shape (X, Z).
    """
    p = joint.sum(axis=1)
    class_given_x = np.divide(joint, p[:, None], out=np.zeros_like(joint), where=p[:, None] > 0)
    return posterior(p, e) @ class_given_x


def _average(joint: Array, values: Array) -> float:
    """Sum of joint * values in which an impossible pair counts nothing, even where its value is infinite."""
    return float((joint * np.where(joint > 0, values, 0.0)).sum())
