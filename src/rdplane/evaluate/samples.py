"""Reconstructions and generations of a trained cell, for the sample grids (Figures 4-6 of the paper)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rdplane.data.store import load as load_images
from rdplane.declare.registry import files
from rdplane.device import choose_device, set_threads
from rdplane.evaluate.load import load
from rdplane.files import atomic

if TYPE_CHECKING:
    from rdplane.models.vae import VAE

__all__ = ["draw", "sample"]


def draw(model: "VAE", z: Tensor, draws: int) -> tuple[Tensor, Tensor]:
    """One binary draw of d(x|z), and the mean of `draws` of them, with z fixed.

    Args:
        z: (n, L) codes.

    Returns:
        One draw (n, H, W) of 0 and 1, and the mean (n, H, W) in [0, 1].
    """
    x = model.decode(z.repeat(draws, 1))  # one call: a sequential decoder costs nearly the same for more images
    x = x.reshape(draws, len(z), *x.shape[1:])
    return x[0], x.mean(0)


@torch.no_grad()
def sample(
    folder: Path, images: Path, output: Path, settings: dict[str, Any], device: str = "auto", threads: int = 1
) -> None:
    """Write `samples.npz` of a trained cell: test images, their reconstructions, and generations.

    The test images are the same for every cell with the same settings.

    Args:
        folder: the cell's folder with `model.safetensors` and `train.json`.
        images: prepared images.
        output: where `samples.npz` goes.
        settings: `images`, `draws`, `seed` and the version of the source (`rdplane.experiment.cells.sampling_of`).

    Raises:
        UserError: the cell is not finished or the images are damaged.
    """
    set_threads(threads)
    model = load(folder, choose_device(device), files() or None)
    test = load_images(images).test
    chosen = np.sort(np.random.default_rng(settings["seed"]).permutation(len(test))[: settings["images"]])
    x = torch.from_numpy(test[chosen]).to(next(model.parameters()).device).float()
    torch.manual_seed(settings["seed"])
    arrays: dict[str, Any] = {"data": test[chosen], "draws": settings["draws"]}
    codes = {"reconstruction": model.encode(x).z, "generation": model.marginal.sample(len(x))}
    # One decoding for both kinds: the cost of a pixel-by-pixel decoder is in its passes, not in the images of a pass.
    samples, means = draw(model, torch.cat(list(codes.values())), settings["draws"])
    for kind, one, mean in zip(codes, samples.split(len(x)), means.split(len(x)), strict=True):
        arrays[f"{kind}_sample"] = one.cpu().numpy().astype(np.uint8)
        arrays[f"{kind}_mean"] = mean.cpu().numpy().astype(np.float32)
    with atomic(output) as stream:
        np.savez_compressed(stream, **arrays)
