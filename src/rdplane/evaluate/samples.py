"""Reconstructions and generations of a trained cell, for the sample grids (Figures 4-6 of the paper).

They are kept in the cell's folder as ``state/samples.npz``, with a key of all that decides them and a checksum beside
it: samples that were drawn before are not drawn again. torch is imported only where something is drawn.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdplane.declare.registry import files
from rdplane.errors import UserError
from rdplane.evaluate.points import find_points
from rdplane.files import atomic, publish, read_json, sha256, write_json

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from rdplane.models.vae import VAE

__all__ = ["draw", "sample"]


def sample(
    folder: Path, images: Path, output: Path | None, settings: dict[str, Any], device: str = "auto", threads: int = 1,
    points: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Write `samples.npz` of a trained cell: test images, their reconstructions, and generations.

    The test images are the same for every cell with the same settings. Of a cell that trained a curve, arrays have the
    points (`point`: the names of their rows behind the @) as a further axis in front, and every point draws from the
    same random numbers, so that a row of images is one code's way along the curve.

    Args:
        folder: the cell's folder with `model.safetensors` and `train.json`.
        images: prepared images.
        output: where `samples.npz` goes; None only keeps it, for the time when it is asked for.
        settings: `images`, `draws`, `seed` and a version (see `rdplane.experiment.cells.sampling_settings`).
        device: where to compute: auto, cpu, cuda, mps.
        threads: CPU threads.
        points: of a cell that trained a curve, where it is measured (`rdplane.experiment.cells.points_of`).

    Raises:
        UserError: the cell is not finished or the images are damaged.
    """
    kept, record = (folder / "state" / f"samples.{ending}" for ending in ("npz", "json"))
    try:
        key = {"weights": sha256(folder / "model.safetensors"), "images": sha256(images), "settings": settings}
        key |= {"points": points} if points else {}
    except OSError as error:
        raise UserError(f"cannot read {error.filename}: {error.strerror}; train the cell first") from None
    if not _whole(kept, record, key):
        _write(kept, folder, images, settings, device, threads, points)
        write_json(record, {"key": key, "checksum": sha256(kept)})
    if output is not None:
        publish(kept, output)


def _whole(kept: Path, record: Path, key: dict[str, Any]) -> bool:
    """Whether samples were kept with an equal key and are whole; whatever cannot be read is drawn anew."""
    try:
        found = read_json(record)
        return bool(found["key"] == key and found["checksum"] == sha256(kept))
    except (UserError, KeyError, TypeError, OSError):
        return False


def _write(
    kept: Path, folder: Path, images: Path, settings: dict[str, Any], device: str, threads: int,
    points: Mapping[str, Any] | None,
) -> None:  # fmt: skip
    import numpy as np
    import torch

    from rdplane.data.store import load as load_images
    from rdplane.device import choose_device, set_threads
    from rdplane.evaluate.load import at_point, load_curve
    from rdplane.models.likelihood import LEVELS

    set_threads(threads)
    where = choose_device(device)
    test = load_images(images).test
    chosen = np.sort(np.random.default_rng(settings["seed"]).permutation(len(test))[: settings["images"]])
    x = torch.from_numpy(test[chosen]).to(where)
    arrays: dict[str, Any] = {"data": test[chosen], "draws": settings["draws"]}
    model = load_curve(folder, where, files() or None)
    arrays["levels"] = LEVELS[model.pixels]
    if points is None:
        arrays |= _drawn(at_point(model, folder, None), x, settings)
    else:
        curve = find_points(folder, points, images, device)
        each = [_drawn(at_point(model, folder, point.beta), x, settings) for point in curve]
        arrays |= {name: np.stack([found[name] for found in each]) for name in each[0]}
        arrays["point"] = np.array([point.name for point in curve])
    with atomic(kept) as stream:
        np.savez_compressed(stream, **arrays)


def _drawn(model: "VAE", x: "Tensor", settings: dict[str, Any]) -> "dict[str, np.ndarray]":
    """Reconstructions of stored images x (n, H, W[, 3]), and as many generations, by the names of `sample`'s file."""
    import numpy as np
    import torch

    from rdplane.models.likelihood import LEVELS

    torch.manual_seed(settings["seed"])
    with torch.no_grad():
        codes = {"reconstruction": model.encode(model.images(x)).z, "generation": model.marginal.sample(len(x))}
        # One decoding for both kinds: the cost of a pixel-by-pixel decoder is in its passes, not in their images.
        samples, means = draw(model, torch.cat(list(codes.values())), settings["draws"])
    arrays = {}
    for kind, one, mean in zip(codes, samples.split(len(x)), means.split(len(x)), strict=True):
        arrays[f"{kind}_sample"] = (one * (LEVELS[model.pixels] - 1)).round().cpu().numpy().astype(np.uint8)
        arrays[f"{kind}_mean"] = mean.cpu().numpy().astype(np.float32)
    return arrays


def draw(model: "VAE", z: "Tensor", draws: int) -> "tuple[Tensor, Tensor]":
    """One draw of d(x|z), and the mean of `draws` of them, with z fixed.

    Args:
        z: (n, L) codes.

    Returns:
        One draw and the mean, (n, H, W[, 3]) each, in [0, 1].
    """
    x = model.decode(z.repeat(draws, 1))  # one call: a sequential decoder costs nearly the same for more images
    x = x.reshape(draws, len(z), *x.shape[1:])
    return x[0], x.mean(0)
