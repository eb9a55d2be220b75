"""How much of a generated image its code decides: bounds on I_d(X; Z) of the generative path (Appendix C).

With z ~ m(z) and x ~ d(x|z), I_d = E[log d(x|z) - log p_d(x)], and E <= I_d <= G (equation 9). Exact for discrete
distributions: `rdplane.toy.exact.gen_lower` and `gen_upper`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from rdplane.declare import Column, Key, Measure, ZeroOr
from rdplane.evaluate.codes import at_once
from rdplane.evaluate.estimate import Estimate, average
from rdplane.evaluate.given import Given, Numbers
from rdplane.evaluate.importance import nll_iw

if TYPE_CHECKING:
    from rdplane.models.vae import VAE

__all__ = ["Density", "GenerativeBounds", "generative_bounds", "measure"]

MEASURE = Measure(
    name="generative",
    title="bounds on the generative information",
    computes="measure",
    columns=(
        Column(
            "gen_lower", "E, lower bound on I_d(X; Z) of generated images (equation 7); may be far below 0", error=True
        ),
        Column("gen_upper", "G, upper bound on it (equation 8, with the model's own p_d as q)", error=True),
        Column("gen_samples", "generated images of the two bounds", unit="", type="int64"),
    ),
    keys=(
        # With 64 they are noise: one of a paper-size cell was 6.08 nats, and 5.31 with 500.
        Key("gen_samples", ZeroOr(2), 500, "generated images for the bounds on I_d(X; Z) (Appendix C); 0: off"),
        "iw_samples",
        "seed",
    ),
    off="gen_samples",
    draws=True,
    place=5,
)

BATCH = 250


class Density(Protocol):
    """A normalised density of images, such as `rdplane.models.pixelcnn.PixelCNN` with latent 0."""

    def log_prob(self, x: Tensor, z: None) -> Tensor:
        """log q(x) of images x (B, H, W): (B,) nats."""


@dataclass(frozen=True)
class GenerativeBounds:
    """E and G in nats, from the same draws."""

    lower: Estimate
    upper: Estimate


@torch.no_grad()
def generative_bounds(
    model: "VAE", samples: int, iw_samples: int, density: Density | None = None, batch: int = BATCH
) -> GenerativeBounds:
    """Monte-Carlo estimates of E and G from draws of z ~ m(z), x ~ d(x|z).

    E = E[log e(z|x) - log m(z)] is equation 7 with q(z|x) = e(z|x). It is far below 0 where the encoder does not
    recognise the code of an image that the model itself made.

    G is equation 8, E[log d(x|z) - log q(x)]. Any normalised q(x) gives a bound, and q = p_d the exact value. By
    default an importance-weighted estimate IW(x) of the model's own log p_d(x) takes the place of log q(x). In
    expectation it is too low (Burda et al. 2016), so that G is too high, which keeps it an upper bound. It needs no
    other model, and G falls towards I_d itself as `iw_samples` grows; with one draw it is E[log d(x|z)] plus the -ELBO
    of generated images.

    Args:
        samples: pairs of z and x, at least 2.
        iw_samples: draws of z per image for the default G.
        density: q(x) to use instead, as the paper proposes: an autoregressive model, trained elsewhere.
        batch: images at once.
    """
    lower, upper = [], []
    for count in _parts(samples, batch):
        z = model.marginal.sample(count)
        x = model.decode(z)
        lower.append(model.log_posterior(x, z) - model.log_prior(z))
        surprise = nll_iw(model, x, iw_samples) if density is None else -density.log_prob(x, None)
        upper.append(model.log_likelihood(x, z).cpu().double() + surprise.cpu().double())
    return GenerativeBounds(average(torch.cat(lower)), average(torch.cat(upper)))


def measure(given: Given) -> Numbers:
    """E and G from `gen_samples` generated images."""
    given.start()
    samples = given.settings["gen_samples"]
    batch = at_once(BATCH, given.images[0].numel())
    bounds = generative_bounds(given.model, samples, given.settings["iw_samples"], batch=batch)
    return {"gen_lower": bounds.lower, "gen_upper": bounds.upper, "gen_samples": samples}


def _parts(samples: int, batch: int) -> list[int]:
    return [min(batch, samples - start) for start in range(0, samples, batch)]
