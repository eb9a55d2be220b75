"""What a step of training costs on this machine: a few real steps on real images, for an estimate before a study."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from numpy.typing import NDArray

from rdplane.device import autocast, choose_device, resolve_precision
from rdplane.experiment.fitted import Cost
from rdplane.models.build import build
from rdplane.models.likelihood import scaled_down
from rdplane.train.optimiser import NormalisedAdam

__all__ = ["measured_cost"]

ENOUGH = 1.0  # seconds of steps that are timed, and never more than MOST of them
MOST = 10
DRAWN = 8  # images drawn at once


def measured_cost(
    architecture: str, images: NDArray, pixels: str, model: Mapping[str, Any], batch_size: int, device: str = "auto"
) -> Cost:  # fmt: skip
    """Time training, measuring and drawing with an untrained model.

    Args:
        architecture: a name such as ``-+v``.
        images: (N, H, W) or (N, H, W, 3), uint8, as they are prepared; the first `batch_size` are used.
        pixels: of the images: 'binary', 'grey' or 'colour'.
        model: sizes, those of other parts included.
        batch_size: images in each step.
        device: 'auto', 'cpu', 'cuda' or 'mps'.
    """
    where = choose_device(device)
    precision = resolve_precision("auto", where)
    x = scaled_down(torch.from_numpy(images[:batch_size]), pixels).to(where)
    network = build(architecture, tuple(x.shape[1:]), model, x.mean(0).cpu(), pixels)
    network = network.to(memory_format=torch.channels_last).to(where)  # type: ignore[call-overload]
    optimiser = NormalisedAdam(network.parameters(), True)

    def step() -> None:
        with autocast(where, precision):
            rate, distortion = network.rate_distortion(x)
        (rate + distortion).mean().backward()
        optimiser.step(1e-4)

    def look() -> None:
        with torch.no_grad(), autocast(where, precision):
            network.rate_distortion(x)

    def draw() -> None:
        with torch.no_grad():
            network.generate(DRAWN)

    seconds = {action: _seconds(action, where) for action in (step, look)}
    network.eval()
    return Cost(seconds[step], seconds[look] / len(x), _seconds(draw, where, warm=False))


def _seconds(action: Callable[[], None], device: torch.device, warm: bool = True) -> float:
    """The mean time that an action takes.

    Args:
        warm: whether a first time, in which libraries set themselves up, is left out.
    """
    if warm:
        action()
    taken: list[float] = []
    while not taken or (sum(taken) < ENOUGH and len(taken) < MOST):
        began = time.perf_counter()
        action()
        if device.type == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - began)
    return sum(taken) / len(taken)
