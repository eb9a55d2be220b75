"""How much of a generated image its code decides: bounds on I_d(X; Z) of the generative path (Appendix C).

With z ~ m(z) and x ~ d(x|z), I_d = E[log d(x|z) - log p_d(x)], and E <= I_d <= G (equation 9). Exact for discrete
distributions: `rdplane.toy.exact.gen_lower` and `gen_upper`.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from rdplane.measures.estimate import Estimate, average
from rdplane.measures.importance import nll_iw
from rdplane.models import VAE

__all__ = ["Density", "GenerativeBounds", "generative_bounds"]

_BATCH = 250


class Density(Protocol):
    """A normalised density of images, such as `rdplane.models.pixelcnn.PixelCNN` with latent 0."""

    def log_prob(self, x: Tensor, z: None) -> Tensor:
        """log q(x) (B,) for x (B, H, W)."""


@dataclass(frozen=True)
class GenerativeBounds:
    """E and G in nats, from the same draws."""

    lower: Estimate
    upper: Estimate


@torch.no_grad()
def generative_bounds(model: VAE, samples: int, iw_samples: int, density: Density | None = None) -> GenerativeBounds:
    """Monte-Carlo estimates of E and G from `samples` draws of z ~ m(z), x ~ d(x|z), at least 2.

    E = E[log e(z|x) - log m(z)] is equation 7 with q(z|x) = e(z|x); far below 0 where the encoder does not recognise
    the code of an image that the model itself made.

    G is equation 8, E[log d(x|z) - log q(x)], where any normalised q(x) gives a bound, q = p_d the exact value.
    By default the model's own p_d(x) is bounded instead: an importance-weighted estimate of log p_d(x) is in
    expectation too low (Burda et al. 2016), so that putting it in place of log q(x) gives a number that is in
    expectation too high, I_d <= E[log d(x|z) - IW(x)]. It needs no other model, it falls towards I_d itself
    as `iw_samples` grows, and with one draw it is E[log d(x|z)] plus the -ELBO of generated images.

    Arguments:
        iw_samples: draws of z an image for the default G.
        density: q(x) to use instead, as the paper proposes: an autoregressive model, trained elsewhere.
    """
    lower, upper = [], []
    for count in _parts(samples):
        z = model.marginal.sample(count)
        x = model.decode(z)
        lower.append(model.log_posterior(x, z) - model.log_prior(z))
        surprise = nll_iw(model, x, iw_samples) if density is None else -density.log_prob(x, None)
        upper.append(model.log_likelihood(x, z).cpu().double() + surprise.cpu().double())
    return GenerativeBounds(average(torch.cat(lower)), average(torch.cat(upper)))


def _parts(samples: int) -> list[int]:
    return [min(_BATCH, samples - start) for start in range(0, samples, _BATCH)]
