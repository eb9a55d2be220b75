"""PixelCNN++, given a latent code or alone."""

import itertools
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rdplane.declare import Key, Part, Whole
from rdplane.models.bernoulli import Bernoulli
from rdplane.models.causal import CausalConv, Stream
from rdplane.models.gated import gate, initialise_gated
from rdplane.models.likelihood import PixelLikelihood, inside, padded, planes, readout

__all__ = ["PixelCNN"]

DECODER = Part(
    kind="decoder", symbol="+", title="PixelCNN++", builds="PixelCNN",
    sizes=(
        "latent",
        Key("pixelcnn_depth", Whole(1), 64, "channels of the PixelCNN++ decoder"),
        Key("pixelcnn_resnets", Whole(1), 2, "residual layers in each of its six blocks"),
    ),
    mark="dark", minutes=0.2, sampler="rdplane.models.pixelcnn_sampler",
)  # fmt: skip

PIECE = 64  # images at once on a CPU, where no gradient is wanted


class PixelCNN(nn.Module):
    """Autoregressive density d(x|z) = prod_ij p(x_ij; outputs_ij(pixels before ij, z)) in raster order.

    The decoder '+' of the paper (appendix F): PixelCNN++ with gated layers in place of its activations, six blocks at
    scales 1, 2, 4, 4, 2, 1. A vertical stream sees the rows above, a horizontal one the row's pixels on the left too.
    z becomes an image-sized map through a dense gated layer and enters as a second channel. PixelCNN++ shifts what
    enters, so that a pixel does not see itself; here the image alone is shifted: a logit sees the map of z around its
    own place, in its row and in those above, never in a row below, and even the first pixel depends on z.

    The numbers of a colour pixel depend on each other by the likelihood alone.

    Args:
        shape: (H, W), in colour (H, W, 3).
        latent: dimensions of z; 0 for an unconditional density, whose z is None everywhere.
        pixelcnn_depth: channels of every map (64 in the paper).
        pixelcnn_resnets: residual layers in each block (2 in the paper).
        likelihood: of the pixels; Bernoulli unless given.

    References:
        Salimans et al. 2017, PixelCNN++ (https://arxiv.org/abs/1701.05517).
    """

    def __init__(
        self, shape: tuple[int, ...], latent: int, pixelcnn_depth: int = 64, pixelcnn_resnets: int = 2,
        likelihood: PixelLikelihood | None = None,
    ):  # fmt: skip
        super().__init__()
        depth, resnets = pixelcnn_depth, pixelcnn_resnets
        self.likelihood = likelihood or Bernoulli()
        self.shape, self.maps, self.latent = (shape[0], shape[1]), padded(shape), latent
        inputs = self.likelihood.inputs + (1 if latent else 0)
        self.embed = nn.Linear(latent, 2 * self.maps[0] * self.maps[1]) if latent else None
        if self.embed is not None:
            initialise_gated(self.embed.weight, self.embed.bias, latent)
        self.above = CausalConv(inputs, depth, (2, 3), right=1)
        self.across = CausalConv(inputs, depth, (1, 3), right=1)
        self.left = CausalConv(inputs, depth, (2, 1), right=0)
        self.vertical = Stream(depth, resnets, width=3, right=1, context=False)
        self.horizontal = Stream(depth, resnets, width=2, right=0, context=True)
        self.logit = nn.Conv2d(depth, self.likelihood.outputs, 1)
        with torch.no_grad():
            self.logit.weight.mul_(self.likelihood.start)

    def logits(self, x: Tensor, z: Tensor | None) -> Tensor:
        """Logit of every pixel of binary images given those before it: x (B, H, W), z (B, latent) -> (B, H, W)."""
        return self.outputs(x, z).squeeze(1)

    def outputs(self, x: Tensor, z: Tensor | None) -> Tensor:
        """What the likelihood needs for each pixel given those before it, (B, P, H, W).

        Args:
            x: (B, H, W[, 3]) in [0, 1].
            z: (B, latent), or None in a model without z.
        """
        image = planes(x, self.likelihood.inputs)  # zeros then mean "outside"
        z_map = self.z_map(z)
        down = self._join(F.pad(image, (0, 0, 1, -1)), z_map)
        right = self._join(F.pad(image, (1, -1)), z_map)
        vertical = self.vertical(self.above(down))
        horizontal = self.horizontal(self.across(down) + self.left(right), vertical)
        return inside(readout(self.logit, horizontal[-1], self.likelihood.exact), self.shape)

    def z_map(self, z: Tensor | None) -> Tensor | None:
        """The map of z, as large as the network's: (B, latent) -> (B, 1, H', W'), or None in a model without z."""
        return None if self.embed is None else gate(self.embed(z)).unflatten(1, (1, *self.maps))

    def log_prob(self, x: Tensor, z: Tensor | None) -> Tensor:
        """log d(x|z) in nats an image: x (B, H, W[, 3]) in [0, 1], z (B, latent) -> (B,)."""
        if torch.is_grad_enabled() or x.device.type != "cpu":
            return self._log_prob(x, z)
        # Where nothing is kept for a gradient, the maps of fewer images stay in the caches: 1.2 to 1.5 times as fast.
        codes: Iterable[Tensor | None] = itertools.repeat(None) if z is None else z.split(PIECE)
        return torch.cat([self._log_prob(*part) for part in zip(x.split(PIECE), codes, strict=False)])

    def _log_prob(self, x: Tensor, z: Tensor | None) -> Tensor:
        return self.likelihood.log_prob(x, self.outputs(x, z).to(x.dtype))  # summed in full precision under autocast

    def sample(self, z: Tensor | None, count: int = 1) -> Tensor:
        """One draw x ~ d(x|z) each, pixel by pixel in raster order with cached maps (see `pixelcnn_sampler`).

        Args:
            z: (B, latent), or None if the model has no latent code.
            count: B where z is None.

        Returns:
            (B, H, W[, 3]) in [0, 1].
        """
        from rdplane.models.pixelcnn_sampler import sample  # not needed to train: see `DECODER`

        batch = count if z is None else len(z)
        shape = (batch, *self.shape, self.likelihood.uniforms)
        return sample(self, z, torch.rand(shape, device=self.logit.weight.device))

    @staticmethod
    def _join(image: Tensor, z_map: Tensor | None) -> Tensor:
        joined = image if z_map is None else torch.cat((image, z_map), 1)
        return joined.contiguous(memory_format=torch.channels_last)
