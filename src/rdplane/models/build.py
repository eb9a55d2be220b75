"""The one way to build a model from an architecture's name and its sizes."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from rdplane.declare.kinds import Part
from rdplane.declare.objects import construct
from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.experiment.architectures import parse
from rdplane.models.vae import VAE

__all__ = ["build"]


def build(architecture: str, shape: tuple[int, int], sizes: Mapping[str, Any], mean: Tensor | None = None) -> VAE:
    """A freshly initialised model.

    Args:
        architecture: a name in the paper's notation, for instance ``-+v``.
        shape: (H, W) of the images, both divisible by 4.
        sizes: the sizes of its parts (see `rdplane.declare.kinds.Part`); one that is missing has its default.
        mean: (H, W) mean training image in [0, 1], where the VampPrior's pseudo-inputs start.

    Raises:
        UserError: unknown architecture, a side of the images is not divisible by 4, or a user's part cannot be built.
    """
    name = parse(architecture)
    if any(side < 4 or side % 4 for side in shape):
        raise UserError(
            f"images of {shape[0]} x {shape[1]} pixels: the networks halve each side twice, so both must be "
            "divisible by 4; pad or crop the images"
        )
    parts = declared().parts
    given: dict[str, Any] = {"shape": shape, "mean": mean}
    declaration = parts["encoder"][name.encoder]
    encoder = _part(declaration, given, sizes)
    sizes = {**sizes, **{size: getattr(encoder, size) for size in declaration.decides}}
    if not hasattr(encoder, "latent"):
        encoder.latent = sizes.get("latent", declared().keys["latent"].default)
    decoder = _part(parts["decoder"][name.decoder], given, sizes)
    marginal = _part(parts["marginal"][name.marginal], given | {"encoder": encoder}, sizes)
    return VAE(encoder, decoder, marginal)


def _part(part: Part, given: Mapping[str, Any], sizes: Mapping[str, Any]) -> Any:
    registry = declared()
    own = {size: sizes.get(size, registry.keys[size].default) for size in registry.sizes(part)}
    return construct(part, {**given, **own})
