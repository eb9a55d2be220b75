"""PixelCNN++ for binary images, given a latent code or alone."""

import itertools
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rdplane.declare import Key, Part, Whole
from rdplane.errors import UserError
from rdplane.models.causal import CausalConv, Stream
from rdplane.models.gated import gate, initialise_gated

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
    """Autoregressive density d(x|z) = prod_ij Bernoulli(x_ij; logit_ij(pixels before ij, z)) in raster order.

    The decoder '+' of the paper (appendix F): PixelCNN++ with gated layers in place of its activations, six blocks at
    scales 1, 2, 4, 4, 2, 1. A vertical stream sees the rows above, a horizontal one the row's pixels on the left too.
    z becomes an image-sized map through a dense gated layer and enters as a second channel. PixelCNN++ shifts what
    enters, so that a pixel does not see itself; here the image alone is shifted: a logit sees the map of z around its
    own place, in its row and in those above, never in a row below, and even the first pixel depends on z.

    Args:
        shape: (H, W), both divisible by 4.
        latent: dimensions of z; 0 for an unconditional density, whose z is None everywhere.
        pixelcnn_depth: channels of every map (64 in the paper).
        pixelcnn_resnets: residual layers in each block (2 in the paper).

    Raises:
        UserError: H or W is not divisible by 4.

    References:
        Salimans et al. 2017, PixelCNN++ (https://arxiv.org/abs/1701.05517).
    """

    def __init__(self, shape: tuple[int, int], latent: int, pixelcnn_depth: int = 64, pixelcnn_resnets: int = 2):
        super().__init__()
        depth, resnets = pixelcnn_depth, pixelcnn_resnets
        if shape[0] % 4 or shape[1] % 4:
            raise UserError(
                f"the autoregressive decoder got images of {shape[0]}x{shape[1]} pixels, but both sides must be "
                "divisible by 4; crop or pad the images, or choose a decoder '-'"
            )
        self.shape, self.latent = (shape[0], shape[1]), latent
        inputs = 2 if latent else 1
        self.embed = nn.Linear(latent, 2 * shape[0] * shape[1]) if latent else None
        if self.embed is not None:
            initialise_gated(self.embed.weight, self.embed.bias, latent)
        self.above = CausalConv(inputs, depth, (2, 3), right=1)
        self.across = CausalConv(inputs, depth, (1, 3), right=1)
        self.left = CausalConv(inputs, depth, (2, 1), right=0)
        self.vertical = Stream(depth, resnets, width=3, right=1, context=False)
        self.horizontal = Stream(depth, resnets, width=2, right=0, context=True)
        self.logit = nn.Conv2d(depth, 1, 1)

    def logits(self, x: Tensor, z: Tensor | None) -> Tensor:
        """Logit of every pixel given those before it: x (B, H, W) in {0, 1}, z (B, latent) -> (B, H, W)."""
        image = (2 * x - 1).unsqueeze(1)  # zeros then mean "outside"
        z_map = self.z_map(z)
        down = self._join(F.pad(image, (0, 0, 1, -1)), z_map)
        right = self._join(F.pad(image, (1, -1)), z_map)
        vertical = self.vertical(self.above(down))
        horizontal = self.horizontal(self.across(down) + self.left(right), vertical)
        return self.logit(horizontal[-1]).squeeze(1)

    def z_map(self, z: Tensor | None) -> Tensor | None:
        """The image-sized map of z: (B, latent) -> (B, 1, H, W), or None in a model without z."""
        return None if self.embed is None else gate(self.embed(z)).unflatten(1, (1, *self.shape))

    def log_prob(self, x: Tensor, z: Tensor | None) -> Tensor:
        """log d(x|z) in nats an image: x (B, H, W) in {0, 1}, z (B, latent) -> (B,)."""
        if torch.is_grad_enabled() or x.device.type != "cpu":
            return self._log_prob(x, z)
        # Where nothing is kept for a gradient, the maps of fewer images stay in the caches: 1.2 to 1.5 times as fast.
        codes: Iterable[Tensor | None] = itertools.repeat(None) if z is None else z.split(PIECE)
        return torch.cat([self._log_prob(*part) for part in zip(x.split(PIECE), codes, strict=False)])

    def _log_prob(self, x: Tensor, z: Tensor | None) -> Tensor:
        logits = self.logits(x, z).to(x.dtype)  # summed in full precision under autocast
        return -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum((1, 2))

    def sample(self, z: Tensor | None, count: int = 1) -> Tensor:
        """One draw x ~ d(x|z) each, pixel by pixel in raster order with cached maps (see `pixelcnn_sampler`).

        Args:
            z: (B, latent), or None if the model has no latent code.
            count: B where z is None.

        Returns:
            (B, H, W) of zeros and ones.
        """
        from rdplane.models.pixelcnn_sampler import sample  # not needed to train: see `DECODER`

        batch = count if z is None else len(z)
        return sample(self, z, torch.rand(batch, *self.shape, device=self.logit.weight.device))

    @staticmethod
    def _join(image: Tensor, z_map: Tensor | None) -> Tensor:
        joined = image if z_map is None else torch.cat((image, z_map), 1)
        return joined.contiguous(memory_format=torch.channels_last)
