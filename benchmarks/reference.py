"""The plain reference: what one would write first, for the same network with the same weights.

A reference to measure against and nothing else; the package uses none of it. Everything is float32 in the default
memory layout, gated with torch's own `glu`, and trained by a Python loop: torch's default Adam, one division a
gradient, and the loss read back after every step. Images are drawn pixel by pixel with a full pass for each.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor

from rdplane.experiment.objectives import build_loss
from rdplane.models import VAE, causal, gated, pixelcnn
from rdplane.models.pixelcnn import PixelCNN

__all__ = ["naive_pass", "naive_sample", "plain_gates", "plain_model", "plain_step"]


def plain_model(model: VAE) -> VAE:
    """A copy of `model` whose tensors all have the default memory layout."""
    plain = copy.deepcopy(model).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    if isinstance(plain.decoder, PixelCNN):
        plain.decoder._join = _join  # type: ignore[method-assign]  # PixelCNN's own asks for channels_last
    return plain


def _join(image: Tensor, z_map: Tensor | None) -> Tensor:
    return image if z_map is None else torch.cat((image, z_map), 1)


def _glu(x: Tensor, dim: int = 1) -> Tensor:
    return F.glu(x, dim)


@contextlib.contextmanager
def plain_gates() -> Iterator[None]:
    """Within the block, networks are gated with `torch.nn.functional.glu`."""
    with contextlib.ExitStack() as stack:
        for module in (gated, causal, pixelcnn):
            stack.enter_context(patch.object(module, "gate", _glu))
        yield


def plain_step(model: VAE, cell: dict[str, Any], images: Tensor) -> Callable[[], float]:
    """A training step as a function: each call takes the next batch and returns its loss, nats an image.

    Args:
        model: from `plain_model`.
        images: (N, H, W), uint8, on the model's device; at least a batch.
    """
    objective = build_loss(cell).to(images.device)
    optimiser = torch.optim.Adam(model.parameters(), lr=cell["training"]["learning_rate"])
    batches = images.split(cell["training"]["batch_size"])
    batches = batches[: len(images) // len(batches[0])]
    made = 0

    def step() -> float:
        nonlocal made
        x = batches[made % len(batches)].float()
        made += 1
        with plain_gates():
            optimiser.zero_grad()
            loss = objective(*model.rate_distortion(x), 0.0)
            loss.backward()
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad /= parameter.grad.norm() + 1e-7
        optimiser.step()
        return loss.item()

    return step


@torch.no_grad()
def naive_pass(decoder: PixelCNN, images: Tensor, z: Tensor, uniforms: Tensor, pixel: int) -> None:
    """Set one pixel, by its number in raster order, of `images` (B, H, W) with a pass through the whole network."""
    i, j = divmod(pixel, decoder.shape[1])
    with plain_gates():
        images[:, i, j] = (uniforms[:, i, j] < decoder.logits(images, z)[:, i, j].sigmoid()).float()


def naive_sample(decoder: PixelCNN, z: Tensor, uniforms: Tensor) -> Tensor:
    """The images (B, H, W) that `uniforms` select, as `rdplane.models.pixelcnn_sampler.sample`: H * W full passes."""
    images = torch.zeros_like(uniforms)
    for pixel in range(images[0].numel()):
        naive_pass(decoder, images, z, uniforms, pixel)
    return images
