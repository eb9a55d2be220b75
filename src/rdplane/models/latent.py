"""Latents: a z from anywhere, and one that an encoder drew."""

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Code", "Latent"]


@dataclass
class Latent:
    """A latent z (B, L) from anywhere."""

    z: Tensor


@dataclass
class Code(Latent):
    """A latent that an encoder drew.

    Attributes:
        z: the latent (B, L).
        base: u (B, L) with z = T(u) and u ~ N(mean(x), scale(x)).
        log_prob: log e(z|x) (B,).
    """

    base: Tensor
    log_prob: Tensor
