"""Encoders, decoders and marginals, one a file, and the model that they make together."""

from rdplane.models.build import build
from rdplane.models.discrete_encoder import DiscreteEncoder
from rdplane.models.encoder import Encoder
from rdplane.models.latent import Code, Latent
from rdplane.models.vae import VAE, Decoder, Marginal

__all__ = ["VAE", "Code", "Decoder", "DiscreteEncoder", "Encoder", "Latent", "Marginal", "build"]
