"""Marginal ``v``: the VampPrior, a mixture of the encoder's posteriors of learned pseudo-inputs."""

from typing import TYPE_CHECKING

import torch
import torch.nn as nn
from torch import Tensor

from rdplane.declare import Key, Part, Whole
from rdplane.models.densities import gaussian_mixture_log_prob
from rdplane.models.latent import Code, Latent

if TYPE_CHECKING:
    from rdplane.models.encoder import Encoder

__all__ = ["VampPrior"]

MARGINAL = Part(
    kind="marginal", symbol="v", title="VampPrior", builds="VampPrior", mark="diamond", minutes=0.0,
    sizes=(Key("pseudo_inputs", Whole(1), 500, "pseudo-inputs of the VampPrior, each encoded in every step"),),
)  # fmt: skip


class VampPrior(nn.Module):
    """Marginal ``v``: m(z) = sum_i softmax(a)_i e(z|phi_i) with learned weights a and pseudo-inputs phi_i
    (Tomczak and Welling 2018, arXiv:1705.07120).

    Pseudo-inputs are sigmoid(pixels), with pixels starting at logit(mean image) + N(0, 1), which sets them apart.
    The VampPrior's own code clips to [0, 1] instead; a pixel below 0, as many beside a digit start, then never learns.

    The flow T of encoder ``+`` is shared by all images, so that every component is log N(u; mean(phi_i), scale(phi_i))
    at the same u = T^-1(z): known for codes that the encoder drew, inverted for others.

    Args:
        encoder: the model's encoder; used, not owned: its parameters are not this module's.
        shape: (H, W), in colour (H, W, 3).
        pseudo_inputs: their number.
        mean: of that shape, mean training image in [0, 1]; None stands for 0.5 everywhere.
    """

    encoder: "Encoder"

    def __init__(self, encoder: "Encoder", shape: tuple[int, ...], pseudo_inputs: int, mean: Tensor | None = None):
        super().__init__()
        # Registered as a submodule the encoder would appear twice in state_dict; a plain attribute stays out of it.
        object.__setattr__(self, "encoder", encoder)
        mean = torch.full(shape, 0.5) if mean is None else mean.to(torch.get_default_dtype())
        self.pixels = nn.Parameter(torch.logit(mean, eps=0.02) + torch.randn(pseudo_inputs, *shape))
        self.logits = nn.Parameter(torch.zeros(pseudo_inputs))

    def pseudo_inputs(self) -> Tensor:
        """phi (K, H, W[, 3]) in [0, 1]."""
        return torch.sigmoid(self.pixels)

    def log_prob(self, code: Latent) -> Tensor:
        """log m(z) (B,)."""
        u = code.base if isinstance(code, Code) else self.encoder.base(code.z)
        return gaussian_mixture_log_prob(u, self.logits.log_softmax(0), *self.encoder(self.pseudo_inputs()))

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """z ~ m(z), (n, L): the encoder's codes of randomly chosen pseudo-inputs."""
        chosen = torch.multinomial(self.logits.softmax(0), n, replacement=True)
        return self.encoder.encode(self.pseudo_inputs()[chosen]).z
