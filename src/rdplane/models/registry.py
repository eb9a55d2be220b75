"""Which class each symbol of an architecture's name stands for, and the one way to build a model.

To add a part of your own, write it beside the others, give it a symbol of one character in `rdplane.architectures`
(``ENCODERS``, ``DECODERS`` or ``MARGINALS``) and a factory in the dictionary of the same name here. An encoder
subclasses `ConvEncoder` and overrides ``forward(x)``, or ``transform(u)`` and ``base(z)``; decoders and marginals are
modules with the methods of `rdplane.models.vae.Decoder` and `Marginal`.

The tests run over these dictionaries and so check the new part without being told.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from rdplane.architectures import parse
from rdplane.errors import UserError
from rdplane.models.deconv import DeconvDecoder
from rdplane.models.encoder import ConvEncoder, FlowEncoder
from rdplane.models.marginal import FlowMarginal, GaussianMarginal, VampPrior
from rdplane.models.pixelcnn import PixelCNN
from rdplane.models.vae import VAE, Decoder, Marginal

__all__ = ["DECODERS", "ENCODERS", "MARGINALS", "build"]

Shape = tuple[int, int]
Sizes = Mapping[str, Any]


def _flow(sizes: Sizes) -> dict[str, int]:
    return {"steps": sizes["flow_steps"], "layers": sizes["made_layers"], "units": sizes["made_units"]}


ENCODERS: dict[str, Callable[[Shape, Sizes], ConvEncoder]] = {
    "-": lambda shape, sizes: ConvEncoder(shape, sizes["latent"], sizes["width"]),
    "+": lambda shape, sizes: FlowEncoder(shape, sizes["latent"], sizes["width"], **_flow(sizes)),
}

DECODERS: dict[str, Callable[[Shape, Sizes], Decoder]] = {
    "-": lambda shape, sizes: DeconvDecoder(shape, sizes["latent"], sizes["width"]),
    "+": lambda shape, sizes: PixelCNN(shape, sizes["latent"], sizes["pixelcnn_depth"], sizes["pixelcnn_resnets"]),
}

MARGINALS: dict[str, Callable[[Shape, Sizes, ConvEncoder, Tensor | None], Marginal]] = {
    "-": lambda shape, sizes, encoder, mean: GaussianMarginal(sizes["latent"]),
    "+": lambda shape, sizes, encoder, mean: FlowMarginal(sizes["latent"], **_flow(sizes)),
    "v": lambda shape, sizes, encoder, mean: VampPrior(encoder, shape, sizes["pseudo_inputs"], mean),
}


def build(architecture: str, shape: Shape, sizes: Sizes, mean: Tensor | None = None) -> VAE:
    """A freshly initialised model.

    Arguments:
        architecture: a name in the paper's notation, for instance ``-+v``.
        shape: (H, W) of the images, both divisible by 4.
        sizes: ``latent`` (dimensions of z), ``width`` (factor on the channels of encoder and deconvolutional decoder,
            1 is the paper; each count is rounded, at least 1), ``flow_steps``, ``made_layers`` and ``made_units``
            (both flows), ``pixelcnn_depth`` and ``pixelcnn_resnets`` (a block), ``pseudo_inputs``.
        mean: (H, W) mean training image in [0, 1], where the VampPrior's pseudo-inputs start.

    Raises:
        UserError: unknown architecture, or a side of the images is not divisible by 4.
    """
    name = parse(architecture)
    if any(side < 4 or side % 4 for side in shape):
        raise UserError(
            f"images of {shape[0]} x {shape[1]} pixels: the networks halve each side twice, so both must be "
            "divisible by 4; pad or crop the images"
        )
    encoder = ENCODERS[name.encoder](shape, sizes)
    decoder = DECODERS[name.decoder](shape, sizes)
    marginal = MARGINALS[name.marginal](shape, sizes, encoder, mean)
    return VAE(encoder, decoder, marginal)
