"""Deconvolutional decoder d(x|z): pixels independent given z."""

import torch
import torch.nn as nn
from torch import Tensor

from rdplane.declare import Part
from rdplane.models.densities import bernoulli_log_prob
from rdplane.models.gated import GatedConvTranspose2d, scaled

__all__ = ["DeconvDecoder"]

DECODER = Part(
    kind="decoder", symbol="-", title="deconvolution", builds="DeconvDecoder", sizes=("latent", "width"), mark="light",
    minutes=0.05,
)  # fmt: skip


class DeconvDecoder(nn.Module):
    """Decoder ``-``: gated transposed convolutions, then a linear convolution to one Bernoulli logit a pixel.

    Layers as in the paper's appendix, for 28 x 28 images 1-7-7-14-14-28-28-28.

    Args:
        shape: (H, W), both divisible by 4.
        latent: L.
        width: multiplies the channels (`scaled`); 1 is the paper.
    """

    def __init__(self, shape: tuple[int, int], latent: int, width: float):
        super().__init__()
        wide, narrow = scaled(64, width), scaled(32, width)
        self.body = nn.Sequential(
            GatedConvTranspose2d(latent, wide, (shape[0] // 4, shape[1] // 4)),
            GatedConvTranspose2d(wide, wide, 5),
            GatedConvTranspose2d(wide, wide, 5, stride=2),
            GatedConvTranspose2d(wide, narrow, 5),
            GatedConvTranspose2d(narrow, narrow, 5, stride=2),
            GatedConvTranspose2d(narrow, narrow, 4),
            nn.Conv2d(narrow, 1, 5, padding=2),
        )

    def logits(self, z: Tensor) -> Tensor:
        """Bernoulli logits (B, H, W) for z (B, L)."""
        return self.body(z[:, :, None, None]).squeeze(1).to(z.dtype)

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        """log d(x|z) (B,) for x (B, H, W) of 0 and 1."""
        return bernoulli_log_prob(x, self.logits(z))

    @torch.no_grad()
    def sample(self, z: Tensor) -> Tensor:
        """One x ~ d(x|z) for each row of z: (B, H, W) of 0 and 1."""
        return torch.bernoulli(torch.sigmoid(self.logits(z)))
