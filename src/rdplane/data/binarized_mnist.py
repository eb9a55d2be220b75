"""The dataset binarized_mnist: static binary MNIST, as its authors published it."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rdplane.data.store import SPLITS, Images
from rdplane.declare import Dataset, File
from rdplane.errors import UserError

__all__ = ["make", "read_amat"]

DATASET = Dataset(
    name="binarized_mnist", title="static binary MNIST of Larochelle & Murray", makes="make", seeded=False,
    files=(
        File(
            "binarized_mnist_train.amat",
            "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/binarized_mnist_train.amat",
            "SHA-256", "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d", 78_400_000,
        ),
        File(
            "binarized_mnist_valid.amat",
            "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/binarized_mnist_valid.amat",
            "SHA-256", "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2", 15_680_000,
        ),
        File(
            "binarized_mnist_test.amat",
            "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/binarized_mnist_test.amat",
            "SHA-256", "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c", 15_680_000,
        ),
    ),
)  # fmt: skip

_ROWS = {"train": 50_000, "valid": 10_000, "test": 10_000}
_AMAT_LINE = 2 * 784  # bytes: 784 digits, each followed by a space or, the last, by a newline
# Its test images are MNIST's, sorted by digit: this many of each. Its other images are shuffled and have no labels.
_MNIST_TEST_DIGITS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def make(seed: int, get: Callable[[str], bytes]) -> Images:
    """Static binary MNIST of Larochelle & Murray (2011), bits and split as upstream has them."""
    files = {part: f"binarized_mnist_{part}.amat" for part in SPLITS}
    parts = {part: read_amat(get(name), name, _ROWS[part]) for part, name in files.items()}
    return Images(
        name="binarized_mnist",
        train=parts["train"],
        valid=parts["valid"],
        test=parts["test"],
        labels={"test": np.repeat(np.arange(10), _MNIST_TEST_DIGITS)},
        meta={
            "source": "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/",
            "seed": None,
            "binarisation": "upstream",
            "split": "upstream",
        },
    )


def read_amat(content: bytes, name: str, rows: int) -> NDArray[np.uint8]:
    """Images (rows, 28, 28) of an .amat text: one line per image, 784 digits 0 or 1 in row-major order, single spaces.

    Raises:
        UserError: another number of bytes, or a line of another form.
    """
    if len(content) != rows * _AMAT_LINE:
        raise UserError(f"{name}: expected {rows:,} lines of {_AMAT_LINE} bytes, found {len(content):,} bytes")
    lines = np.frombuffer(content, np.uint8).reshape(rows, _AMAT_LINE)
    pixels, separators = lines[:, ::2] - ord("0"), lines[:, 1::2]
    wrong = (pixels > 1).any(1) | (separators[:, :-1] != ord(" ")).any(1) | (separators[:, -1] != ord("\n"))
    if wrong.any():
        raise UserError(
            f"{name}: line {int(wrong.argmax()) + 1:,} is not 784 digits 0 or 1 with single spaces between them"
        )
    return pixels.reshape(rows, 28, 28)
