"""Encoder ``-``: a diagonal Gaussian e(z|x) from a gated convolutional network."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from rdplane.declare import Part
from rdplane.models.encoder import Encoder
from rdplane.models.gated import GatedConv2d, scaled
from rdplane.models.likelihood import padded, planes

__all__ = ["ConvEncoder", "quarter"]

ENCODER = Part(
    kind="encoder", symbol="-", title="Gaussian", builds="ConvEncoder", sizes=("latent", "width"), mark="hollow",
    minutes=0.05,
)  # fmt: skip

_SOFTPLUS_INVERSE_OF_1 = math.log(math.expm1(1.0))


def quarter(colours: int, width: float) -> tuple[list[nn.Module], int]:
    """The layers (B, colours, H, W) -> (B, C, H/4, W/4) with which convolutional encoders begin, and C.

    Args:
        colours: numbers in a pixel, 1 or 3.
        width: multiplies the channels (`scaled`); 1 is the paper.
    """
    narrow, middle = scaled(32, width), scaled(64, width)
    layers: list[nn.Module] = [
        GatedConv2d(colours, narrow, 5),
        GatedConv2d(narrow, narrow, 5, stride=2),
        GatedConv2d(narrow, middle, 5),
        GatedConv2d(middle, middle, 5, stride=2),
    ]
    return layers, middle


class ConvEncoder(Encoder):
    """Encoder ``-``: diagonal Gaussian, standard deviation softplus(raw + softplus^-1(1)).

    At first it is around 1: at the paper's size between 0.1 and 4, half of them below 1.

    Layers as in the paper's appendix, for 28 x 28 images 28-28-14-14-7-1.

    Args:
        shape: (H, W), in colour (H, W, 3).
        latent: L.
        width: multiplies the channels (`scaled`); 1 is the paper.
    """

    def __init__(self, shape: tuple[int, ...], latent: int, width: float):
        super().__init__()
        self.latent = latent
        self.colours = shape[2] if len(shape) == 3 else 1
        rows, columns = padded(shape)
        layers, channels = quarter(self.colours, width)
        wide = scaled(256, width)
        self.body = nn.Sequential(*layers, GatedConv2d(channels, wide, (rows // 4, columns // 4)), nn.Flatten())
        self.head = nn.Linear(wide, 2 * latent)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(planes(x, self.colours)).to(x.dtype)
        with torch.autocast(x.device.type, enabled=False):  # densities keep full precision
            mean, raw = self.head(features).chunk(2, dim=1)
        return mean, F.softplus(raw + _SOFTPLUS_INVERSE_OF_1)
