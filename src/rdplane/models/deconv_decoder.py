"""Deconvolutional decoder d(x|z): pixels independent given z."""

from typing import cast

import torch
import torch.nn as nn
from torch import Tensor

from rdplane.declare import Part
from rdplane.models.bernoulli import Bernoulli
from rdplane.models.gated import GatedConvTranspose2d, scaled
from rdplane.models.likelihood import PixelLikelihood, inside, padded, readout

__all__ = ["DeconvDecoder"]

DECODER = Part(
    kind="decoder", symbol="-", title="deconvolution", builds="DeconvDecoder", sizes=("latent", "width"), mark="light",
    minutes=0.05,
)  # fmt: skip


class DeconvDecoder(nn.Module):
    """Decoder ``-``: gated transposed convolutions, then a linear convolution to what the likelihood needs.

    Layers as in the paper's appendix, for 28 x 28 images 1-7-7-14-14-28-28-28.

    Args:
        shape: (H, W), in colour (H, W, 3).
        latent: L.
        width: multiplies the channels (`scaled`); 1 is the paper.
        likelihood: of the pixels; Bernoulli unless given.
    """

    def __init__(
        self, shape: tuple[int, ...], latent: int, width: float, likelihood: PixelLikelihood | None = None
    ):  # fmt: skip
        super().__init__()
        self.shape, self.likelihood = shape, likelihood or Bernoulli()
        rows, columns = padded(shape)
        wide, narrow = scaled(64, width), scaled(32, width)
        self.body = nn.Sequential(
            GatedConvTranspose2d(latent, wide, (rows // 4, columns // 4)),
            GatedConvTranspose2d(wide, wide, 5),
            GatedConvTranspose2d(wide, wide, 5, stride=2),
            GatedConvTranspose2d(wide, narrow, 5),
            GatedConvTranspose2d(narrow, narrow, 5, stride=2),
            GatedConvTranspose2d(narrow, narrow, 4),
            nn.Conv2d(narrow, self.likelihood.outputs, 5, padding=2),
        )
        last = cast(nn.Conv2d, self.body[-1])
        with torch.no_grad():
            last.weight.mul_(self.likelihood.start)

    def outputs(self, z: Tensor) -> Tensor:
        """What the likelihood needs for each pixel, (B, P, H, W), for z (B, L)."""
        *body, last = self.body
        maps = z[:, :, None, None]
        for layer in body:
            maps = layer(maps)
        return inside(readout(last, maps, self.likelihood.exact), self.shape).to(z.dtype)

    def logits(self, z: Tensor) -> Tensor:
        """Bernoulli logits (B, H, W) of binary images, for z (B, L)."""
        return self.outputs(z).squeeze(1)

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        """log d(x|z) (B,) for x (B, H, W[, 3]) in [0, 1]."""
        return self.likelihood.log_prob(x, self.outputs(z))

    @torch.no_grad()
    def sample(self, z: Tensor) -> Tensor:
        """One x ~ d(x|z) for each row of z: (B, H, W[, 3]) in [0, 1]."""
        return self.likelihood.sample(self.outputs(z))
