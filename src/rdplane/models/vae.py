"""A latent-variable model from an encoder, a decoder and a marginal, measured in rate and distortion."""

import math
from typing import Protocol

import torch
import torch.nn as nn
from torch import Tensor

from rdplane.declare import Key, Whole
from rdplane.models.encoder import Encoder
from rdplane.models.latent import Code, Latent
from rdplane.models.likelihood import scaled_down

__all__ = ["VAE", "Decoder", "Marginal"]

_SMALL = 1024  # numbers in an image, of which a chunk can be decoded at once

LATENT = Key("latent", Whole(1), 64, "dimensions of z")


class Decoder(Protocol):
    """What a decoder module offers."""

    def log_prob(self, x: Tensor, z: Tensor) -> Tensor:
        """log d(x|z) (B,) for x (B, H, W[, 3]) in [0, 1] and z (B, L)."""

    def sample(self, z: Tensor) -> Tensor:
        """One x ~ d(x|z) for each row of z: (B, H, W[, 3]) in [0, 1]."""


class Marginal(Protocol):
    """What a marginal module offers."""

    def log_prob(self, code: Latent) -> Tensor:
        """log m(z) (B,); `code` is a `Code` where the model's encoder drew z."""

    def sample(self, n: int) -> Tensor:
        """z ~ m(z), (n, L)."""


class VAE(nn.Module):
    """Encoder e(z|x), decoder d(x|z) and marginal m(z); all results in nats an image.

    Images x are (B, H, W), in colour (B, H, W, 3), in [0, 1] in the model's dtype, latents z are (B, L).
    Random numbers come from torch's global generator.

    Attributes:
        pixels: of the images: 'binary', 'grey' or 'colour'.
    """

    def __init__(self, encoder: Encoder, decoder: Decoder, marginal: Marginal, pixels: str = "binary"):
        super().__init__()
        self.pixels = pixels
        self.encoder = encoder
        self.decoder = decoder
        self.marginal = marginal

    @property
    def latent(self) -> int:
        """L, the dimensions of z."""
        return self.encoder.latent

    def images(self, stored: Tensor) -> Tensor:
        """Stored images, levels of any type anywhere, as this model sees them: in [0, 1], of its type, with it."""
        like = next(self.parameters())
        return scaled_down(stored.to(like.device), self.pixels, like.dtype)

    def rate_distortion(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """One-sample estimates of rate and distortion, (B,) each, unweighted.

        Rate log e(z|x) - log m(z) (equation 3c) and distortion -log d(x|z) (3b) at one z ~ e(z|x) per image, made
        from standard normal `noise` (B, L), drawn unless given.
        """
        code = self.encode(x, noise)
        rate = code.log_prob - self.marginal.log_prob(code)
        return rate, -self.log_likelihood(x, code.z)

    def forward(self, x: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Same as `rate_distortion`, for wrappers that call the module."""
        return self.rate_distortion(x, noise)

    def encode(self, x: Tensor, noise: Tensor | None = None) -> Code:
        """One z ~ e(z|x) per image, with its base and log-density."""
        return self.encoder.encode(x, noise)

    def log_posterior(self, x: Tensor, z: Tensor) -> Tensor:
        """log e(z|x) (B,) at any z."""
        return self.encoder.log_prob(x, z)

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """log d(x|z) (B,)."""
        return self.decoder.log_prob(x, z)

    def log_prior(self, z: Tensor) -> Tensor:
        """log m(z) (B,) at any z."""
        return self.marginal.log_prob(Latent(z))

    def log_marginal(self, x: Tensor, samples: int, chunk: int = 256) -> Tensor:
        """Importance-weighted lower bound on log p(x) (Burda et al. 2016, arXiv:1509.00519), (B,).

        Args:
            x: (B, H, W[, 3]) in [0, 1].
            samples: number of z drawn per image; the bound tightens as it grows. A discrete code is the same in every
                draw, so that one is as good as many: the bound is the ELBO.
            chunk: pairs of image and z that are decoded at once, which bounds memory; fewer of large images.
        """
        chunk = max(1, chunk * _SMALL // max(_SMALL, x[0].numel()))
        samples = 1 if self.encoder.discrete else samples
        mean, scale = self.encoder(x)
        weights = []
        for rows in torch.arange(len(x), device=x.device).repeat_interleave(samples).split(chunk):
            code = self.encoder.draw(mean[rows], scale[rows])
            weights.append(self.log_likelihood(x[rows], code.z) + self.marginal.log_prob(code) - code.log_prob)
        return torch.cat(weights).view(len(x), samples).logsumexp(1) - math.log(samples)

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """One x ~ d(x|z) for each z: (B, H, W[, 3]) in [0, 1]."""
        return self.decoder.sample(z)

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """One draw of d(x'|z) with z ~ e(z|x) per image: (B, H, W[, 3]) in [0, 1]."""
        return self.decode(self.encode(x).z)

    @torch.no_grad()
    def generate(self, n: int) -> Tensor:
        """`n` draws of d(x|z) with z ~ m(z): (n, H, W[, 3]) in [0, 1]."""
        return self.decode(self.marginal.sample(n))
