"""Names of the 12 architectures, in the paper's notation; needs no torch."""

from dataclasses import dataclass
from itertools import product

from rdplane.errors import UserError

__all__ = ["ARCHITECTURES", "DECODERS", "ENCODERS", "MARGINALS", "Architecture", "parse"]

ENCODERS = ("-", "+")
"""``-`` diagonal Gaussian, ``+`` inverse autoregressive flow."""

DECODERS = ("-", "+")
"""``-`` deconvolutional, ``+`` PixelCNN++."""

MARGINALS = ("-", "+", "v")
"""``-`` standard Gaussian, ``+`` masked autoregressive flow, ``v`` VampPrior."""

ARCHITECTURES = tuple("".join(symbols) for symbols in product(ENCODERS, DECODERS, MARGINALS))
"""Every combination as (encoder, decoder, marginal), for instance ``-+v``."""


@dataclass(frozen=True)
class Architecture:
    """The symbols of one architecture's three parts."""

    encoder: str
    decoder: str
    marginal: str

    def __str__(self) -> str:
        return self.encoder + self.decoder + self.marginal


def parse(name: str) -> Architecture:
    """Split a name such as ``-+v`` into its parts.

    Raises:
        UserError: `name` is not one of `ARCHITECTURES`.
    """
    if name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise UserError(f"unknown architecture {name!r}: expected encoder, decoder and marginal as one of {known}")
    return Architecture(*name)
