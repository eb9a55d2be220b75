"""Images a second of a training step, for every architecture."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.peak import peak
from benchmarks.reference import plain_model, plain_step
from benchmarks.sizes import Plan, cells_of, is_sequential, random_images
from benchmarks.table import Row, compared
from benchmarks.timing import clock_of, interleave
from rdplane.device import resolve_precision
from rdplane.experiment.cells import cell_name
from rdplane.experiment.objectives import build_loss
from rdplane.jobs.progress import Progress
from rdplane.models import VAE
from rdplane.models.build import build
from rdplane.train.gradient import BatchGradient
from rdplane.train.optimiser import NormalisedAdam

__all__ = ["flops_of", "model_of", "our_step", "run"]


def model_of(cell: dict[str, Any], images: Tensor) -> VAE:
    """The cell's untrained model for `images` (N, H, W), as the training loop makes it, on the CPU."""
    torch.manual_seed(cell["seed"])
    return build(cell["architecture"], (images.shape[1], images.shape[2]), cell["model"], images.float().mean(0).cpu())


def our_step(
    model: VAE,
    cell: dict[str, Any],
    images: Tensor,
    compile: str = "off",
    layout: torch.memory_format = torch.channels_last,
    progress: Progress | None = None,
) -> Callable[[], None]:
    """The step of `rdplane.train.loop.run` as a function: each call takes the next batch and waits for nothing.

    Args:
        model: from `model_of`.
        images: (N, H, W), uint8, on the device to train on; at least a batch.
        compile: see `rdplane.train.compiled.RateDistortion`.
        layout: the memory layout; the loop's unless given.
        progress: told where compiling or memory fails; None for standard error.
    """
    settings, device = cell["training"], images.device
    model = model.to(memory_format=layout).to(device)  # type: ignore[call-overload]
    model.train()
    optimiser = NormalisedAdam(model.parameters(), settings["normalise_gradients"])
    objective = build_loss(cell).to(device)
    progress = progress or Progress(cell_name(cell))
    gradient = BatchGradient(
        model, objective, resolve_precision(settings["precision"], device), None, compile, progress
    )
    batch = settings["batch_size"]
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0)).to(device)
    sums = torch.zeros(3, device=device)
    made = 0

    def step() -> None:
        nonlocal made
        start = made % (len(images) // batch) * batch
        made += 1
        rate, distortion = gradient(images[order[start : start + batch]].float(), 0.0)
        norm = optimiser.step(settings["learning_rate"])
        sums[0] += rate.sum()
        sums[1] += distortion.sum()
        sums[2] = torch.maximum(sums[2], norm)

    return step


def flops_of(step: Callable[[], object]) -> float:
    """Floating-point operations of a call: its convolutions and matrix products, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def run(plan: Plan) -> Iterator[Row]:
    """A row for each size and architecture."""
    device = torch.device("cpu")
    precision = resolve_precision("auto", device)
    for size in plan.sizes:
        for architecture, cell in cells_of(size, plan.architectures).items():
            images = random_images(size, 4 * cell["training"]["batch_size"])
            model = model_of(cell, images)
            plain = plain_model(model)
            sides = {"ours": our_step(model, cell, images), "plain": plain_step(plain, cell, images)}
            laps = interleave(sides, plan.seconds, plan.least, clock_of(device, plan.threads))
            target = 1.5 if is_sequential(architecture) else 1.3
            yield compared(
                Row(
                    "training", size, architecture, "images/s", at_least=None if size == "tiny" else target,
                    note=f"{precision}, batch {cell['training']['batch_size']}",
                ),
                laps, cell["training"]["batch_size"], flops_of(sides["plain"]), peak(device, precision),
            )  # fmt: skip
