"""How many dimensions of the code respond to the image."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rdplane.declare import Column, Key, Measure, ZeroOr
from rdplane.evaluate.codes import encode
from rdplane.evaluate.given import Given, Numbers

if TYPE_CHECKING:
    from rdplane.models.vae import VAE

__all__ = ["THRESHOLD", "active_units", "measure", "unit_variance"]

MEASURE = Measure(
    name="units",
    title="active units",
    computes="measure",
    columns=(Column("active_units", "dimensions of z with Var_x(E[z_i|x]) > 0.01 (Burda et al. 2016)", "", "int64"),),
    keys=(Key("unit_images", ZeroOr(2), 500, "images for the number of active units; 0: off"), "seed"),
    off="unit_images",
    place=3,
)

THRESHOLD = 0.01  # Burda et al. 2016, https://arxiv.org/abs/1509.00519
DRAWS = 64


@torch.no_grad()
def unit_variance(model: "VAE", images: Tensor, draws: int = DRAWS) -> Tensor:
    """Var_x(E[z_i|x]) of each dimension of z, without bias, so that chance may take it below 0.

    It is that of the code z, not of the base u that an encoder with a flow maps to z: z is what the marginal and the
    decoder see, and the threshold was set on the scale of z ~ N(0, I). With z = T(u), E[z|x] is the known mean of u
    plus the mean of T(u) - u over `draws`; the variance that these draws add is estimated and subtracted. Without a
    flow T(u) - u is 0 and the result is exact.

    Args:
        images: (N, H, W[, 3]) as stored, levels of any type, N at least 2.
        draws: of u per image, at least 2.

    Returns:
        (L,) float64, on the CPU.
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


def active_units(model: "VAE", images: Tensor, draws: int = DRAWS) -> int:
    """Number of dimensions of z with Var_x(E[z_i|x]) > 0.01 (see `unit_variance`)."""
    return int((unit_variance(model, images, draws) > THRESHOLD).sum()) if model.latent else 0


def measure(given: Given) -> Numbers:
    """The number of active units, from `unit_images` images at most."""
    return {"active_units": active_units(given.model, given.images[given.choose(given.settings["unit_images"])])}
