"""The prefix code of a PixelCNN++ alone: z is the first k pixels in raster order, as they are (docs/rd_plane.md).

One network is the marginal of the first k pixels and the decoder of all others, so that for every k

    R(k) = -log p(x_1 ... x_k),  D(k) = -log p(x_k+1 ... x_n | x_1 ... x_k),  R(k) + D(k) = -log p(x).

It is kept in the cell's folder as ``state/prefix.json`` with all that decides it, and not computed again while that is
the same. torch is imported only where something is computed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdplane.declare.registry import files
from rdplane.errors import UserError
from rdplane.files import read_json, sha256, write_json

if TYPE_CHECKING:
    from torch import Tensor

    from rdplane.evaluate.given import Given
    from rdplane.models.vae import VAE

__all__ = ["STEPS", "evenly", "pixel_nll", "prefix", "rows"]

STEPS = 12  # of the rate, between the points of the code


def prefix(
    folder: Path, images: Path, output: Path, settings: Mapping[str, Any], device: str = "auto", threads: int = 1
) -> None:
    """Write `prefix.json` of a trained cell without a code: what its first k pixels cost and tell, for some k.

    Args:
        folder: the cell's folder with `model.safetensors` and `train.json`.
        images: prepared images; those of the test are measured.
        output: where `prefix.json` goes.
        settings: see `rdplane.experiment.prefix.prefix_settings`.
        device: where to compute: auto, cpu, cuda, mps.
        threads: CPU threads.

    Raises:
        UserError: the cell is not finished, has a code, or the images are damaged.
    """
    kept = folder / "state" / "prefix.json"
    try:
        key = {"weights": sha256(folder / "model.safetensors"), "images": sha256(images), "settings": dict(settings)}
    except OSError as error:
        raise UserError(f"cannot read {error.filename}: {error.strerror}; train the cell first") from None
    try:
        record = read_json(kept)
        known = record["key"] == key and isinstance(record["rows"], list)
    except (UserError, KeyError, TypeError):
        known = False
    if not known:
        record = {"key": key, "rows": _computed(folder, images, settings, device, threads)}
        write_json(kept, record)
    write_json(output, {"settings": key["settings"], "rows": record["rows"]})


def _computed(
    folder: Path, images: Path, settings: Mapping[str, Any], device: str, threads: int
) -> list[dict[str, Any]]:
    import torch

    from rdplane.data.store import load as load_images
    from rdplane.device import choose_device, set_threads
    from rdplane.evaluate.given import Given
    from rdplane.evaluate.load import load

    set_threads(threads)
    where = choose_device(device)
    model = load(folder, where, files() or None)
    if model.latent:
        raise UserError(f"{folder} has a code of its own, so it is no prefix code; expected a cell of 0+-")
    prepared = load_images(images)
    test = torch.from_numpy(prepared.test).to(where)
    return rows(Given(model, test, (prepared.labels or {}).get("test"), settings))


def rows(given: "Given") -> list[dict[str, Any]]:
    """The points of the prefix code by rising k: column -> number, None where there is none.

    The class is read out of the k pixels by the probe, from the images, and with the folds, of every other cell. No
    pixel tells nothing, exactly.

    Args:
        given: the model, the test images and their labels; `batch_size`, and the keys of the probe.
    """
    from rdplane.evaluate.estimate import Estimate, average
    from rdplane.evaluate.label_information import of_codes

    nll = pixel_nll(given.model, given.images, given.settings["batch_size"])
    total, before = nll.sum(1), nll.cumsum(1) - nll
    chosen = given.choose(given.settings["probe_images"])
    pixels = given.images[chosen].flatten(1, 2).cpu().double().numpy()
    labels = given.labels[chosen.numpy()] if given.labels is not None and len(chosen) else None

    def told(count: int) -> Estimate | None:
        if labels is None:
            return None
        settings = given.settings["probe_folds"], given.settings["seed"]
        bound = of_codes(pixels[:, : max(count, 1)].reshape(len(pixels), -1), labels, *settings)
        return bound if count or bound is None else Estimate(0.0, 0.0)

    found = []
    for count in evenly(nll.mean(0).tolist()):
        rate = total if count == nll.shape[1] else before[:, count]
        numbers = {"rate": average(rate), "distortion": average(total - rate), "label_information": told(count)}
        row: dict[str, Any] = {"pixels": count}
        for name, estimate in numbers.items():
            row |= {name: estimate and estimate.value, f"{name}_se": estimate and estimate.se}
        found.append(row)
    return found


def pixel_nll(model: "VAE", images: "Tensor", batch_size: int) -> "Tensor":
    """-log p(x_i | x_1 ... x_i-1) of every pixel in raster order.

    Args:
        model: one without a code, whose decoder is a PixelCNN++.
        images: (N, H, W[, 3]) as stored.
        batch_size: images at once.

    Returns:
        (N, H W) nats, float64, on the CPU.
    """
    import torch

    decoder: Any = model.decoder
    parts = []
    with torch.no_grad():
        for batch in images.split(batch_size):
            x = model.images(batch)
            found = decoder.likelihood.log_pixels(x, decoder.outputs(x, None).to(x.dtype))
            parts.append(-found.flatten(1).cpu().double())
    return torch.cat(parts)


def evenly(costs: list[float], steps: int = STEPS) -> list[int]:
    """Numbers of pixels from none to all, whose rates are as evenly spread as pixels allow.

    Args:
        costs: what each pixel costs given those before it, nats.
        steps: of the rate.
    """
    rates = [0.0]
    for cost in costs:
        rates.append(rates[-1] + cost)
    nearest = [min(range(len(rates)), key=lambda k: abs(rates[k] - rates[-1] * step / steps)) for step in range(steps)]
    return sorted({0, *nearest, len(costs)})
