"""The prepared dataset: one file that checks itself, of packed bits where pixels are 0 and 1, of bytes elsewhere.

The file is a NumPy archive (``numpy.load`` opens it) with, for each of train, valid and test, an array of
(N, H * W / 8) bytes that hold eight binary pixels each, most significant bit first, or of grey (N, H, W) or colour
(N, H, W, 3) as it is; ``<split>_labels`` where labels are known, ``<split>_log_density`` where densities are; and
``meta``, JSON as bytes. The archive's comment, the last 64 bytes, is the SHA-256 of everything before it, so that a
file that was cut short or damaged anywhere is never mistaken for data.

Bits are compressed. Bytes of photographs hardly are, and are read straight into their arrays: a set of 64 x 64 colour
images needs no more memory than its arrays.
"""

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rdplane.errors import UserError
from rdplane.files import atomic, canonical_json

__all__ = ["FORMAT", "SPLITS", "Images", "load", "save"]

FORMAT = 1
SPLITS = ("train", "valid", "test")
_SEAL = 64  # hexadecimal digits of the SHA-256
_CHUNK = 1 << 20  # bytes read at once for it


@dataclass(frozen=True, eq=False)
class Images:
    """An image dataset in three parts.

    Args:
        train, valid, test: uint8, binary (N, H, W) of 0 and 1, grey (N, H, W) of 0..255, or colour (N, H, W, 3) of
            0..255, red, green and blue.
        labels: (N,) int64 for each split whose labels are known; None where no split has any.
        log_density: (N,) float64 for each split, log p*(x) in nats where the images were drawn from a known density
            p*; None otherwise.
        name: the dataset's name.
        meta: where the images come from and how they were binarised: `dataset`, `identity`, `source`, `files`
            (checksum of each), `seed`, `binarisation`, `split`; and, of stored images, `format`, `counts`, `height`,
            `width`, `mean_pixel` (of the training images, in units of a pixel), `sha256` (of the packed bits, or of
            the bytes, of train, valid, test), `pixels` (unless they are binary).
        pixels: 'binary', 'grey' or 'colour'.
    """

    train: NDArray[np.uint8]
    valid: NDArray[np.uint8]
    test: NDArray[np.uint8]
    labels: dict[str, NDArray[np.int64]] | None = None
    name: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    log_density: dict[str, NDArray[np.float64]] | None = None
    pixels: str = "binary"

    @property
    def height(self) -> int:
        return self.train.shape[1]

    @property
    def width(self) -> int:
        return self.train.shape[2]

    @property
    def shape(self) -> tuple[int, ...]:
        """(H, W), of colour (H, W, 3)."""
        return self.train.shape[1:]


def save(path: str | os.PathLike[str], images: Images) -> None:
    """Write `images` to `path`, whole or not at all, completing its `meta`.

    Raises:
        UserError: the file cannot be written.
    """
    parts = {name: getattr(images, name) for name in SPLITS}
    binary = images.pixels == "binary"
    if binary:
        stored = {name: np.packbits(part.reshape(len(part), -1), axis=1) for name, part in parts.items()}
    else:
        stored = {name: np.ascontiguousarray(part) for name, part in parts.items()}
    content = hashlib.sha256()
    for part in stored.values():
        content.update(part.data)
    meta = images.meta | {
        "format": FORMAT,
        "dataset": images.name,
        "counts": {name: len(part) for name, part in parts.items()},
        "height": images.height,
        "width": images.width,
        "mean_pixel": float(images.train.mean()),
        "sha256": content.hexdigest(),
    }
    if not binary:
        meta["pixels"] = images.pixels  # files of binary images are as they always were
    labels = {f"{name}_labels": values.astype(np.uint16) for name, values in (images.labels or {}).items()}
    densities = {f"{name}_log_density": values for name, values in (images.log_density or {}).items()}
    known = {**stored, **labels, **densities}
    arrays: dict[str, Any] = {"meta": np.frombuffer(canonical_json(meta).encode(), np.uint8), **known}
    with atomic(path) as stream:
        (np.savez_compressed if binary else np.savez)(stream, **arrays)
        with zipfile.ZipFile(stream, "a") as archive:
            archive.comment = b"0" * _SEAL
        size = stream.seek(0, os.SEEK_END) - _SEAL
        seal = _digest(stream, size)
        stream.seek(size)
        stream.write(seal)


def _digest(stream: BinaryIO, size: int) -> bytes:
    """SHA-256 of the first `size` bytes, as hexadecimal digits; never more than a chunk of them in memory."""
    stream.seek(0)
    found = hashlib.sha256()
    while size > 0 and (chunk := stream.read(min(size, _CHUNK))):
        found.update(chunk)
        size -= len(chunk)
    return found.hexdigest().encode()


def load(path: str | os.PathLike[str]) -> Images:
    """Read a file that `prepare` wrote.

    Raises:
        UserError: the file is missing, unreadable, cut short, damaged, or of another version.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            _check_seal(stream, path)
            return _read(stream, path)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; prepare the dataset first") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; expected a prepared dataset") from None
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:  # sealed, but by something else
        raise UserError(f"{path} is no prepared dataset ({error}); delete it and prepare the dataset again") from None


def _check_seal(stream: BinaryIO, path: Path) -> None:
    size = max(stream.seek(0, os.SEEK_END) - _SEAL, 0)
    found = _digest(stream, size)
    stream.seek(size)
    if stream.read() != found:
        raise UserError(
            f"{path} is cut short, damaged or no prepared dataset: its last {_SEAL} bytes should be the SHA-256 of "
            f"the {size:,} bytes before them, {found.decode()}, but are not; delete it and prepare the dataset again"
        )


def _read(stream: BinaryIO, path: Path) -> Images:
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as archive:
        meta = json.loads(archive["meta"].tobytes())
        if meta["format"] != FORMAT:
            raise UserError(
                f"{path} has format {meta['format']}, but this version of rdplane reads format {FORMAT}; "
                "delete it and prepare the dataset again"
            )
        pixels = meta.get("pixels", "binary")
        parts = {name: archive[name] for name in SPLITS}
        if pixels == "binary":
            shape = (meta["height"], meta["width"])
            count = shape[0] * shape[1]  # the last byte of an image may hold fewer than eight pixels
            parts = {name: np.unpackbits(part, axis=1, count=count).reshape(-1, *shape) for name, part in parts.items()}
        labels = {name: archive[f"{name}_labels"].astype(np.int64) for name in SPLITS if f"{name}_labels" in archive}
        densities = {name: archive[f"{name}_log_density"] for name in SPLITS if f"{name}_log_density" in archive}
    return Images(
        parts["train"], parts["valid"], parts["test"], labels or None, meta["dataset"], meta, densities or None, pixels
    )
