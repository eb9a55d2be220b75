"""Seconds of training to a validation -ELBO of 82 and of 81 nats on static MNIST, at the middle size.

By the best recipe of `benchmarks.recipe`.
"""

import os
from collections.abc import Iterator

from benchmarks.recipe import EPOCHS, RECIPES, history, layout_of, trained
from benchmarks.sizes import Plan
from benchmarks.table import Row

__all__ = ["reached", "run"]

TARGETS = (82.0, 81.0)  # nats; the paper's autodecoders end at 80.5 to 81.0
RECIPE = RECIPES["peak 4e-3"]


def run(plan: Plan) -> Iterator[Row]:
    """A row for each target; a note where no mirror has the images, or there is no time for it."""
    why = "it trains for ten minutes or more" if not plan.hours else "RDPLANE_MIRROR names no folder with the images"
    if not (plan.hours and os.environ.get("RDPLANE_MIRROR")):
        yield Row("time_to_nats", "middle", "-+-", "s", note=f"skipped: {why}")
        return
    folder = trained(layout_of("time_to_nats", RECIPE, plan.threads), RECIPE, fresh=True)
    epochs = history(folder)
    for target in TARGETS:
        best = min(row["averaged"] for row in epochs)
        seconds = reached([(row["seconds"], row["averaged"]) for row in epochs], target)
        note = f"to {target:g} nats, averaged weights, {EPOCHS} epochs; best {best:.2f} nats"
        yield Row("time_to_nats", "middle", "-+-", "s", value=seconds, note=note)


def reached(points: list[tuple[float, float]], target: float) -> float | None:
    """When a curve of (seconds, nats) first falls to a target, on straight lines between its points; None: never."""
    for (before, above), (after, below) in zip([points[0], *points], points, strict=False):
        if below <= target:
            return after if above <= target else before + (after - before) * (above - target) / (above - below)
    return None
