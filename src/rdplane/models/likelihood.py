"""What a pixel is given the numbers that a decoder puts out for it, and images as a network sees them.

Images are in [0, 1] wherever a model meets them: (B, H, W), or (B, H, W, 3) in colour. A binary pixel is 0 or 1, one of
8 bits a whole number of 255ths.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["LEVELS", "PixelLikelihood", "inside", "mean_image", "padded", "planes", "readout", "scaled_down"]

LEVELS = {"binary": 2, "grey": 256, "colour": 256}
"""Kind of pixels -> values that each number of a pixel can have."""

_PIECE = 1000  # images at once
_MULTIPLE = 4  # the networks halve each side twice


class PixelLikelihood(Protocol):
    """What a likelihood offers: pixels that are independent given what a decoder puts out for each.

    Attributes:
        inputs: numbers in a pixel, 1 or 3.
        outputs: P, numbers that a decoder puts out for a pixel.
        uniforms: U, uniform numbers that a draw of a pixel takes.
        exact: whether a decoder must compute its last layer in full precision.
        start: factor on the weights of a decoder's last layer at initialisation.
    """

    inputs: int
    outputs: int
    uniforms: int
    exact: bool
    start: float

    def log_prob(self, x: Tensor, outputs: Tensor) -> Tensor:
        """log-probability of each image, nats, (B,): x (B, H, W[, 3]) in [0, 1], `outputs` (B, P, H, W)."""

    def log_pixels(self, x: Tensor, outputs: Tensor) -> Tensor:
        """log-probability of each pixel, nats, (B, H, W), of the same."""

    def sample(self, outputs: Tensor) -> Tensor:
        """One draw of every pixel, (B, H, W[, 3]) in [0, 1], from `outputs` (B, P, H, W)."""

    def draw(self, outputs: Tensor, uniforms: Tensor) -> Tensor:
        """The pixels that uniform numbers select, (B,) or (B, 3): `outputs` (B, P), `uniforms` (B, U) in [0, 1)."""


def scaled_down(images: Tensor, pixels: str, dtype: torch.dtype = torch.float32) -> Tensor:
    """Stored images as a model sees them: in [0, 1].

    Args:
        images: (B, H, W) or (B, H, W, 3), levels of any type.
        pixels: 'binary', 'grey' or 'colour'.
        dtype: of the model.
    """
    levels = images.to(dtype)
    return levels if LEVELS[pixels] == 2 else levels / (LEVELS[pixels] - 1)


def mean_image(images: Tensor, pixels: str) -> Tensor:
    """Mean of stored images, uint8, as a model sees it: (H, W[, 3]) float32 in [0, 1].

    Args:
        images, pixels: see `scaled_down`.
    """
    if LEVELS[pixels] == 2:
        return images.float().mean(0)
    total = sum(part.sum(0, dtype=torch.int64) for part in images.split(_PIECE))  # as float32 a large set is gigabytes
    return torch.as_tensor(total) / (len(images) * (LEVELS[pixels] - 1))


def padded(shape: Sequence[int]) -> tuple[int, int]:
    """(H, W) of the maps in a network for images of `shape`, (H, W) or (H, W, 3): the next multiples of 4."""
    height, width = (-(-side // _MULTIPLE) * _MULTIPLE for side in shape[:2])
    return height, width


def planes(x: Tensor, channels: int) -> Tensor:
    """Images (B, H, W) or (B, H, W, C) in [0, 1] as the input of a convolution: (B, C, H', W') in [-1, 1].

    To its right and below, an image is filled up with 0, as convolutions do around it: H' and W' are `padded`. For an
    autoregressive network that is "outside", so that what is filled up changes no probability of a real pixel.

    Args:
        channels: C, 1 or 3.
    """
    maps = 2 * x - 1
    maps = maps.unsqueeze(1) if channels == 1 else maps.movedim(-1, 1)
    height, width = padded(x.shape[1:3])
    below, right = height - x.shape[1], width - x.shape[2]
    return F.pad(maps, (0, right, 0, below)) if below or right else maps


def inside(maps: Tensor, shape: Sequence[int]) -> Tensor:
    """The part of maps (B, C, H', W') that belongs to real pixels, (B, C, H, W)."""
    return maps[:, :, : shape[0], : shape[1]]


def readout(last: nn.Module, maps: Tensor, exact: bool) -> Tensor:
    """A decoder's last layer, in full precision if `exact`.

    In bfloat16 a mean near white is known to half of one of 256 levels only, and the last layer costs little.
    """
    if not exact:
        return last(maps)
    with torch.autocast(maps.device.type, enabled=False):
        return last(maps.to(next(last.parameters()).dtype))
