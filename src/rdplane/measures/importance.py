"""The importance-weighted bound on -log p_d(x), tighter than -ELBO."""

import math

import torch
from torch import Tensor

from rdplane.measures.codes import prepare
from rdplane.measures.estimate import Estimate, average
from rdplane.models import VAE

__all__ = ["nll_iw", "with_control"]

_PAIRS = 4000  # of image and z in one call


@torch.no_grad()
def nll_iw(model: VAE, images: Tensor, samples: int) -> Tensor:
    """Upper bound on -log p_d(x), in expectation, of each image: (N,) nats, float64, on the CPU.

    Burda et al. 2016 (https://arxiv.org/abs/1509.00519) with `samples` draws of z an image; the expected bound falls
    towards -log p_d(x) as they grow, and with one draw it is -ELBO.

    Arguments:
        images: (N, H, W) of any dtype.
    """
    parts = images.split(max(1, _PAIRS // samples))
    return -torch.cat([model.log_marginal(prepare(model, part), samples).double().cpu() for part in parts])


def with_control(values: Tensor, chosen: Tensor, neg_elbo: Tensor | None = None) -> Estimate:
    """Mean of a bound known for some images only, with standard error.

    What varies between images varies alike in -ELBO, so where that is known for all images, the mean over all of it
    less the mean improvement of the chosen ones has a far smaller error than the mean of `values`, and as little bias.

    Arguments:
        values: (n,) the bound of the chosen images.
        chosen: (n,) their indices among all, chosen at random.
        neg_elbo: (N,) one estimate of -ELBO for each of all images, or None for the plain mean.
    """
    if neg_elbo is None:
        return average(values)
    neg_elbo = neg_elbo.double()
    known = neg_elbo[chosen]
    gain = known - values
    covariance = torch.cov(torch.stack((known, gain)))
    variance = (neg_elbo.var() - 2 * covariance[0, 1]) / len(neg_elbo) + covariance[1, 1] / len(values)
    return Estimate((neg_elbo.mean() - gain.mean()).item(), math.sqrt(max(0.0, variance.item())))
