"""Exact cached evaluation of a PixelCNN in raster order: every pixel computes only what is new.

The vertical stream needs whole rows above a pixel and is evaluated a row at a time. Of the horizontal stream a row
computes first what comes from the row above and from the vertical stream, for all columns at once; what remains a
pixel is one matrix product a convolution, over the pixel and its left neighbour. The coarser levels of both streams
advance at every second and fourth row and column only. The layers come from `rdplane.models.causal.plan`, the same
list that the full pass runs through.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rdplane.models.causal import CausalConv, Expand, GatedResidual, Node, Stream
from rdplane.models.gated import gate

if TYPE_CHECKING:
    from rdplane.models.pixelcnn import PixelCNN

__all__ = ["sample", "traverse"]

BATCH = 256  # images at a time in `sample`: the cached rows take about 1 MB per image at the paper's size


def sample(model: "PixelCNN", z: Tensor | None, uniforms: Tensor) -> Tensor:
    """Draw the images that `uniforms` select, pixel by pixel (see `PixelLikelihood.draw`).

    Args:
        model: the density.
        z: (B, latent), or None if the model has no latent code.
        uniforms: (B, H, W, U) in [0, 1), or (B, H, W) where U is 1.

    Returns:
        (B, H, W[, 3]) in [0, 1], in the dtype of the model.
    """
    parts = uniforms.to(model.logit.weight).view(*uniforms.shape[:3], -1).split(BATCH)
    codes = [None] * len(parts) if z is None else z.split(BATCH)
    return torch.cat([_draw(model, code, chosen) for code, chosen in zip(codes, parts, strict=True)])


def _draw(model: "PixelCNN", z: Tensor | None, uniforms: Tensor) -> Tensor:
    def choose(i: int, j: int, outputs: Tensor) -> Tensor:
        return model.likelihood.draw(outputs, uniforms[:, i, j])

    return traverse(model, z, len(uniforms), choose)


def traverse(model: "PixelCNN", z: Tensor | None, batch: int, choose: Callable[[int, int, Tensor], Tensor]) -> Tensor:
    """Visit the pixels in raster order and set each to what `choose` answers.

    Args:
        model: the density.
        z: (B, latent), or None if the model has no latent code.
        batch: B.
        choose: called as choose(i, j, outputs) with what the likelihood needs for pixel (i, j), (B, P), given the
            pixels before it; returns their values, (B,) or (B, 3) in [0, 1].

    Returns:
        (B, H, W[, 3]), the images chosen.
    """
    weight = model.logit.weight
    height, width = model.shape
    colours = (3,) if model.likelihood.inputs == 3 else ()
    images = weight.new_zeros(batch, height, width, *colours)
    with torch.inference_mode(), torch.autocast(weight.device.type, enabled=False):
        state = _Network(model, None if z is None else z.to(weight), batch)
        for i in range(height):
            state.start_row(i)
            for j in range(width):
                state.set(j, choose(i, j, state.outputs(i, j)))
            images[:, i] = state.pixels.view_as(images[:, i])
    return images


class _Row:
    """The current row of a map and the one above it: (B, left + width + right, channels), zero outside the image."""

    def __init__(self, like: Tensor, batch: int, width: int, channels: int, left: int, right: int):
        self.left, self.width, self.channels = left, width, channels
        self.current = like.new_zeros(batch, left + width + right, channels)
        self.previous = torch.zeros_like(self.current)
        self.inside = self.current[:, left : left + width]
        self._flat = self.current.flatten(1)

    def advance(self) -> None:
        """Go on to the next row, whose values are still to be written."""
        self.previous.copy_(self.current)

    def at(self, column: int, count: int = 1) -> Tensor:
        """View (B, count * channels) of the current row's columns from `column` on."""
        return self._flat.narrow(1, (self.left + column) * self.channels, count * self.channels)

    def patches(self, row: Tensor, columns: int, stride: int) -> Tensor:
        """The (B, n, columns * channels) windows of one of the two rows, padding included."""
        return row.flatten(1).unfold(1, columns * self.channels, stride * self.channels)


class _Conv:
    """A `CausalConv` on a row: the share of the row above, of the whole current row, or of one place in it."""

    def __init__(self, conv: CausalConv, source: _Row):
        self.source, self.columns, self.stride, self.left = source, conv.kernel_size[1], conv.stride[0], conv.left
        *above, here = conv.weight.permute(2, 3, 1, 0).flatten(1, 2).contiguous()  # (columns * inputs, outputs) each
        self.above_matrix, self.here_matrix = (above[0] if above else None), here
        self.bias = cast(Tensor, conv.bias)

    def above(self) -> Tensor:
        """Bias and share of the row above, (B, n, outputs), or the bias alone if the kernel has one row."""
        if self.above_matrix is None:
            return self.bias
        return F.linear(
            self.source.patches(self.source.previous, self.columns, self.stride), self.above_matrix.T, self.bias
        )

    def row(self) -> Tensor:
        """The whole output row, (B, n, outputs)."""
        return self.above() + self.source.patches(self.source.current, self.columns, self.stride) @ self.here_matrix

    def window(self, column: int) -> Tensor:
        """View (B, columns * inputs) of what output `column` reads in the current row."""
        return self.source.at(self.stride * column - self.left, self.columns)


class _Stream:
    """The maps of a stream: one `_Row` each, of which map 0 is filled by the network."""

    def __init__(self, stream: Stream, batch: int, width: int):
        self.nodes, self.layers = stream.nodes, list(stream.layers)
        like, left = next(stream.parameters()), 1

        def row(scale: int) -> _Row:
            return _Row(like, batch, width // scale, stream.channels, left, stream.right)

        self.maps = [row(1), *(row(node.scale) for node in self.nodes)]
        self.hidden = {k: row(node.scale) for k, node in enumerate(self.nodes) if node.kind == "residual"}

    def advance(self, i: int) -> None:
        """Begin image row i in every map that has a row of its own there."""
        self.maps[0].advance()
        for k, _ in self.due(i):
            self.maps[k + 1].advance()
            if k in self.hidden:
                self.hidden[k].advance()

    def due(self, i: int) -> Iterator[tuple[int, Node]]:
        """The layers with an output at image row i."""
        return ((k, node) for k, node in enumerate(self.nodes) if i % node.scale == 0)


class _Vertical(_Stream):
    """The vertical stream, a row at a time."""

    def __init__(self, stream: Stream, batch: int, width: int):
        super().__init__(stream, batch, width)
        self.convs: dict[int, tuple[_Conv, ...]] = {}
        for k, (node, layer) in enumerate(zip(self.nodes, self.layers, strict=True)):
            source = self.maps[node.source]
            if isinstance(layer, GatedResidual):
                self.convs[k] = _Conv(layer.first, source), _Conv(layer.second, self.hidden[k])
            elif isinstance(layer, CausalConv):
                self.convs[k] = (_Conv(layer, source),)

    def row(self, i: int) -> None:
        """Evaluate image row i in all maps, given map 0."""
        for k, node in self.due(i):
            source, target, layer = self.maps[node.source], self.maps[k + 1], self.layers[k]
            if isinstance(layer, GatedResidual):
                first, second = self.convs[k]
                hidden = first.row()
                if node.shortcut is not None:
                    hidden += self.maps[node.shortcut].inside @ _matrix(layer.side)
                self.hidden[k].inside.copy_(gate(hidden, -1))
                torch.add(source.inside, gate(second.row(), -1), out=target.inside)
            elif isinstance(layer, Expand):
                weight = layer.weight[:, :, i // node.scale % 2]
                row = F.conv_transpose1d(source.inside.mT, weight, layer.bias, 2, layer.right, layer.right)
                target.inside.copy_(row.mT)
            else:
                target.inside.copy_(self.convs[k][0].row())


class _Horizontal(_Stream):
    """The horizontal stream: what a row can know at its beginning, then a place at a time."""

    def __init__(self, stream: Stream, batch: int, width: int, vertical: _Vertical):
        super().__init__(stream, batch, width)
        self.context = vertical.maps
        self.steps = [self._layer(k) for k in range(len(self.nodes))]

    def _layer(self, k: int) -> "_Residual | _Squeeze | _Expand":
        node, layer = self.nodes[k], self.layers[k]
        source, target = self.maps[node.source], self.maps[k + 1]
        if isinstance(layer, GatedResidual):
            shortcut = None if node.shortcut is None else self.maps[node.shortcut]
            return _Residual(layer, source, self.hidden[k], target, self.context[k + 1], shortcut)
        if isinstance(layer, Expand):
            return _Expand(layer, source, target)
        return _Squeeze(cast(CausalConv, layer), source, target)

    def start_row(self, i: int) -> None:
        """Evaluate what image row i owes to the row above and to the vertical stream, already evaluated."""
        for k, node in self.due(i):
            self.steps[k].start_row(i // node.scale)

    def step(self, i: int, j: int) -> None:
        """Evaluate pixel (i, j) in all maps that have a place of their own there, given map 0."""
        for k, node in self.due(i):
            if j % node.scale == 0:
                self.steps[k].step(j // node.scale)


class _Residual:
    """A `GatedResidual` of the horizontal stream."""

    def __init__(
        self, layer: GatedResidual, source: _Row, hidden: _Row, target: _Row, context: _Row, shortcut: _Row | None
    ):
        self.first, self.second = _Conv(layer.first, source), _Conv(layer.second, hidden)
        self.context = context
        self.context_matrix, *rest = _matrix(layer.side).split(source.channels)
        self.shortcut_matrix = rest[0] if rest else None
        batch, width, depth = source.inside.shape
        self.above_first = source.current.new_empty(width, batch, 2 * depth)
        self.above_second = torch.empty_like(self.above_first)
        self.views = [
            (
                self.above_first[j],
                self.first.window(j),
                shortcut.at(j) if shortcut else None,
                hidden.at(j),
                self.above_second[j],
                self.second.window(j),
                source.at(j),
                target.at(j),
            )
            for j in range(width)
        ]

    def start_row(self, _: int) -> None:
        torch.add(self.first.above(), self.context.inside @ self.context_matrix, out=self.above_first.transpose(0, 1))
        self.above_second.copy_(self.second.above().transpose(0, 1))

    def step(self, j: int) -> None:
        above_first, first, shortcut, hidden, above_second, second, source, target = self.views[j]
        before = torch.addmm(above_first, first, self.first.here_matrix)
        if shortcut is not None and self.shortcut_matrix is not None:
            before.addmm_(shortcut, self.shortcut_matrix)
        hidden.copy_(gate(before, 1))
        torch.add(source, gate(torch.addmm(above_second, second, self.second.here_matrix), 1), out=target)


class _Squeeze:
    """A strided `CausalConv` of the horizontal stream."""

    def __init__(self, conv: CausalConv, source: _Row, target: _Row):
        self.conv = _Conv(conv, source)
        batch, width, depth = target.inside.shape
        self.above = source.current.new_empty(width, batch, depth)
        self.views = [(self.above[j], self.conv.window(j), target.at(j)) for j in range(width)]

    def start_row(self, _: int) -> None:
        self.above.copy_(self.conv.above().transpose(0, 1))

    def step(self, j: int) -> None:
        above, window, target = self.views[j]
        torch.addmm(above, window, self.conv.here_matrix, out=target)


class _Expand:
    """An `Expand` of the horizontal stream: a place of the source fills two columns, in this row and the next."""

    def __init__(self, layer: Expand, source: _Row, target: _Row):
        self.matrices = layer.weight.permute(2, 0, 3, 1).flatten(2).contiguous()  # (2, inputs, 2 * outputs)
        self.matrix = self.matrices[0]
        self.bias = cast(Tensor, layer.bias).repeat(2)
        self.views = [(source.at(j), target.at(2 * j, 2)) for j in range(source.width)]

    def start_row(self, row: int) -> None:
        self.matrix = self.matrices[row % 2]

    def step(self, j: int) -> None:
        if j % 2 == 0:
            source, target = self.views[j // 2]
            torch.addmm(self.bias, source, self.matrix, out=target)


class _Network:
    """The whole network on the current row: `start_row`, then for each column `logits` and `set`."""

    def __init__(self, model: "PixelCNN", z: Tensor | None, batch: int):
        width, self.colours = model.maps[1], model.likelihood.inputs  # columns beyond the image stay 0, "outside"
        self.z_map = model.z_map(z)
        like, inputs = model.logit.weight, self.colours + (self.z_map is not None)
        self.down = _Row(like, batch, width, inputs, 1, 1)  # the row above, and the map of z
        self.right = _Row(like, batch, width, inputs, 0, 0)  # the pixel on the left, and the map of z
        self.above, self.across = _Conv(model.above, self.down), _Conv(model.across, self.down)
        self.left = _Conv(model.left, self.right)
        self.vertical = _Vertical(model.vertical, batch, width)
        self.horizontal = _Horizontal(model.horizontal, batch, width, self.vertical)
        self.entry = like.new_empty(width, batch, self.horizontal.maps[0].channels)
        self.pixels = like.new_zeros(batch, model.shape[1], self.colours)  # the current row, in [0, 1]
        self.readout, self.readout_bias = model.logit.weight.flatten(1), cast(Tensor, model.logit.bias)

    def start_row(self, i: int) -> None:
        """Begin row i, once the row above is set."""
        for row in (self.down, self.right):
            row.advance()
            if self.z_map is not None:
                row.inside[..., self.colours] = self.z_map[:, 0, i]
        if i:
            self.down.inside[:, : self.pixels.shape[1], : self.colours] = 2 * self.pixels - 1
        self.vertical.advance(i)
        self.vertical.maps[0].inside.copy_(self.above.row())
        self.vertical.row(i)
        self.horizontal.advance(i)
        self.entry.copy_((self.across.row() + self.left.above()).transpose(0, 1))
        self.horizontal.start_row(i)

    def outputs(self, i: int, j: int) -> Tensor:
        """What the likelihood needs for pixel (i, j), (B, P), once the pixels on its left are set."""
        torch.addmm(self.entry[j], self.left.window(j), self.left.here_matrix, out=self.horizontal.maps[0].at(j))
        self.horizontal.step(i, j)
        return torch.addmm(self.readout_bias, self.horizontal.maps[-1].at(j), self.readout.T)

    def set(self, j: int, values: Tensor) -> None:
        """Set pixel j of the current row to `values`, (B,) or (B, colours) in [0, 1]."""
        self.pixels[:, j] = values.view(len(values), -1)
        if j + 1 < self.pixels.shape[1]:
            self.right.inside[:, j + 1, : self.colours] = 2 * self.pixels[:, j] - 1


def _matrix(conv: nn.Module | None) -> Tensor:
    """A 1x1 convolution as the matrix (inputs, outputs)."""
    return cast(nn.Conv2d, conv).weight.flatten(1).T
