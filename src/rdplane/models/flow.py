"""Mean-only autoregressive flow (Kingma et al. 2016; Papamakarios et al. 2017; Chen et al. 2017, appendix A)."""

from typing import cast

import torch
import torch.nn as nn
from torch import Tensor

from rdplane.declare import Key, Whole
from rdplane.models.made import MADE

__all__ = ["AutoregressiveFlow"]

STEPS = Key("flow_steps", Whole(1), 4, "steps of the autoregressive flows, encoder + and marginal +")
LAYERS = Key("made_layers", Whole(1), 3, "hidden layers of each step's masked network")
UNITS = Key("made_units", Whole(1), 640, "units in each hidden layer")


class AutoregressiveFlow(nn.Module):
    """Volume-preserving bijection of R^L: steps x_i -> x_i + m_i(x_1, ..., x_{i-1}), each m a `MADE`.

    Between steps, not after the last, coordinates are permuted at random but fixed: the permutations come from a fixed
    seed and are stored with the weights. The Jacobian of a step is triangular with ones on its diagonal, so that
    the log-determinant of the whole is 0 and neither direction returns one.
    `forward` is one pass of the networks, `inverse` goes one dimension at a time.

    Args:
        dimension: L.
        steps: number of steps, at least 1; the paper has 4.
        layers, units: hidden layers of a step's MADE and units a layer; the paper has 3 and 640.
    """

    permutations: Tensor

    def __init__(self, dimension: int, steps: int, layers: int, units: int):
        super().__init__()
        self.steps = nn.ModuleList(MADE(dimension, layers, units) for _ in range(steps))
        generator = torch.Generator().manual_seed(0)
        permutations = torch.empty(steps - 1, dimension, dtype=torch.int64)
        for row in permutations:
            row.copy_(torch.randperm(dimension, generator=generator))
        self.register_buffer("permutations", permutations)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L) -> (B, L), the fast direction."""
        with torch.autocast(x.device.type, enabled=False):  # a density keeps full precision; the networks are small
            for k, made in enumerate(self.steps):
                if k > 0:
                    x = x.index_select(1, self.permutations[k - 1])
                x = x + made(x)
        return x

    def inverse(self, y: Tensor) -> Tensor:
        """The x with ``forward(x) = y``, (B, L) -> (B, L)."""
        for k in reversed(range(len(self.steps))):
            y = cast(MADE, self.steps[k]).solve(y)
            if k > 0:
                y = y.index_select(1, self.permutations[k - 1].argsort())
        return y
