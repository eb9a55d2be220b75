"""Seconds to draw a batch of images from a PixelCNN++ decoder."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

import torch

from benchmarks.reference import naive_pass, plain_model
from benchmarks.sizes import Plan, cells_of, random_images
from benchmarks.table import Row, compared
from benchmarks.timing import clock_of, interleave
from benchmarks.training import model_of
from rdplane.models.pixelcnn import PixelCNN
from rdplane.models.pixelcnn_sampler import sample

__all__ = ["run"]


def run(plan: Plan) -> Iterator[Row]:
    """A row for each size and batch. The reference is scaled from laps of one of its passes, all alike in cost."""
    device = torch.device("cpu")
    for size in plan.sizes:
        (cell,) = cells_of(size, ("-+-",)).values()
        model = model_of(cell, random_images(size, 1)).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        decoder = cast(PixelCNN, model.decoder)
        plain = cast(PixelCNN, plain_model(model).decoder)
        passes = decoder.shape[0] * decoder.shape[1]
        for batch in plan.batches:
            generator = torch.Generator().manual_seed(0)
            z = torch.randn(batch, model.latent, generator=generator)
            uniforms = torch.rand(batch, *decoder.shape, generator=generator)
            images = torch.zeros_like(uniforms)
            sides: dict[str, Callable[[], object]] = {
                "ours": partial(sample, decoder, z, uniforms),
                "plain": partial(naive_pass, plain, images, z, uniforms, pixel=0),
            }
            laps = interleave(sides, plan.seconds, plan.least, clock_of(device, plan.threads))
            note = f"reference: {passes} x one full pass of {len(laps['plain'])} measured"
            laps["plain"] = [passes * lap for lap in laps["plain"]]
            target = 20.0 if (size, batch) == ("paper", 64) else None
            yield compared(Row("sampling", size, f"-+-, batch {batch}", "s", at_least=target, note=note), laps)
