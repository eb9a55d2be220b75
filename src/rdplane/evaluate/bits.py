"""-ELBO in the unit in which models of images of 8 bits are compared."""

import math

from rdplane.declare import Column, Measure
from rdplane.evaluate.estimate import Estimate, average
from rdplane.evaluate.given import Given, Numbers

__all__ = ["measure"]

MEASURE = Measure(
    name="bits", title="bits per dimension", computes="measure",
    columns=(
        Column("bits_per_dim", "-ELBO in bits for each number of an image, as models of 8 bits are compared",
               unit="bits", error=True),
        Column("dimensions", "numbers of an image, H x W, in colour H x W x 3", unit="", type="int64"),
    ),
    needs=("rate_distortion",), pixels=("grey", "colour"), place=8,
)  # fmt: skip


def measure(given: Given) -> Numbers:
    """Mean -ELBO of all test images, nats, over log 2 and the numbers of an image."""
    known = given.per_image("rate_distortion")
    dimensions = given.images[0].numel()
    nats = average(known["rate"] + known["distortion"])
    unit = dimensions * math.log(2)
    return {"bits_per_dim": Estimate(nats.value / unit, nats.se / unit), "dimensions": dimensions}
