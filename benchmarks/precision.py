"""bfloat16 beside float32: the same training step, by which `training.precision: auto` was decided for CPUs."""

import copy
from collections.abc import Iterator

import torch

from benchmarks.sizes import Plan, cells_of, random_images
from benchmarks.table import Row, compared
from benchmarks.timing import clock_of, interleave
from benchmarks.training import model_of, our_step

__all__ = ["run"]


def run(plan: Plan) -> Iterator[Row]:
    """A row for each size and architecture: ours in bfloat16, reference: ours in float32."""
    device = torch.device("cpu")
    for size in plan.sizes:
        for architecture, cell in cells_of(size, plan.architectures).items():
            images = random_images(size, 4 * cell["training"]["batch_size"])
            model = model_of(cell, images)
            sides = {}
            for side, precision in {"ours": "bfloat16", "plain": "float32"}.items():
                settings = cell | {"training": cell["training"] | {"precision": precision}}
                sides[side] = our_step(copy.deepcopy(model), settings, images, compile="off")
            laps = interleave(sides, plan.seconds, plan.least, clock_of(device, plan.threads))
            batch = cell["training"]["batch_size"]
            yield compared(Row("precision", size, architecture, "images/s", note=f"batch {batch}"), laps, batch)
