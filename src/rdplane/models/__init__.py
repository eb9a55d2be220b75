"""The 12 models of the paper: 2 encoders, 2 decoders, 3 marginals."""

from rdplane.architectures import ARCHITECTURES
from rdplane.models.encoder import Code
from rdplane.models.registry import build
from rdplane.models.vae import VAE

__all__ = ["ARCHITECTURES", "VAE", "Code", "build"]
