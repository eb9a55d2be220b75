"""The dataset fashion_mnist: grey pictures of clothes, as their authors published them."""

import gzip
import math
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rdplane.data.binarise import generator, held_out
from rdplane.data.store import Images
from rdplane.declare import Dataset, File
from rdplane.errors import UserError

__all__ = ["VALID", "make", "read_idx"]

DATASET = Dataset(
    name="fashion_mnist", title="Fashion-MNIST: grey clothes of ten kinds", makes="make", pixels="grey",
    files=(  # upstream publishes MD5 alone
        File(
            "train-images-idx3-ubyte.gz",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-images-idx3-ubyte.gz",
            "MD5", "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        ),
        File(
            "train-labels-idx1-ubyte.gz",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/train-labels-idx1-ubyte.gz",
            "MD5", "25c81989df183df01b3e8a0aad5dffbe",
        ),
        File(
            "t10k-images-idx3-ubyte.gz",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-images-idx3-ubyte.gz",
            "MD5", "bef4ecab320f06d8554ea6380940ec79",
        ),
        File(
            "t10k-labels-idx1-ubyte.gz",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/t10k-labels-idx1-ubyte.gz",
            "MD5", "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
)  # fmt: skip

VALID = 5_000  # of the training images are held out
_UNSIGNED_BYTES = 8  # as the header of an IDX file calls them


def make(seed: int, get: Callable[[str], bytes]) -> Images:
    """Fashion-MNIST of Xiao et al. (2017), 28 x 28: 55,000 / 5,000 by seed of the training images / 10,000."""
    images, labels = {}, {}
    for part, count in (("train", 60_000), ("t10k", 10_000)):
        name = f"{part}-images-idx3-ubyte.gz"
        images[part] = read_idx(get(name), name, (count, 28, 28))
        name = f"{part}-labels-idx1-ubyte.gz"
        labels[part] = read_idx(get(name), name, (count,)).astype(np.int64)
    kept, held = held_out(generator(seed), len(images["train"]), VALID)
    return Images(
        name="fashion_mnist",
        train=images["train"][kept],
        valid=images["train"][held],
        test=images["t10k"],
        labels={"train": labels["train"][kept], "valid": labels["train"][held], "test": labels["t10k"]},
        meta={
            "source": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "seed": seed,
            "binarisation": "none: grey of 8 bits",
            "split": f"test upstream; {VALID} of the training images, random by seed, for validation",
        },
        pixels="grey",
    )


def read_idx(content: bytes, name: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The array of a compressed IDX file of unsigned bytes: two zeros, the type, the rank, sizes (big-endian), values.

    Args:
        name: what a message calls the file.
        shape: that is expected.

    Raises:
        UserError: it is no such file, or has another shape.
    """
    try:
        plain = gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{name} is no gzip file ({error}); expected an IDX file that is compressed") from None
    header = bytes([0, 0, _UNSIGNED_BYTES, len(shape)]) + np.array(shape, ">u4").tobytes()
    if not plain.startswith(header) or len(plain) != len(header) + math.prod(shape):
        raise UserError(
            f"{name}: expected an IDX file of unsigned bytes of shape {shape}, found {len(plain):,} bytes that begin "
            f"{plain[: len(header)].hex()}"
        )
    return np.frombuffer(plain, np.uint8, offset=len(header)).reshape(shape)
