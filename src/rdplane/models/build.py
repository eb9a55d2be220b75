"""The one way to build a model from an architecture's name and its sizes."""

import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from rdplane.declare.kinds import Likelihood, Part
from rdplane.declare.objects import construct, imported
from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.experiment.architectures import parse
from rdplane.models.vae import VAE

__all__ = ["build"]


def build(
    architecture: str, shape: tuple[int, ...], sizes: Mapping[str, Any], mean: Tensor | None = None,
    pixels: str = "binary",
) -> VAE:  # fmt: skip
    """A freshly initialised model.

    Args:
        architecture: a name in the paper's notation, for instance ``-+v``.
        shape: (H, W) of the images, in colour (H, W, 3).
        sizes: the sizes of its parts (see `rdplane.declare.kinds.Part`); one that is missing has its default.
        mean: mean training image of that shape in [0, 1], where the VampPrior's pseudo-inputs start.
        pixels: of the images: 'binary', 'grey' or 'colour'.

    Raises:
        UserError: unknown architecture, a decoder that is for binary images alone, or a user's part cannot be built.
    """
    name = parse(architecture)
    parts = declared().parts
    given: dict[str, Any] = {"shape": shape, "mean": mean, "likelihood": _likelihood(pixels, sizes)}
    declaration = parts["encoder"][name.encoder]
    encoder = _part(declaration, given, sizes)
    sizes = {**sizes, **{size: getattr(encoder, size) for size in declaration.decides}}
    if not hasattr(encoder, "latent"):
        encoder.latent = sizes.get("latent", declared().keys["latent"].default)
    decoder = _part(_fit_for(parts["decoder"][name.decoder], pixels), given, sizes)
    marginal = _part(parts["marginal"][name.marginal], given | {"encoder": encoder}, sizes)
    return VAE(encoder, decoder, marginal, pixels)


def _likelihood(pixels: str, sizes: Mapping[str, Any]) -> Any:
    """What the pixels are given the outputs of a decoder (see `rdplane.models.likelihood.PixelLikelihood`)."""
    return _part(declared().likelihood(pixels), {"pixels": pixels}, sizes)


def _fit_for(decoder: Part, pixels: str) -> Part:
    """The decoder, if it can be one of such images.

    Raises:
        UserError: it does not ask for their likelihood, so that it can model binary images alone.
    """
    if pixels != "binary" and "likelihood" not in inspect.signature(imported(decoder)).parameters:
        raise UserError(
            f"{decoder.source}: the {decoder.name} models binary images, but these are {pixels}; expected "
            f"{decoder.target} to take the argument likelihood and to leave the pixels to it (docs/extend.md)"
        )
    return decoder


def _part(part: Part | Likelihood, given: Mapping[str, Any], sizes: Mapping[str, Any]) -> Any:
    registry = declared()
    own = {size: sizes.get(size, registry.keys[size].default) for size in registry.sizes(part)}
    return construct(part, {**given, **own})
