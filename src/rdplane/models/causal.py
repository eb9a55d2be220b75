"""Gated convolutions that see only what is earlier in raster order, and the streams of PixelCNN++ made of them.

Initialisation, which the paper does not state: every layer keeps the variance of its input (the gated ones as
`rdplane.models.gated`), biases are 0, and each of the N residual branches of a stream ends scaled by 1 / sqrt(N), so
that a map's variance grows by a bounded factor along the stream. Measured once, unconditional on 4,500 digits with one
residual layer a block (batch 32, learning rate 1e-3, normalised gradients): D on held-out images is 98.9 nats after 200
steps at depth 8, against 107.5 with PyTorch's default, 105.5 with its default and weight normalisation as in PixelCNN++
and 103.0 with branches that start at zero; after 100 steps at depth 32 it is 97.1, 102.2 with the default and 97.3 with
branches that start at zero.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rdplane.models.gated import gate, initialise_gated

__all__ = ["CausalConv", "Expand", "GatedResidual", "Node", "Stream", "plan"]

LEVELS = 3  # resolutions: full, a half and a quarter


class CausalConv(nn.Conv2d):
    """Convolution of a row and the rows above it.

    Output (i, j) reads the input rows `s i - height + 1 ... s i` and the columns `s j - left ... s j + right` for
    stride s, with zeros outside the map; `left` is what the kernel's width leaves.

    Args:
        inputs, outputs: channels.
        kernel: (height, width).
        right: columns on the right that are read, 0 for a horizontal stream.
        stride: 1, or 2 to halve the resolution.
    """

    def __init__(self, inputs: int, outputs: int, kernel: tuple[int, int], right: int, stride: int = 1):
        super().__init__(inputs, outputs, kernel, stride=stride)
        self.left, self.right = kernel[1] - 1 - right, right
        self.pad = (self.left, self.right, kernel[0] - 1, 0)

    def reset_parameters(self) -> None:
        """Draw the weights anew (see the module's note)."""
        _initialise(self, self.weight[0].numel())

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) -> (B, outputs, h / stride, w / stride)."""
        return super().forward(F.pad(x, self.pad))


class Expand(nn.ConvTranspose2d):
    """Transposed convolution to twice the resolution that undoes the offsets of a `CausalConv` of stride 2.

    Output rows 2i and 2i + 1 read the input row i. With `right` = 0 the columns do the same; with `right` = 1
    an odd column reads both of its neighbours.
    """

    def __init__(self, channels: int, right: int):
        super().__init__(channels, channels, (2, 2 + right), stride=2, padding=(0, right), output_padding=(0, right))
        self.right = right

    def reset_parameters(self) -> None:
        """Draw the weights anew (see the module's note)."""
        _initialise(self, self.weight[:, 0].numel() / 4)  # a stride of 2 spreads the kernel over four outputs


class GatedResidual(nn.Module):
    """Residual layer of two gated convolutions: x + gate(second(gate(first(x) + side(maps)))).

    `gate` takes the place of the activations of PixelCNN++ (appendix F).

    Args:
        channels: depth of the map and of everything inside.
        kernel, right: see `CausalConv`.
        sides: how many further maps enter through the 1x1 convolution `side`.
        start: factor on the branch at initialisation.
    """

    def __init__(self, channels: int, kernel: tuple[int, int], right: int, sides: int, start: float):
        super().__init__()
        self.first = CausalConv(channels, 2 * channels, kernel, right)
        self.side = nn.Conv2d(sides * channels, 2 * channels, 1, bias=False) if sides else None
        self.second = CausalConv(channels, 2 * channels, kernel, right)
        for conv in (self.first, self.second):
            assert conv.bias is not None
            initialise_gated(conv.weight, conv.bias, conv.weight[0].numel())
        if self.side is not None:
            _initialise(self.side, sides * channels)
        with torch.no_grad():
            self.second.weight.mul_(start)

    def forward(self, x: Tensor, maps: Sequence[Tensor] = ()) -> Tensor:
        """(B, channels, h, w) and `sides` maps of the same shape -> (B, channels, h, w)."""
        hidden = self.first(x)
        if self.side is not None:
            # One by one: less work than to put the maps side by side first.
            for weight, extra in zip(self.side.weight.split(x.shape[1], 1), maps, strict=True):
                hidden = hidden + F.conv2d(extra, weight)
        return x + gate(self.second(gate(hidden)))


@torch.no_grad()
def _initialise(conv: nn.Conv2d | nn.ConvTranspose2d, fan_in: float) -> None:
    conv.weight.normal_(0, 1 / math.sqrt(fan_in))
    if conv.bias is not None:
        conv.bias.zero_()


@dataclass(frozen=True)
class Node:
    """One layer of a stream: which maps it reads, by number, and where.

    Map 0 enters the stream and map k + 1 comes out of node k.

    Args:
        kind: 'residual', 'squeeze' (to half the resolution) or 'expand' (to twice).
        source: the map that it transforms.
        shortcut: the map of equal size from the downward pass, or None.
        scale: pixels a step of its output, 1, 2 or 4.
    """

    kind: str
    source: int
    shortcut: int | None
    scale: int


def plan(resnets: int) -> tuple[Node, ...]:
    """The layers of a stream in order: blocks of `resnets` residual layers at scales 1, 2, 4, 4, 2, 1.

    The upward blocks get the maps of the downward ones of equal size as shortcuts, the last first.
    """
    nodes: list[Node] = []
    levels: list[list[int]] = []
    for level in range(LEVELS):
        if level:
            nodes.append(Node("squeeze", len(nodes), None, 2**level))
        maps = [len(nodes)]
        for _ in range(resnets):
            nodes.append(Node("residual", len(nodes), None, 2**level))
            maps.append(len(nodes))
        levels.append(maps)
    levels[-1].pop()  # the map that the upward pass starts from is no shortcut
    for level in reversed(range(LEVELS)):
        if level < LEVELS - 1:
            nodes.append(Node("expand", len(nodes), None, 2**level))
        for _ in range(resnets):
            nodes.append(Node("residual", len(nodes), levels[level].pop(), 2**level))
    return tuple(nodes)


class Stream(nn.Module):
    """One of the two streams of PixelCNN++ (Salimans et al. 2017): a U-net of causal gated residual layers.

    Args:
        channels: depth of every map.
        resnets: residual layers a block.
        width: of the kernels, whose height is 2: 3 in the vertical stream, 2 in the horizontal one.
        right: columns on the right that a kernel reads: 1 in the vertical stream, 0 in the horizontal one.
        context: whether every residual layer also reads the other stream's map of the same number.
    """

    def __init__(self, channels: int, resnets: int, width: int, right: int, context: bool):
        super().__init__()
        self.channels, self.right, self.context = channels, right, context
        self.nodes = plan(resnets)
        self.layers = nn.ModuleList()
        start = 1 / math.sqrt(2 * LEVELS * resnets)
        for node in self.nodes:
            if node.kind == "squeeze":
                self.layers.append(CausalConv(channels, channels, (2, width), right, stride=2))
            elif node.kind == "expand":
                self.layers.append(Expand(channels, right))
            else:
                sides = int(context) + int(node.shortcut is not None)
                self.layers.append(GatedResidual(channels, (2, width), right, sides, start))

    def forward(self, x: Tensor, context: Sequence[Tensor] = ()) -> list[Tensor]:
        """Map 0 (B, channels, H, W), and the maps of the other stream -> all maps, the last of them the output."""
        maps = [x]
        for node, layer in zip(self.nodes, self.layers, strict=True):
            if node.kind == "residual":
                sides = [context[len(maps)]] if self.context else []
                if node.shortcut is not None:
                    sides.append(maps[node.shortcut])
                maps.append(layer(maps[node.source], sides))
            else:
                maps.append(layer(maps[node.source]))
        return maps
