"""Marginal ``q``: a small gated PixelCNN over the grid of a discrete code, trained together with the code."""

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rdplane.declare import Key, Part, Whole
from rdplane.models.causal import CausalConv, GatedResidual
from rdplane.models.latent import Latent
from rdplane.models.levels import index_of, value_of
from rdplane.models.likelihood import padded

__all__ = ["CodeMarginal"]

MARGINAL = Part(
    kind="marginal", symbol="q", title="code PixelCNN", builds="CodeMarginal", mark="left", minutes=0.02, fits="q?q",
    sizes=(
        "code_levels", "code_channels",
        Key("code_depth", Whole(1), 16, "channels of the PixelCNN over the discrete code, marginal q"),
        Key("code_resnets", Whole(1), 2, "residual layers in each of its two streams"),
    ),
)  # fmt: skip


class CodeMarginal(nn.Module):
    """Marginal ``q``: m(z) = prod_i Categorical(z_i; logits_i(z_1 ... z_i-1)), in raster order of the code's grid.

    The d channels of a site are neighbouring columns, so that the grid is H/4 x d W/4 and every channel sees those
    before it. Two streams of causal gated residual layers at one resolution (van den Oord et al. 2016, Conditional
    PixelCNN, arXiv:1606.05328): one of the rows above, one of the row on the left. A learned map, the same for all
    codes, tells a place apart from others, since digits are centred; at first it is 0.

    It is trained at the same time as the encoder, not afterwards on codes that are fixed as in VQ-VAE, because the
    rate's gradient is what lets beta shape the code: under D + beta R the encoder gives up a level that costs more
    nats than it saves. For a discrete z that gradient is estimated in two parts:

    - through the context, z_1 ... z_i-1, straight through: the networks are differentiable in their input;
    - through the target z_i by the central difference of the log-probabilities of its neighbouring levels,
      (log m_i(k + 1) - log m_i(k - 1)) / (2 steps), at both ends by the one-sided difference to the one neighbour.

    The value is log m(z) exactly, whatever the gradient.

    Args:
        shape: (H, W) of the images, in colour (H, W, 3).
        code_levels: K.
        code_channels: d.
        code_depth: channels of every map.
        code_resnets: residual layers in each stream.
    """

    def __init__(
        self, shape: tuple[int, ...], code_levels: int, code_channels: int, code_depth: int, code_resnets: int
    ):
        super().__init__()
        self.levels, depth, start = code_levels, code_depth, 1 / math.sqrt(code_resnets)
        rows, columns = padded(shape)
        self.grid = (rows // 4, code_channels * (columns // 4))
        self.above = CausalConv(1, depth, (2, 3), right=1)
        self.across = CausalConv(1, depth, (1, 3), right=1)
        self.left = CausalConv(1, depth, (2, 1), right=0)
        self.place = nn.Parameter(torch.zeros(depth, *self.grid))
        self.vertical = nn.ModuleList(GatedResidual(depth, (2, 3), 1, 0, start) for _ in range(code_resnets))
        self.horizontal = nn.ModuleList(GatedResidual(depth, (2, 2), 0, 1, start) for _ in range(code_resnets))
        self.logit = nn.Conv2d(depth, code_levels, 1)

    def logits(self, z: Tensor) -> Tensor:
        """Logits of the K levels of every place given those before it.

        Args:
            z: (B, h, w), the first h rows of the grid.

        Returns:
            (B, K, h, w).
        """
        grid = z.unsqueeze(1)
        down, right = F.pad(grid, (0, 0, 1, -1)), F.pad(grid, (1, -1))
        rows = self.above(down)
        row = self.across(down) + self.left(right) + self.place[:, : z.shape[1]]
        for vertical, horizontal in zip(self.vertical, self.horizontal, strict=True):
            rows = vertical(rows)
            row = horizontal(row, [rows])
        return cast(Tensor, self.logit(row))

    def log_prob(self, code: Latent) -> Tensor:
        """log m(z) (B,), a probability's; a z between two levels counts as the nearer one."""
        z = code.z.unflatten(1, self.grid)
        surprise = self.logits(z).to(z.dtype).log_softmax(1)
        index = index_of(z, self.levels)
        lower, upper = (index - 1).clamp(min=0), (index + 1).clamp(max=self.levels - 1)
        step = 2 / (self.levels - 1)
        slope = (_of(surprise, upper) - _of(surprise, lower)) / ((upper - lower) * step)
        return (_of(surprise, index) + (z - z.detach()) * slope.detach()).sum((1, 2))

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """z ~ m(z), (n, L), place by place in raster order."""
        z = self.place.new_zeros(n, *self.grid)
        for i in range(self.grid[0]):
            for j in range(self.grid[1]):
                chances = self.logits(z[:, : i + 1])[:, :, i, j].softmax(1)
                z[:, i, j] = value_of(torch.multinomial(chances, 1)[:, 0].to(z), self.levels)
        return z.flatten(1)


def _of(values: Tensor, index: Tensor) -> Tensor:
    """What stands at levels `index` (B, h, w) of `values` (B, K, h, w)."""
    return values.gather(1, index.unsqueeze(1)).squeeze(1)
