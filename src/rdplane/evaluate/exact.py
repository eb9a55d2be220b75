"""How far a model is from optimal, exactly, on images whose density is known: those that a teacher drew."""

import torch

from rdplane.declare import Column, Measure
from rdplane.evaluate.estimate import average
from rdplane.evaluate.given import Given, Numbers

__all__ = ["measure"]

MEASURE = Measure(
    name="exact", title="beside the known density of the images", computes="measure",
    columns=(
        Column("entropy", "H, mean of -log p*(x) over the test images: R + D of no model is below it", error=True),
        Column(
            "gap", "R + D - H = KL(p*(x) e(z|x) || m(z) d(x|z)), all that the model loses; paired over the images",
            error=True,
        ),
        Column("mi_exact_lower", "H - D, a lower bound on I(X; Z) without a cap; R is an upper one", error=True),
    ),
    needs=("rate_distortion",), density=True, place=7,
)  # fmt: skip


def measure(given: Given) -> Numbers:
    """Entropy of the images, and what each pays above it; a negative gap is chance, or a teacher that is another's.

    All are means of numbers of the same images, so that what is improbable under p* cancels where it should.
    """
    assert given.log_density is not None  # as the declaration asks for
    surprise = -torch.from_numpy(given.log_density)
    known = given.per_image("rate_distortion")
    rate, distortion = known["rate"], known["distortion"]
    return {
        "entropy": average(surprise),
        "gap": average(rate + distortion - surprise),
        "mi_exact_lower": average(surprise - distortion),
    }
