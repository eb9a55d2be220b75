"""The importance-weighted bound on -log p_d(x), tighter than -ELBO."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rdplane.declare import Column, Key, Measure, Whole, ZeroOr
from rdplane.evaluate.estimate import Estimate, average
from rdplane.evaluate.given import Given, Numbers

if TYPE_CHECKING:
    from rdplane.models.vae import VAE

__all__ = ["measure", "nll_iw", "with_control"]

MEASURE = Measure(
    name="importance",
    title="importance-weighted bound",
    computes="measure",
    columns=(
        Column("nll_iw", "importance-weighted upper bound on -log p(x) (Burda et al. 2016), tighter", error=True),
        Column("iw_samples", "draws of z per image for nll_iw and gen_upper", unit="", type="int64"),
        Column("iw_images", "images for nll_iw; -ELBO of all test images is its control variate", "", "int64"),
    ),
    keys=(
        Key("iw_images", ZeroOr(2), 100, "images for the importance-weighted bound on -log p(x); 0: off"),
        Key("iw_samples", Whole(1), 16, "draws of z per image for that bound, and for the upper one of gen_samples"),
        "seed",
    ),
    off="iw_images",
    needs=("rate_distortion",),
    place=2,
)

_PAIRS = 4000  # of image and z in one call


@torch.no_grad()
def nll_iw(model: "VAE", x: Tensor, samples: int) -> Tensor:
    """Upper bound, in expectation, on -log p_d(x) of each image (Burda et al. 2016, https://arxiv.org/abs/1509.00519).

    With one draw the expected bound is -ELBO; with more it falls towards -log p_d(x).

    Args:
        x: (N, H, W[, 3]) in [0, 1], as the model sees images.
        samples: draws of z per image.

    Returns:
        (N,) nats, float64, on the CPU.
    """
    parts = x.to(next(model.parameters())).split(max(1, _PAIRS // samples))
    return -torch.cat([model.log_marginal(part, samples).double().cpu() for part in parts])


def measure(given: Given) -> Numbers:
    """Mean of the bound, from `iw_images` images at most, with -ELBO of all images as its control."""
    chosen, samples = given.choose(given.settings["iw_images"]), given.settings["iw_samples"]
    samples = 1 if given.model.encoder.discrete else samples  # of a discrete code all are the same
    values = nll_iw(given.model, given.model.images(given.images[chosen]), samples)
    known = given.per_image("rate_distortion")
    estimate = with_control(values, chosen, known["rate"] + known["distortion"])
    return {"nll_iw": estimate, "iw_samples": samples, "iw_images": len(chosen)}


def with_control(values: Tensor, chosen: Tensor, neg_elbo: Tensor | None = None) -> Estimate:
    """Mean over all images of a bound that is known for some of them, with its standard error.

    Images differ in the bound much as they differ in -ELBO. Where -ELBO is known for all images, its mean over all less
    the mean improvement over the chosen ones therefore has a far smaller error than the mean of `values`, and as little
    bias.

    Args:
        values: (n,) the bound of the chosen images, nats.
        chosen: (n,) their indices among all, chosen at random.
        neg_elbo: (N,) one estimate of -ELBO for each of all images, nats; None for the plain mean of `values`.
    """
    if neg_elbo is None:
        return average(values)
    neg_elbo = neg_elbo.double()
    known = neg_elbo[chosen]
    gain = known - values
    covariance = torch.cov(torch.stack((known, gain)))
    variance = (neg_elbo.var() - 2 * covariance[0, 1]) / len(neg_elbo) + covariance[1, 1] / len(values)
    return Estimate((neg_elbo.mean() - gain.mean()).item(), math.sqrt(max(0.0, variance.item())))
