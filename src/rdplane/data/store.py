"""The prepared dataset: one small file of packed bits that checks itself.

The file is a NumPy archive (``numpy.load`` opens it) with, for each of train, valid and test, an array of
(N, H * W / 8) bytes that hold eight pixels each, most significant bit first; ``<split>_labels`` where labels are known,
``<split>_log_density`` where densities are; and ``meta``, JSON as bytes. The archive's comment, the last 64 bytes, is
the SHA-256 of everything before it, so that a file that was cut short or damaged anywhere is never mistaken for data.
"""

import hashlib
import io
import json
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rdplane.errors import UserError
from rdplane.files import atomic, canonical_json

__all__ = ["FORMAT", "SPLITS", "Images", "load", "save"]

FORMAT = 1
SPLITS = ("train", "valid", "test")
_SEAL = 64  # hexadecimal digits of the SHA-256


@dataclass(frozen=True, eq=False)
class Images:
    """A binary image dataset in three parts.

    Args:
        train, valid, test: (N, H, W) uint8 of 0 and 1.
        labels: (N,) int64 for each split whose labels are known; None where no split has any.
        log_density: (N,) float64 for each split, log p*(x) in nats where the images were drawn from a known density
            p*; None otherwise.
        name: the dataset's name.
        meta: where the images come from and how they were binarised: `dataset`, `identity`, `source`, `files`
            (checksum of each), `seed`, `binarisation`, `split`; and, of stored images, `format`, `counts`, `height`,
            `width`, `mean_pixel` (of the training images), `sha256` (of the packed bits of train, valid, test).
    """

    train: NDArray[np.uint8]
    valid: NDArray[np.uint8]
    test: NDArray[np.uint8]
    labels: dict[str, NDArray[np.int64]] | None = None
    name: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    log_density: dict[str, NDArray[np.float64]] | None = None

    @property
    def height(self) -> int:
        return self.train.shape[1]

    @property
    def width(self) -> int:
        return self.train.shape[2]


def save(path: str | os.PathLike[str], images: Images) -> None:
    """Write `images` to `path`, whole or not at all, completing its `meta`.

    Raises:
        UserError: the file cannot be written.
    """
    parts = {name: getattr(images, name) for name in SPLITS}
    packed = {name: np.packbits(part.reshape(len(part), -1), axis=1) for name, part in parts.items()}
    meta = images.meta | {
        "format": FORMAT,
        "dataset": images.name,
        "counts": {name: len(part) for name, part in parts.items()},
        "height": images.height,
        "width": images.width,
        "mean_pixel": float(images.train.mean()),
        "sha256": hashlib.sha256(b"".join(packed[name].tobytes() for name in SPLITS)).hexdigest(),
    }
    labels = {f"{name}_labels": values.astype(np.uint16) for name, values in (images.labels or {}).items()}
    densities = {f"{name}_log_density": values for name, values in (images.log_density or {}).items()}
    buffer = io.BytesIO()
    known = {**packed, **labels, **densities}
    arrays: dict[str, Any] = {"meta": np.frombuffer(canonical_json(meta).encode(), np.uint8), **known}
    np.savez_compressed(buffer, **arrays)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"0" * _SEAL
    content = buffer.getvalue()[:-_SEAL]
    with atomic(path) as stream:
        stream.write(content + hashlib.sha256(content).hexdigest().encode())


def load(path: str | os.PathLike[str]) -> Images:
    """Read a file that `prepare` wrote.

    Raises:
        UserError: the file is missing, unreadable, cut short, damaged, or of another version.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; prepare the dataset first") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; expected a prepared dataset") from None
    expected, found = content[-_SEAL:], hashlib.sha256(content[:-_SEAL]).hexdigest()
    if expected != found.encode():
        raise UserError(
            f"{path} is cut short, damaged or no prepared dataset: its last {_SEAL} bytes should be the SHA-256 of "
            f"the {max(len(content) - _SEAL, 0):,} bytes before them, {found}, but are not; "
            "delete it and prepare the dataset again"
        )
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        meta = json.loads(arrays["meta"].tobytes())
        if meta["format"] != FORMAT:
            raise UserError(
                f"{path} has format {meta['format']}, but this version of rdplane reads format {FORMAT}; "
                "delete it and prepare the dataset again"
            )
        shape = (meta["height"], meta["width"])
        parts = {name: np.unpackbits(arrays[name], axis=1).reshape(-1, *shape) for name in SPLITS}
        labels = {name: arrays[f"{name}_labels"].astype(np.int64) for name in SPLITS if f"{name}_labels" in arrays}
        densities = {name: arrays[f"{name}_log_density"] for name in SPLITS if f"{name}_log_density" in arrays}
        return Images(
            parts["train"], parts["valid"], parts["test"], labels or None, meta["dataset"], meta, densities or None
        )
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:  # sealed, but by something else
        raise UserError(f"{path} is no prepared dataset ({error}); delete it and prepare the dataset again") from None
