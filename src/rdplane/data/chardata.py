"""Omniglot in the layout of Burda et al.'s chardata.mat: how it is read, binarised and split."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rdplane.data.binarise import bernoulli, generator, held_out
from rdplane.data.store import Images
from rdplane.errors import UserError

__all__ = ["VALID", "make_images", "read_chardata"]

VALID = 1_345  # of the training images are held out


def make_images(name: str, file: str, source: str, known: int, test: int, seed: int, content: bytes) -> Images:
    """Bernoulli-sampled images of a chardata.mat; the seed picks 1,345 of the `known` ones for validation."""
    train_grey, train_labels = read_chardata(content, file, "", known)
    test_grey, test_labels = read_chardata(content, file, "test", test)
    rng = generator(seed)
    train_bits, test_bits = bernoulli(rng, train_grey), bernoulli(rng, test_grey)
    kept, held = held_out(rng, known, VALID)
    return Images(
        name=name,
        train=train_bits[kept],
        valid=train_bits[held],
        test=test_bits,
        labels={"train": train_labels[kept], "valid": train_labels[held], "test": test_labels},
        meta={
            "source": source or None,
            "seed": seed,
            "binarisation": "bernoulli, grey",
            "split": f"test upstream; {VALID} of the training images, random by seed, for validation",
        },
    )


def read_chardata(content: bytes, name: str, prefix: str, count: int) -> tuple[NDArray, NDArray[np.int64]]:
    """Grey images (count, 28, 28) in [0, 1] and alphabet numbers (count,) of a chardata.mat.

    Every column of ``data`` (784, N) is one image in COLUMN-major order, as MATLAB lays out a matrix; every column
    of ``target`` is one-hot in the alphabet.

    Args:
        prefix: '' for the training images, 'test' for the test images.

    Raises:
        UserError: the file is no such file, or has images of another number, shape or range.
    """
    from scipy.io import loadmat

    try:
        variables: dict[str, Any] = loadmat(io.BytesIO(content), variable_names=[f"{prefix}data", f"{prefix}target"])
        columns, target = variables[f"{prefix}data"], variables[f"{prefix}target"]
    except Exception as error:  # the reader of a damaged file may raise anything
        raise UserError(f"{name} is no MATLAB file with {prefix}data and {prefix}target ({error})") from None
    if columns.shape != (784, count) or target.ndim != 2 or target.shape[1] != count:
        raise UserError(
            f"{name}: expected {prefix}data of shape (784, {count}) and {prefix}target of {count} columns, "
            f"found {columns.shape} and {target.shape}"
        )
    if not (columns.min() >= 0 and columns.max() <= 1):
        raise UserError(f"{name}: {prefix}data should lie in [0, 1]")
    images = columns.T.reshape(count, 28, 28).transpose(0, 2, 1)
    return np.ascontiguousarray(images), target.argmax(0).astype(np.int64)
