"""Images drawn from a trained unconditional model, with the exact logarithm of the density of each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rdplane.data.store import Images, save
from rdplane.device import choose_device, set_threads
from rdplane.errors import UserError
from rdplane.evaluate.estimate import average
from rdplane.evaluate.load import load
from rdplane.models.vae import VAE

__all__ = ["draw", "draw_images", "log_density"]

CHUNK = 500  # images drawn at once


def draw_images(
    folder: Path, output: Path, counts: Mapping[str, int], seed: int, identity: Mapping[str, Any], device: str,
    threads: int,
) -> None:  # fmt: skip
    """Draw a data set from a trained teacher and write it, whole or not at all.

    Args:
        folder: of the teacher, a cell whose code has no dimensions.
        output: the file to write (see `rdplane.data.store`).
        counts: images for 'train', 'valid' and 'test'.
        seed: of the draws.
        identity: of the drawn images, kept in the file.
        device: 'auto', 'cpu', 'cuda' or 'mps'.
        threads: CPU threads.

    Raises:
        UserError: the teacher is not trained, or is no unconditional model; or the file cannot be written.
    """
    set_threads(threads)
    where = choose_device(device)
    model = load(folder, where)
    if model.latent:
        raise UserError(f"{folder} has a code, so the density of its images is not known; expected a cell of 0+-")
    torch.manual_seed(seed)
    drawn = draw(model, sum(counts.values()))
    densities = log_density(model, drawn)
    bounds = np.cumsum(list(counts.values()))[:-1]
    parts = dict(zip(counts, np.split(drawn.cpu().numpy(), bounds), strict=True))
    known = dict(zip(counts, np.split(densities, bounds), strict=True))
    entropy = average(-torch.from_numpy(densities))
    meta = {
        "source": f"drawn from the teacher {folder.name}", "seed": seed, "binarisation": "none: drawn as bits",
        "split": "independent draws", "identity": dict(identity),
        "entropy": {"nats": entropy.value, "se": entropy.se, "images": len(drawn)},
    }  # fmt: skip
    save(output, Images(parts["train"], parts["valid"], parts["test"], None, "teacher", meta, known))


@torch.no_grad()
def draw(model: VAE, count: int) -> Tensor:
    """`count` images of an unconditional model, (N, H, W) uint8 of 0 and 1, on the CPU."""
    sizes = [CHUNK] * (count // CHUNK) + [count % CHUNK] * bool(count % CHUNK)
    return torch.cat([model.generate(size).to(torch.uint8).cpu() for size in sizes])


@torch.no_grad()
def log_density(model: VAE, images: Tensor) -> NDArray[np.float64]:
    """log p*(x) of images (N, H, W) in nats, (N,), computed in float64 throughout.

    For a model whose code has no dimensions this is -D, exact: nothing is drawn.
    """
    exact = model.double().cpu()
    found = [-exact.rate_distortion(x.double(), x.new_zeros(len(x), 0).double())[1] for x in images.cpu().split(CHUNK)]
    return torch.cat(found).numpy()
