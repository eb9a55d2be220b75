"""Encoder ``0``: no code at all, so that an autoregressive decoder is a density of its own."""

import torch
from torch import Tensor

from rdplane.declare import Part
from rdplane.models.encoder import Encoder

__all__ = ["NoEncoder"]

ENCODER = Part(
    kind="encoder", symbol="0", title="No", builds="NoEncoder", mark="bar", minutes=0.0, fits="0+-",
    decides=("latent",), codes=False,
)  # fmt: skip


class NoEncoder(Encoder):
    """Encoder ``0``: z has no dimensions, R = 0 exactly and D = -log d(x), at every beta.

    The architecture ``0+-`` is the unconditional PixelCNN++: the autodecoder that others are at best, the teacher whose
    images have a known density (`rdplane.experiment.teacher`), and the prefix code (docs/rd_plane.md).
    """

    latent = 0

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        nothing = x.new_zeros(len(x), 0)
        return nothing, torch.ones_like(nothing)
