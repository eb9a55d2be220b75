"""Rate and distortion with the moving average of the weights, beside those of the weights that were kept."""

from rdplane.declare import Column, Measure
from rdplane.evaluate.estimate import average
from rdplane.evaluate.given import Given, Numbers
from rdplane.evaluate.rate_distortion import rate_distortion

__all__ = ["measure"]

MEASURE = Measure(
    name="average",
    title="averaged weights",
    computes="measure",
    columns=(
        Column("average_rate", "R with the moving average of the weights (training.average)", error=True),
        Column("average_distortion", "D with it", error=True),
        Column("average_neg_elbo", "-ELBO with it", error=True),
    ),
    keys=("z_samples", "batch_size", "seed"),
    average=True,
    place=6,
)


def measure(given: Given) -> Numbers:
    """Mean rate, distortion and -ELBO of all test images.

    From the random numbers of the measure `rate_distortion`, so that differences to its columns are those of the
    weights, with errors much smaller than either's.
    """
    assert given.average is not None  # as the declaration asks for
    given.start()
    settings = given.settings
    rate, distortion = rate_distortion(given.average, given.images, settings["z_samples"], settings["batch_size"])
    return {
        "average_rate": average(rate),
        "average_distortion": average(distortion),
        "average_neg_elbo": average(rate + distortion),
    }
