"""The base Gaussians of the codes of many images, a batch at a time."""

import torch
from torch import Tensor

from rdplane.models import VAE

__all__ = ["choose", "encode", "prepare"]

BATCH = 250


def choose(count: int, limit: int, seed: int) -> Tensor:
    """Indices of `limit` of `count` images, or of all if there are fewer, in random order."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))[:limit]


def prepare(model: VAE, images: Tensor) -> Tensor:
    """`images` of any type and place on the model's device, in its type."""
    return images.to(next(model.parameters()))


@torch.no_grad()
def encode(model: VAE, images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, (N, L) each, of the base Gaussian of each image's code.

    Arguments:
        images: (N, H, W) of any dtype.
    """
    means, scales = zip(*(model.encoder(prepare(model, batch)) for batch in images.split(BATCH)), strict=True)
    return torch.cat(means), torch.cat(scales)
