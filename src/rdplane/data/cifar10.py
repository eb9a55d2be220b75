"""The dataset cifar10: small colour photographs of ten kinds, as their authors published them."""

import io
import tarfile
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rdplane.data.binarise import generator, held_out
from rdplane.data.store import Images
from rdplane.declare import Dataset, File
from rdplane.errors import UserError

__all__ = ["VALID", "make", "read_batches"]

DATASET = Dataset(
    name="cifar10", title="CIFAR-10: colour photographs of ten kinds", makes="make", pixels="colour",
    files=(  # the binary version, for the other is pickled; upstream publishes MD5 alone
        File(
            "cifar-10-binary.tar.gz", "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "MD5", "c32a1d4ab5d03f1284b67883e8d87530",
        ),
    ),
)  # fmt: skip

VALID = 5_000  # of the training images are held out
_TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
_TEST = ("test_batch.bin",)
_BATCH = 10_000  # images in each file
_RECORD = 1 + 3 * 32 * 32  # bytes of an image: its label, then its red, green and blue plane, row by row


def make(seed: int, get: Callable[[str], bytes]) -> Images:
    """CIFAR-10 of Krizhevsky (2009), 32 x 32: 45,000 / 5,000 by seed of the training images / 10,000."""
    (file,) = DATASET.files
    content = get(file.name)
    images, labels = read_batches(content, file.name, _TRAIN)
    test, test_labels = read_batches(content, file.name, _TEST)
    kept, held = held_out(generator(seed), len(images), VALID)
    return Images(
        name="cifar10",
        train=images[kept],
        valid=images[held],
        test=test,
        labels={"train": labels[kept], "valid": labels[held], "test": test_labels},
        meta={
            "source": file.url,
            "seed": seed,
            "binarisation": "none: colour of 3 x 8 bits",
            "split": f"test upstream; {VALID} of the training images, random by seed, for validation",
        },
        pixels="colour",
    )


def read_batches(content: bytes, name: str, batches: tuple[str, ...]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, 32, 32, 3) and labels (N,) of some files of the archive, read without unpacking it to the disk.

    Args:
        name: what a message calls the archive.
        batches: names of the files in it, whose folder does not matter.

    Raises:
        UserError: it is no such archive, lacks a file, or one has another size or labels beyond 9.
    """
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                batch = member.name.rpartition("/")[2]
                if batch in batches and (stream := archive.extractfile(member)) is not None:
                    found[batch] = np.frombuffer(stream.read(), np.uint8)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise UserError(f"{name} is no compressed archive ({error}); expected the binary version of CIFAR-10") from None
    for batch in batches:
        size = len(found.get(batch, ()))
        if size != _BATCH * _RECORD:
            raise UserError(f"{name}: expected {batch} of {_BATCH * _RECORD:,} bytes, found {size:,}")
    records = np.concatenate([found[batch].reshape(_BATCH, _RECORD) for batch in batches])
    labels = records[:, 0].astype(np.int64)
    if labels.max() > 9:
        raise UserError(f"{name}: expected labels from 0 to 9, found {labels.max()}")
    return np.ascontiguousarray(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels
