"""The one code path behind every number in a table or on a plot: the test images of a trained cell."""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rdplane import data
from rdplane.device import choose_device, set_threads
from rdplane.errors import UserError
from rdplane.files import read_json, write_json
from rdplane.measures.measure import measure
from rdplane.models import VAE
from rdplane.trained import load

__all__ = ["evaluate", "rate_distortion"]


@torch.no_grad()
def rate_distortion(model: VAE, images: Tensor, z_samples: int, batch_size: int = 250) -> tuple[Tensor, Tensor]:
    """Rate and distortion of each image, unweighted, averaged over draws of z.

    Equations 3b and 3c of the paper with the expectation over e(z|x) replaced by the mean of `z_samples` draws.

    Args:
        images: (N, H, W) of 0 and 1, any dtype.

    Returns:
        rate (N,), distortion (N,), nats, float64, on the CPU.
    """
    rates, distortions = [], []
    device = next(model.parameters()).device
    for batch in images.split(batch_size):
        x = batch.to(device).float()
        draws = [torch.stack(model.rate_distortion(x)).cpu().double() for _ in range(z_samples)]
        rate, distortion = torch.stack(draws).mean(0)
        rates.append(rate)
        distortions.append(distortion)
    return torch.cat(rates), torch.cat(distortions)


def mean_and_se(values: Tensor) -> tuple[float, float]:
    """Mean over images, and its standard error s / sqrt(N)."""
    return values.mean().item(), values.std().item() / math.sqrt(len(values))


def evaluate(
    folder: Path, images: Path, output: Path, settings: dict[str, Any], device: str = "auto", threads: int = 1
) -> None:
    """Measure a trained cell on the test images, in float32, and write `metrics.json` (closed schema).

    Args:
        folder: the cell's folder with `model.safetensors` and `train.json`.
        images: prepared images.
        output: where `metrics.json` goes.
        settings: the section `evaluation` of a resolved configuration, and the version of this code.

    Raises:
        UserError: the cell is not finished, the images are damaged, the result is not finite.
    """
    set_threads(threads)
    summary = read_json(folder / "train.json")
    model = load(folder, choose_device(device))
    prepared = data.load(images)
    test = torch.from_numpy(prepared.test)
    labels = prepared.labels.get("test") if prepared.labels else None
    torch.manual_seed(settings["seed"])
    rate, distortion = rate_distortion(model, test, settings["z_samples"], settings["batch_size"])
    metrics: dict[str, Any] = {
        "schema": 1,
        "evaluation": settings,
        "images": len(test),
        "z_samples": settings["z_samples"],
    }
    for key, values in (("rate", rate), ("distortion", distortion), ("neg_elbo", rate + distortion)):
        metrics[key], metrics[f"{key}_se"] = mean_and_se(values)
        if not all(map(math.isfinite, mean_and_se(values))):
            raise UserError(
                f"{folder}: the mean {key} of the test images is not finite; this cell has diverged: delete its folder "
                "and lower training.learning_rate for it under overrides"
            )
    metrics |= measure(model, test, labels, settings, neg_elbo=rate + distortion)
    kept = ("cell", "parameters", "epochs", "epoch", "train_seconds", "device", "torch")
    write_json(output, metrics | {key: summary[key] for key in kept})
