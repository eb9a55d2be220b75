"""Marginals m(z): standard Gaussian, masked autoregressive flow, VampPrior."""

import torch
import torch.nn as nn
from torch import Tensor

from rdplane.models.densities import gaussian_mixture_log_prob, standard_normal_log_prob
from rdplane.models.encoder import Code, ConvEncoder, Latent
from rdplane.models.flow import AutoregressiveFlow

__all__ = ["FlowMarginal", "GaussianMarginal", "VampPrior"]


class GaussianMarginal(nn.Module):
    """Marginal ``-``: N(0, I), without parameters."""

    origin: Tensor

    def __init__(self, latent: int):
        super().__init__()
        self.register_buffer("origin", torch.zeros(latent), persistent=False)  # knows device and dtype

    def log_prob(self, code: Latent) -> Tensor:
        """log m(z) (B,)."""
        return standard_normal_log_prob(code.z)

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """z ~ m(z), (n, L)."""
        return torch.randn_like(self.origin.expand(n, -1))


class FlowMarginal(GaussianMarginal):
    """Marginal ``+``: N(0, I) through a masked autoregressive flow, whose density is the fast direction z -> u.

    Arguments:
        latent: L.
        steps, layers, units: as `AutoregressiveFlow`.
    """

    def __init__(self, latent: int, steps: int, layers: int, units: int):
        super().__init__(latent)
        self.flow = AutoregressiveFlow(latent, steps, layers, units)

    def log_prob(self, code: Latent) -> Tensor:
        return standard_normal_log_prob(self.flow(code.z))

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        return self.flow.inverse(super().sample(n))


class VampPrior(nn.Module):
    """Marginal ``v``: m(z) = sum_i softmax(a)_i e(z|phi_i) with learned weights a and pseudo-inputs phi_i
    (Tomczak and Welling 2018, arXiv:1705.07120).

    Pseudo-inputs are sigmoid(pixels), with pixels starting at logit(mean image) + N(0, 1), which sets them apart.
    The VampPrior's own code clips to [0, 1] instead; a pixel below 0, as many beside a digit start, then never learns.

    The flow T of encoder ``+`` is shared by all images, so that every component is log N(u; mean(phi_i), scale(phi_i))
    at the same u = T^-1(z): known for codes that the encoder drew, inverted for others.

    Arguments:
        encoder: the model's encoder; used, not owned: its parameters are not this module's.
        shape: (H, W).
        count: number of pseudo-inputs.
        mean: (H, W) mean training image in [0, 1]; None stands for 0.5 everywhere.
    """

    encoder: ConvEncoder

    def __init__(self, encoder: ConvEncoder, shape: tuple[int, int], count: int, mean: Tensor | None = None):
        super().__init__()
        # Registered as a submodule the encoder would appear twice in state_dict; a plain attribute stays out of it.
        object.__setattr__(self, "encoder", encoder)
        mean = torch.full(shape, 0.5) if mean is None else mean.to(torch.get_default_dtype())
        self.pixels = nn.Parameter(torch.logit(mean, eps=0.02) + torch.randn(count, *shape))
        self.logits = nn.Parameter(torch.zeros(count))

    def pseudo_inputs(self) -> Tensor:
        """phi (K, H, W) in [0, 1]."""
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
