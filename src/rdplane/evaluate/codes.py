"""The base Gaussians of the codes of many images, a batch at a time."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from rdplane.models.vae import VAE

__all__ = ["at_once", "encode"]

BATCH = 250
_SMALL = 1024  # numbers


def at_once(most: int, numbers: int) -> int:
    """How many images to compute at once: `most` of up to 1,024 numbers, fewer of larger ones, for memory's sake.

    Args:
        numbers: in an image, H x W, in colour H x W x 3.
    """
    return max(1, most * _SMALL // max(_SMALL, numbers))


@torch.no_grad()
def encode(model: "VAE", images: Tensor) -> tuple[Tensor, Tensor]:
    """Base Gaussian of the code of each image.

    Args:
        images: (N, H, W[, 3]) as stored, levels of any type.

    Returns:
        Mean and standard deviation, (N, L) each.
    """
    size = at_once(BATCH, images[0].numel())
    means, scales = zip(*(model.encoder(model.images(batch)) for batch in images.split(size)), strict=True)
    return torch.cat(means), torch.cat(scales)
