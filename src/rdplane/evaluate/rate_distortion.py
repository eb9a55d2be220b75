"""Rate and distortion of the test images: the place of a model on the plane."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rdplane.declare import Column, Key, Measure, Whole
from rdplane.evaluate.estimate import average
from rdplane.evaluate.given import Given, Numbers

if TYPE_CHECKING:
    from rdplane.models.vae import VAE

__all__ = ["measure", "rate_distortion"]

MEASURE = Measure(
    name="rate_distortion",
    title="rate and distortion",
    computes="measure",
    columns=(
        Column("rate", "R, mean of log e(z|x) - log m(z) over the test images (equation 3c)", error=True),
        Column("distortion", "D, mean of -log d(x|z) (equation 3b)", error=True),
        Column("neg_elbo", "-ELBO = R + D, an upper bound on -log p(x)", error=True),
        Column("images", "test images", unit="", type="int64"),
        Column("z_samples", "draws of z per image, over which R and D are averaged", unit="", type="int64"),
    ),
    keys=(
        Key("z_samples", Whole(1), 1, "draws of z per image for R and D"),
        Key("batch_size", Whole(1), 250, "images at once"),
        Key("seed", Whole(0), 0, "of the choice of images and of all draws"),
    ),
    place=0,
)


@torch.no_grad()
def rate_distortion(model: "VAE", images: Tensor, z_samples: int, batch_size: int = 250) -> tuple[Tensor, Tensor]:
    """Rate and distortion of each image, unweighted, averaged over draws of z.

    Equations 3b and 3c of the paper, with the mean of `z_samples` draws in place of the expectation over e(z|x).

    Args:
        images: (N, H, W[, 3]) as stored, levels of any type.

    Returns:
        Rate and distortion, (N,) each, nats, float64, on the CPU.
    """
    rates, distortions = [], []
    for batch in images.split(batch_size):
        x = model.images(batch)
        draws = [torch.stack(model.rate_distortion(x)).cpu().double() for _ in range(z_samples)]
        rate, distortion = torch.stack(draws).mean(0)
        rates.append(rate)
        distortions.append(distortion)
    return torch.cat(rates), torch.cat(distortions)


def measure(given: Given) -> Numbers:
    """Mean rate, distortion and -ELBO of all test images; keeps `rate` and `distortion` of each."""
    given.start()
    z_samples = given.settings["z_samples"]
    rate, distortion = rate_distortion(given.model, given.images, z_samples, given.settings["batch_size"])
    given.keep(rate=rate, distortion=distortion)
    return {
        "rate": average(rate),
        "distortion": average(distortion),
        "neg_elbo": average(rate + distortion),
        "images": len(given.images),
        "z_samples": z_samples,
    }
