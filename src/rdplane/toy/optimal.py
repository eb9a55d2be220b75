"""The hand-built optimum of figure 2a, made with knowledge of the true process."""

import numpy as np

from rdplane.errors import UserError
from rdplane.toy.exact import log
from rdplane.toy.model import Model
from rdplane.toy.source import Source

__all__ = ["build"]


def build(source: Source, latents: int = 30) -> Model:
    """Encode the posterior of the true class: R = I(x; z*) and R + D = H, both bounds of equation 2 tight.

    The codes are shared out between the two classes in proportion to their weights (21 and 9 of 30). A code's class is
    drawn from p(z*|x), then the code evenly among those of its class; d(x|z) = p(x|z*) and m(z) = p_e(z).

    Raises:
        UserError: fewer than two latents.
    """
    if latents < 2:
        raise UserError(f"toy latents is {latents}, but two classes need at least two codes; the paper has 30")
    first = int(np.clip(round(latents * source.weights[0]), 1, latents - 1))
    owner = np.repeat([0, 1], [first, latents - first])
    size = np.bincount(owner)[owner]
    class_given_x = source.joint / source.p[:, None]
    return Model(
        log_encoder=log(class_given_x[:, owner] / size),
        log_decoder=log(source.conditional[owner]),
        marginal=source.weights[owner] / size,
    )
