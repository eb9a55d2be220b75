"""Blahut-Arimoto: the exact rate-distortion curve of a source under any distortion matrix.

With the decoder fixed, D is linear in e(z|x) and the best (encoder, marginal) pair is a classical rate-distortion
problem with distortion rho(x, z) = -log d(x|z). It is convex, and every iterate comes with a lower bound on the
optimum: the distance to the true curve is certified (Blahut 1972; Arimoto 1972).

With decoder and marginal free as well, nothing needs to be iterated: R + D >= H for every model (equation 2), and for
every encoder the choice d(x|z) = p_e(x|z), m(z) = p_e(z) reaches R + D = H (appendix D.3, D.4). The exact optimum of
the unrestricted toy is therefore the line from (0, H) to (H, 0): see `unrestricted`.
"""

import math
from dataclasses import dataclass

import numpy as np

from rdplane.errors import UserError
from rdplane.toy.exact import Array, rate

__all__ = ["Point", "fixed_marginal", "log_loss", "solve", "unrestricted"]


@dataclass(frozen=True)
class Point:
    """One point of a rate-distortion curve.

    Attributes:
        beta: weight of the rate; the curve has slope dD/dR = -beta here.
        rate: R in nats.
        distortion: D in the unit of the distortion matrix (nats for `log_loss`).
        encoder: e(z|x), shape (X, Z).
        marginal: m(z), shape (Z,).
        gap: certified: D + beta R is at most this far above its minimum.
    """

    beta: float
    rate: float
    distortion: float
    encoder: Array
    marginal: Array
    gap: float


def log_loss(log_d: Array) -> Array:
    """The paper's distortion rho(x, z) = -log d(x|z), shape (X, Z), from the decoder's logarithm of shape (Z, X)."""
    return -log_d.T


def unrestricted(entropy: float, points: int = 2) -> tuple[Array, Array]:
    """Rates and distortions of the exact optimum with free e, d and m: the line R + D = H from (0, H) to (H, 0)."""
    rates = np.linspace(0, entropy, points)
    return rates, entropy - rates


def fixed_marginal(p: Array, rho: Array, m: Array, beta: float) -> Point:
    """Minimise D + beta R over the encoder alone: e(z|x) is proportional to m(z) exp(-rho(x, z) / beta).

    Args:
        p: p*(x), shape (X,).
        rho: distortion matrix, shape (X, Z).
        m: the marginal, shape (Z,), above 0.
        beta: weight of the rate, above 0.

    Raises:
        UserError: `beta` is not a finite number above 0, or some x cannot be coded at all.
    """
    gain = _gain(rho, beta) * m
    return _point(p, rho, gain / gain.sum(axis=1, keepdims=True), m, beta, gap=0.0)


def solve(p: Array, rho: Array, beta: float, gap: float = 1e-9, iterations: int = 200_000) -> Point:
    """Minimise D + beta R over encoder and marginal, from the uniform marginal, until the certified gap is small.

    The best encoder for m(z) is e(z|x) = m(z) exp(-rho(x, z) / beta) / norm(x), and the best marginal for this encoder
    is m(z) c(z) with c(z) = sum_x p(x) exp(-rho(x, z) / beta) / norm(x). The pair has
    R + D / beta = -sum_x p(x) log norm(x) - sum_z m(z) c(z) log c(z); no pair is below
    -sum_x p(x) log norm(x) - log max_z c(z).

    Plain iteration of m <- m c is slow where the curve is nearly straight. The step is therefore tried with a growing
    power of c, and kept only where it beats the plain one: the optimum and its certificate are the same.

    Args:
        p: p*(x), shape (X,).
        rho: distortion matrix, shape (X, Z).
        beta: weight of the rate, above 0.
        gap: stop once D + beta R is certified to be within this of its minimum.
        iterations: at most so many; the gap of the point tells what was reached.

    Raises:
        UserError: `beta` is not a finite number above 0, or some x cannot be coded at all.
    """
    gain = _gain(rho, beta)
    m = np.full(rho.shape[1], 1 / rho.shape[1])
    power = 1.0
    for _ in range(iterations):
        norm = gain @ m
        c = (p / norm) @ gain
        plain = m * c
        used = plain > 0
        reached = beta * (math.log(c.max()) - plain[used] @ np.log(c[used]))
        encoded_by = m
        if reached <= gap:
            break
        with np.errstate(all="ignore"):  # a step too bold overflows or loses a code: then it is not better
            bold = m * c**power
            bold /= bold.sum()
            better = p @ np.log(gain @ bold) > p @ np.log(gain @ plain)
        m, power = (bold, 1.5 * power) if better else (plain, max(1.0, power / 2))
    # Codes whose mass has underflowed are dropped from the encoder too: their rate would be infinite.
    encoder = gain * np.where(used, encoded_by, 0.0) / norm[:, None]
    return _point(p, rho, encoder, plain, beta, max(float(reached), 0.0))


def _gain(rho: Array, beta: float) -> Array:
    """exp(-rho / beta), each row scaled so that its largest entry is one: the scale cancels in every encoder."""
    if not (math.isfinite(beta) and beta > 0):
        raise UserError(f"beta is {beta:g}, but a slope of the rate-distortion curve is a finite number above 0")
    smallest = rho.min(axis=1, keepdims=True)
    if not np.all(np.isfinite(smallest)):
        raise UserError("some x has infinite distortion under every z; give the decoder some mass at each x")
    return np.exp((smallest - rho) / beta)


def _point(p: Array, rho: Array, encoder: Array, m: Array, beta: float, gap: float) -> Point:
    joint = p[:, None] * encoder
    paid = joint > 0  # a code that is never used costs nothing, however bad it would be
    return Point(beta, rate(p, encoder, m), float(joint[paid] @ rho[paid]), encoder, m, gap)
