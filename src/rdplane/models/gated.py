"""Gated layers, h = (W1 x + b1) * sigmoid(W2 x + b2) (Dauphin et al. 2017; section 4 and appendix of the paper).

Each is one layer with twice the output channels, whose halves are W1 x + b1 and W2 x + b2.

Initialisation, which the paper does not state: biases 0, W1 ~ N(0, 4 / fan-in), W2 ~ N(0, 1 / fan-in), so that outputs
have about the variance of inputs (a sigmoid near 1/2 quarters it). With PyTorch's default every layer divides it by 12:
on 4,000 digits, width 0.25, latent 16, beta 1, model ``---`` then stands at R + D = 133 nats after 6 epochs, not 119.
"""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from rdplane.declare import Key, Real

__all__ = ["GatedConv2d", "GatedConvTranspose2d", "gate", "initialise_gated", "scaled"]

WIDTH = Key("width", Real(above=0.0), 1.0, "factor on the channels of encoder and deconvolutional decoder")


def scaled(channels: int, width: float) -> int:
    """`channels` of the paper times `width`, rounded, at least 1."""
    return max(1, round(channels * width))


def gate(x: Tensor, dim: int = 1) -> Tensor:
    """Linear gating: a * sigmoid(b), where a and b are the two halves of `x` along `dim` (appendix F).

    Equals `torch.nn.functional.glu`, whose gradient does not keep the channels-last layout and costs a copy.
    """
    linear, gates = x.chunk(2, dim)
    if x.device.type == "cpu":
        gates = gates.clone()  # dense: of a half, the vector unit gets no more than one pixel's channels at a time
    return linear * gates.sigmoid()


@torch.no_grad()
def initialise_gated(weight: Tensor, bias: Tensor, fan_in: float, dim: int = 0) -> None:
    """Initialise a gated layer in place so that it keeps the variance of its input.

    Args:
        weight: values W1 and gates W2, the two halves of dimension `dim`.
        bias: b1 and b2.
        fan_in: number of inputs that each output sums over.
        dim: the output dimension of `weight`; 1 for a transposed convolution.
    """
    values, gates = weight.chunk(2, dim)
    values.normal_(0, 2 / math.sqrt(fan_in))
    gates.normal_(0, 1 / math.sqrt(fan_in))
    bias.zero_()


class GatedConv2d(nn.Module):
    """Gated convolution (B, C, H, W) -> (B, C', H', W').

    Args:
        in_channels, out_channels: C and C'.
        kernel: an odd side for 'same' padding, ceil(H / stride) rows out; or a pair for 'valid' padding.
        stride: step in both directions.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int | tuple[int, int], stride: int = 1):
        super().__init__()
        padding = kernel // 2 if isinstance(kernel, int) else 0
        self.conv = nn.Conv2d(in_channels, 2 * out_channels, kernel, stride, padding)
        assert self.conv.bias is not None
        initialise_gated(self.conv.weight, self.conv.bias, self.conv.weight[0].numel())

    def forward(self, x: Tensor) -> Tensor:
        return gate(self.conv(x))


class GatedConvTranspose2d(nn.Module):
    """Gated transposed convolution (B, C, H, W) -> (B, C', H', W').

    Args:
        in_channels, out_channels: C and C'.
        kernel: a side for 'same' padding, H * stride rows out; or a pair for 'valid' padding of a single pixel.
        stride: step in both directions.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int | tuple[int, int], stride: int = 1):
        super().__init__()
        self.same = isinstance(kernel, int)
        self.stride = stride
        padding, extra = ((kernel - 1) // 2, stride - 1) if isinstance(kernel, int) else (0, 0)
        self.conv = nn.ConvTranspose2d(in_channels, 2 * out_channels, kernel, stride, padding, output_padding=extra)
        # a stride spreads the kernel's elements over stride^2 outputs; 'valid' deconvolves a single pixel
        elements = self.conv.weight[0, 0].numel() / stride**2 if self.same else 1
        assert self.conv.bias is not None
        initialise_gated(self.conv.weight, self.conv.bias, in_channels * elements, dim=1)

    def forward(self, x: Tensor) -> Tensor:
        if not self.same:
            return gate(self.conv(x))
        # An even kernel has one row and column too many: drop the last ones, which makes the layer the adjoint
        # of a 'same' convolution that pads one pixel less before than after, as TensorFlow does.
        if self.stride > 1:
            return gate(self.conv(x)[..., : x.shape[2] * self.stride, : x.shape[3] * self.stride])
        # The same as a plain convolution, which never computes what would be dropped.
        kernel = self.conv.kernel_size[0]
        after = (kernel - 1) // 2
        before = kernel - 1 - after
        weight = self.conv.weight.flip(2, 3).transpose(0, 1)
        return gate(F.conv2d(F.pad(x, (before, after, before, after)), weight, self.conv.bias))
