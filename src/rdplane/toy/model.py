"""The toy's encoder, decoder and marginal (appendix E), and the gradients of R and D.

Each value of x and of z has a scalar position, evenly spaced in [-1, 1]. Scalars w and b, a pair an OUTPUT symbol, give

    e(z_i|x_j) proportional over i to exp(-(w_i x_j - b_i)^2),
    d(x_j|z_i) proportional over j to exp(-(w_j z_i - b_j)^2),
    m(z_i) = softmax(pi)_i.

The paper prints `-exp[(...)^2]` and indexes both by z. Read literally, the sign gives negative probabilities, and with
the sign mended each d(x|z) is a single bump, so that the ELBO never collapses; indexed by the output symbol, the
decoder can ignore z, as the paper reports. Expectations over x and z are exact sums in float64, and with them the
gradients, which are written out below: they are short, and need no automatic differentiation.
"""

from dataclasses import dataclass

import numpy as np

from rdplane.toy.exact import Array

__all__ = ["Model", "Parameters", "initialise", "positions", "rate_distortion_gradients"]


@dataclass(frozen=True)
class Model:
    """An encoder, a decoder and a marginal, whoever made them.

    Attributes:
        log_encoder: log e(z|x), shape (X, Z).
        log_decoder: log d(x|z), shape (Z, X).
        marginal: m(z), shape (Z,).
    """

    log_encoder: Array
    log_decoder: Array
    marginal: Array

    @property
    def encoder(self) -> Array:
        """e(z|x), shape (X, Z)."""
        return np.exp(self.log_encoder)

    @property
    def decoder(self) -> Array:
        """d(x|z), shape (Z, X)."""
        return np.exp(self.log_decoder)


class Parameters:
    """The free numbers of the model, in one vector so that the optimiser sees one array.

    Attributes:
        vector: all of them, shape (3 Z + 2 X,).
        w_e, b_e: encoder, shape (Z,) each; views into `vector`, as are the others.
        w_d, b_d: decoder, shape (X,) each.
        pi: logits of the marginal, shape (Z,).
    """

    def __init__(self, vector: Array, bins: int, latents: int):
        self.vector = vector
        self.bins = bins
        self.latents = latents
        ends = np.cumsum([latents, latents, bins, bins])
        self.w_e, self.b_e, self.w_d, self.b_d, self.pi = np.split(vector, ends)

    def model(self) -> Model:
        """The distributions that these parameters stand for."""
        log_e, _ = _bumps(positions(self.bins), self.w_e, self.b_e)
        log_d, _ = _bumps(positions(self.latents), self.w_d, self.b_d)
        return Model(log_e, log_d, np.exp(_log_softmax(self.pi)))


def positions(size: int) -> Array:
    """Evenly spaced positions from -1 to 1, shape (size,)."""
    return np.linspace(-1, 1, size)


def initialise(bins: int, latents: int, seed: int) -> Parameters:
    """w ~ 0.1 N(0, 1) and b ~ 2 + 0.1 N(0, 1), so that nearly nothing is encoded at first; pi = 0."""
    random = np.random.default_rng(seed)
    parameters = Parameters(np.zeros(3 * latents + 2 * bins), bins, latents)
    for w, b in ((parameters.w_e, parameters.b_e), (parameters.w_d, parameters.b_d)):
        w[:] = 0.1 * random.standard_normal(len(w))
        b[:] = 2 + 0.1 * random.standard_normal(len(b))
    return parameters


def rate_distortion_gradients(parameters: Parameters, p: Array) -> tuple[float, float, Array, Array]:
    """R and D of the model (equations 3c, 3b) and their gradients.

    Args:
        parameters: the model.
        p: p*(x), shape (X,).

    Returns:
        R, D, dR/dvector and dD/dvector, the gradients of the same shape as `parameters.vector`.
    """
    x, z = positions(parameters.bins), positions(parameters.latents)
    log_e, arm_e = _bumps(x, parameters.w_e, parameters.b_e)
    log_d, arm_d = _bumps(z, parameters.w_d, parameters.b_d)
    log_m = _log_softmax(parameters.pi)
    e, d = np.exp(log_e), np.exp(log_d)

    joint = p[:, None] * e
    induced = joint.sum(axis=0)
    log_ratio = log_e - log_m
    loss = -log_d.T
    rate = float((joint * log_ratio).sum())
    distortion = float((joint * loss).sum())

    grad_rate = Parameters(np.zeros_like(parameters.vector), parameters.bins, parameters.latents)
    grad_distortion = Parameters(np.zeros_like(parameters.vector), parameters.bins, parameters.latents)
    for grad, cost in ((grad_rate, log_ratio), (grad_distortion, loss)):
        # A softmax passes on e * (cost - mean cost); the 1 of d(e log e) is constant over z and drops out.
        grad.w_e[:], grad.b_e[:] = _through_bumps(joint * (cost - (e * cost).sum(axis=1, keepdims=True)), x, arm_e)
    grad_distortion.w_d[:], grad_distortion.b_d[:] = _through_bumps(induced[:, None] * d - joint.T, z, arm_d)
    grad_rate.pi[:] = np.exp(log_m) - induced
    return rate, distortion, grad_rate.vector, grad_distortion.vector


def _bumps(position: Array, w: Array, b: Array) -> tuple[Array, Array]:
    """Log-softmax over the outputs of -(w s - b)^2 at each input position s, and w s - b; both (inputs, outputs)."""
    arm = position[:, None] * w - b
    return _log_softmax(-arm * arm), arm


def _through_bumps(grad_logits: Array, position: Array, arm: Array) -> tuple[Array, Array]:
    """Carry a gradient with respect to -(w s - b)^2 back to w and b."""
    grad_arm = -2 * arm * grad_logits
    return position @ grad_arm, -grad_arm.sum(axis=0)


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
