"""The base Gaussians of the codes of many images, a batch at a time."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from rdplane.models.vae import VAE

__all__ = ["encode", "prepare"]

BATCH = 250


def prepare(model: "VAE", images: Tensor) -> Tensor:
    """Stored images, uint8 anywhere, as the model sees them."""
    return model.images(images)


@torch.no_grad()
def encode(model: "VAE", images: Tensor) -> tuple[Tensor, Tensor]:
    """Base Gaussian of the code of each image.

    Args:
        images: (N, H, W[, 3]) as stored, levels of any type.

    Returns:
        Mean and standard deviation, (N, L) each.
    """
    means, scales = zip(*(model.encoder(prepare(model, batch)) for batch in images.split(BATCH)), strict=True)
    return torch.cat(means), torch.cat(scales)
