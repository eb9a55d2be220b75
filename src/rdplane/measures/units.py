"""How many dimensions of the code respond to the image."""

import torch
from torch import Tensor

from rdplane.measures.codes import encode
from rdplane.models import VAE

__all__ = ["THRESHOLD", "active_units", "unit_variance"]

THRESHOLD = 0.01  # Burda et al. 2016, https://arxiv.org/abs/1509.00519
DRAWS = 64


@torch.no_grad()
def unit_variance(model: VAE, images: Tensor, draws: int = DRAWS) -> Tensor:
    """Var_x(E[z_i|x]) of each dimension of z, (L,), float64, on the CPU; unbiased, so it may fall below 0 by chance.

    Of the code z itself, not of the base u behind an encoder with a flow: z is what the marginal and the decoder see,
    and the scale to which the threshold was set is that of z ~ N(0, I). With z = T(u), E[z|x] is the known mean of
    u plus the mean of T(u) - u over `draws`; the variance that these draws add is estimated and taken off. Without a
    flow T(u) - u is 0 and the result exact.

    Arguments:
        images: (N, H, W) of any dtype, at least 2.
        draws: of u an image, at least 2.
    """
    mean, scale = encode(model, images)
    total, square = torch.zeros_like(mean, dtype=torch.float64, device="cpu"), torch.tensor(0.0, dtype=torch.float64)
    for _ in range(draws):
        code = model.encoder.draw(mean, scale)
        difference = (code.z - code.base).cpu().double()
        total += difference
        square = square + difference.square()
    within = (square - total.square() / draws) / (draws - 1)
    return (mean.cpu().double() + total / draws).var(0) - within.mean(0) / draws


def active_units(model: VAE, images: Tensor, draws: int = DRAWS) -> int:
    """Number of dimensions of z with Var_x(E[z_i|x]) > 0.01 (see `unit_variance`)."""
    return int((unit_variance(model, images, draws) > THRESHOLD).sum())
