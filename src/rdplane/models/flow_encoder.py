"""Encoder ``+``: the diagonal Gaussian passed through an inverse autoregressive flow."""

from torch import Tensor

from rdplane.declare import Part
from rdplane.models.conv_encoder import ConvEncoder
from rdplane.models.flow import AutoregressiveFlow

__all__ = ["FlowEncoder"]

ENCODER = Part(
    kind="encoder", symbol="+", title="IAF", builds="FlowEncoder",
    sizes=("latent", "width", "flow_steps", "made_layers", "made_units"), mark="filled", minutes=0.05,
)  # fmt: skip


class FlowEncoder(ConvEncoder):
    """Encoder ``+``: z = T(u) with u from the Gaussian of `ConvEncoder` and T an inverse autoregressive flow.

    T is the same for all images, so that log e(z|x) = log N(u; mean(x), scale(x)) and drawing never inverts it;
    at a z that it did not draw, T is inverted one dimension at a time.

    Args:
        shape, latent, width: as `ConvEncoder`.
        flow_steps, made_layers, made_units: as `AutoregressiveFlow`.
    """

    def __init__(
        self, shape: tuple[int, ...], latent: int, width: float, flow_steps: int, made_layers: int, made_units: int
    ):
        super().__init__(shape, latent, width)
        self.flow = AutoregressiveFlow(latent, flow_steps, made_layers, made_units)

    def transform(self, u: Tensor) -> Tensor:
        return self.flow(u)

    def base(self, z: Tensor) -> Tensor:
        return self.flow.inverse(z)
