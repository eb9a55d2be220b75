"""Images a second of the rate and distortion of test images, one draw of z each, in float32 as always."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from benchmarks.reference import plain_gates, plain_model
from benchmarks.sizes import Plan, cells_of, random_images
from benchmarks.table import Row, compared
from benchmarks.timing import clock_of, interleave
from benchmarks.training import model_of
from rdplane.evaluate.rate_distortion import rate_distortion
from rdplane.models import VAE

__all__ = ["run"]

MOST = 100  # images a lap: a paper-size batch of 250 takes 20 s


def run(plan: Plan) -> Iterator[Row]:
    """A row for each size and kind of architecture."""
    device = torch.device("cpu")
    for size in plan.sizes:
        for architecture, cell in cells_of(size, plan.kinds).items():
            images = random_images(size, MOST)
            ours = model_of(cell, images).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
            sides: dict[str, Callable[[], object]] = {
                "ours": partial(rate_distortion, ours, images, 1, MOST),
                "plain": partial(_plain_pass, plain_model(ours), images),
            }
            laps = interleave(sides, plan.seconds, plan.least, clock_of(device, plan.threads))
            yield compared(Row("evaluation", size, architecture, "images/s", note=f"float32, batch {MOST}"), laps, MOST)


@torch.no_grad()
def _plain_pass(model: VAE, images: Tensor) -> None:
    with plain_gates():
        model.rate_distortion(images.float())
