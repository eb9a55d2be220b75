"""Ways to compute a training step on one device, each measured beside the plain reference.

Run as a process of its own, for a GPU's memory and failures to be its own: prints a line of JSON for each result.
"""

import copy
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch

from benchmarks.peak import peak
from benchmarks.reference import plain_model, plain_step
from benchmarks.sizes import cells_of, random_images
from benchmarks.timing import clock_of, interleave
from benchmarks.training import flops_of, model_of, our_step
from rdplane.device import choose_device, describe
from rdplane.jobs.progress import Progress

__all__ = ["VARIANTS", "measure"]

# Name -> precision, memory layout, compute.compile.
VARIANTS = {
    "float32 channels_last": ("float32", torch.channels_last, "off"),
    "bfloat16": ("bfloat16", torch.contiguous_format, "off"),
    "bfloat16 channels_last": ("bfloat16", torch.channels_last, "off"),
    "graph": ("bfloat16", torch.channels_last, "graph"),
    "compile default": ("bfloat16", torch.channels_last, "default"),
    "compile reduce-overhead": ("bfloat16", torch.channels_last, "reduce-overhead"),
}
STEPS = 10  # a lap on a GPU, whose clock waits for what is under way


class Strict(Progress):
    """Makes an error of what the training would only report: a variant must not silently become another."""

    def line(self, message: str) -> None:
        raise RuntimeError(message)


def measure(
    size: str, architectures: list[str], variants: list[str], device_name: str, seconds: float, compare: bool
) -> Iterator[dict[str, Any]]:
    """Laps of each architecture and variant, or an error.

    Args:
        variants: of `VARIANTS`.
        seconds: to spend on each.
        compare: whether the plain reference takes turns with each.
    """
    device = choose_device(device_name)
    yield {"device": describe(device), "peak": {name: peak(device, name) for name in ("float32", "bfloat16")}}
    steps = STEPS if device.type == "cuda" else 1
    for architecture, cell in cells_of(size, tuple(architectures)).items():
        batch = cell["training"]["batch_size"]
        images = random_images(size, 4 * batch).to(device)
        model = model_of(cell, images)
        reference = plain_step(plain_model(model).to(device), cell, images)
        flops = flops_of(reference)
        for variant in variants:
            precision, layout, mode = VARIANTS[variant]
            result = {"architecture": architecture, "variant": variant, "precision": precision}
            settled = cell | {"training": {**cell["training"], "precision": precision}}
            try:
                step = our_step(copy.deepcopy(model), settled, images, mode, layout, Strict(variant))
                sides = {"ours": _repeat(step, steps)}
                if compare:
                    sides["plain"] = _repeat(reference, steps)
                sides["ours"]()  # compiles, and records what it replays later
                laps = interleave(sides, seconds, 3, clock_of(device, 1))
            except Exception as error:
                yield result | {"error": (str(error).strip() or type(error).__name__).splitlines()[0]}
            else:
                yield result | {"laps": laps, "images": steps * batch, "flops": steps * flops}


def _repeat(step: Callable[[], object], times: int) -> Callable[[], None]:
    def lap() -> None:
        for _ in range(times):
            step()

    return lap


if __name__ == "__main__":
    torch.set_num_threads(1)
    for found in measure(**json.loads(sys.argv[1])):
        print(json.dumps(found), flush=True)
