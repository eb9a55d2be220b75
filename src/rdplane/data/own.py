"""A user's own images: an .npy or .npz file, checked and binarised as declared.

The array is (N, H, W), or (N, H * W) for square images, with H and W divisible by 4 (the models halve the map
twice). Values are 0 and 1 (`binarise: none`), or grey to be binarised: whole numbers 0..255 or fractions 0..1.
An .npz holds one array of any name, or one named ``images`` beside others that are left alone, or ``train``, ``valid``
and ``test`` for a split of one's own.
"""

import dataclasses
import functools
import hashlib
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rdplane.data.binarise import bernoulli, generator, part_sizes, split, threshold
from rdplane.data.store import SPLITS, Images
from rdplane.errors import UserError

__all__ = ["BINARISE", "identify", "read"]

BINARISE = ("none", "bernoulli", "threshold")
LARGEST_LABEL = 2**16 - 1  # as the prepared file stores them
# The standard error of a part's mean needs two images.
_FEWEST = 2


def identify(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What decides the content of the prepared file: the file's SHA-256 and those settings that matter with it.

    Raises:
        UserError: the file is missing or unreadable, or a setting that matters is missing or wrong.
    """
    path = _path(spec)
    binarise = _need(spec, "binarise", f"one of {', '.join(BINARISE)}")
    if binarise not in BINARISE:
        raise UserError(f"data.binarise is {binarise!r}; expected one of {', '.join(BINARISE)}")
    try:
        status = path.stat()
        digest = _sha256(path, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise _unreadable(path, error) from None
    identity: dict[str, Any] = {"dataset": spec["dataset"], "file_sha256": digest, "binarise": binarise}
    if binarise == "threshold":
        identity["threshold"] = _threshold(spec)
    one_array = _array_names(path) != SPLITS
    if one_array:
        identity["split"] = _fractions(spec)
    if one_array or binarise == "bernoulli":
        identity["seed"] = seed(spec)
    return identity


def read(spec: Mapping[str, Any]) -> Images:
    """The images of `spec['file']`, binarised and split as `spec` says.

    Raises:
        UserError: whatever `identify` raises, or images of a wrong shape, type or range, or too few of them.
    """
    identity = identify(spec)
    path = _path(spec)
    rng = generator(identity.get("seed", 0))
    arrays = _arrays(path)
    bits = {name: _binary(_shaped(array, where), where, identity, rng) for name, (array, where) in arrays.items()}
    if len(bits) == 1:
        (images,) = bits.values()
        sizes = part_sizes(len(images), identity["split"])
        if min(sizes) < _FEWEST:
            raise UserError(
                f"{path}: data.split {identity['split']} of {len(images)} images gives {' / '.join(map(str, sizes))} "
                f"for {' / '.join(SPLITS)}; expected at least {_FEWEST} in each; add images or change the split"
            )
        indices = split(rng, np.zeros(len(images)), identity["split"])
        bits = {name: images[index] for name, index in zip(SPLITS, indices, strict=True)}
    _check_parts(bits, str(path))
    return Images(
        name=spec["dataset"],
        train=bits["train"],
        valid=bits["valid"],
        test=bits["test"],
        labels=None,
        meta={
            "source": path.name,
            "files": {path.name: {"SHA-256": identity["file_sha256"]}},
            "seed": identity.get("seed"),
            "binarisation": {
                "none": "already binary",
                "bernoulli": "bernoulli, grey",
                "threshold": f"grey >= {identity.get('threshold')}",
            }[identity["binarise"]],
            "split": f"random by seed, {identity['split']}" if "split" in identity else "as in the file",
        },
    )


def check(images: Images, where: str) -> Images:
    """The images that a user's own dataset made, checked as those of a file are.

    Args:
        where: what a message calls them.

    Raises:
        UserError: images of a wrong shape, type or range, too few of them, or labels of another number.
    """
    parts = {name: getattr(images, name) for name in SPLITS}
    for name, part in parts.items():
        if not isinstance(part, np.ndarray):
            raise UserError(f"{where}: {name} is {type(part).__name__}, expected an array (N, H, W) of 0 and 1")
    bits = {
        name: _binary(_shaped(part, f"{where}: {name}"), f"{where}: {name}", {"binarise": "none"}, generator(0))
        for name, part in parts.items()
    }
    _check_parts(bits, where)
    labels = {name: np.asarray(values) for name, values in (images.labels or {}).items()}
    for name, values in labels.items():
        if name not in SPLITS or values.shape != (len(bits[name]),):
            raise UserError(f"{where}: labels of {name!r} have shape {values.shape}, expected one for each image")
        if values.dtype.kind not in "iu" or values.min() < 0 or values.max() > LARGEST_LABEL:
            raise UserError(
                f"{where}: labels of {name!r} are {values.dtype} from {values.min()} to {values.max()}, expected whole "
                f"numbers from 0 to {LARGEST_LABEL}"
            )
    whole = {name: values.astype(np.int64) for name, values in labels.items()}
    return dataclasses.replace(
        images, train=bits["train"], valid=bits["valid"], test=bits["test"], labels=whole or None
    )


def _check_parts(bits: Mapping[str, NDArray[np.uint8]], where: str) -> None:
    """Refuse parts that are too small, of two sizes, or have nothing to model."""
    for name, part in bits.items():
        if len(part) < _FEWEST:
            raise UserError(f"{where}: array {name!r} has {len(part)} image(s); expected at least {_FEWEST}")
        if part.shape[1:] != bits["train"].shape[1:]:
            raise UserError(
                f"{where}: images of {name!r} are {part.shape[1]} x {part.shape[2]}, those of 'train' "
                f"{bits['train'].shape[1]} x {bits['train'].shape[2]}; expected one size"
            )
    if bits["train"].min() == bits["train"].max():
        raise UserError(
            f"{where}: every pixel of the training images is {bits['train'].max()} once binarised, so there is nothing "
            "to model; check the file, data.binarise and data.threshold"
        )


def seed(spec: Mapping[str, Any]) -> int:
    """The seed of `spec`: a whole number >= 0.

    Raises:
        UserError: it is missing or something else.
    """
    value = _need(spec, "seed", "a whole number >= 0")
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UserError(f"data.seed is {value!r}; expected a whole number >= 0")
    return value


def _need(spec: Mapping[str, Any], key: str, expected: str) -> Any:
    value = spec.get(key)
    if value is None:
        raise UserError(f"data.{key} is missing for the dataset {spec.get('dataset')!r}; expected {expected}")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _threshold(spec: Mapping[str, Any]) -> float:
    value = _need(spec, "threshold", "a number above 0 and up to 1, as a fraction of white")
    if not _is_number(value) or not 0 < value <= 1:
        raise UserError(f"data.threshold is {value!r}; expected a number above 0 and up to 1, as a fraction of white")
    return float(value)


def _fractions(spec: Mapping[str, Any]) -> list[float]:
    expected = "three numbers above 0 that sum to 1, for train, valid and test"
    value = _need(spec, "split", expected)
    if (
        not isinstance(value, list | tuple)
        or len(value) != 3
        or not all(_is_number(share) and share > 0 for share in value)
        or abs(sum(value) - 1) > 1e-6
    ):
        raise UserError(f"data.split is {value!r}; expected {expected}")
    return [float(share) for share in value]


def _path(spec: Mapping[str, Any]) -> Path:
    path = Path(spec["file"]).expanduser()
    if not path.exists():
        raise UserError(f"data.file {path} does not exist; expected an .npy or .npz file of images")
    if not path.is_file() or path.suffix not in (".npy", ".npz"):
        kind = "file of another type" if path.is_file() else "folder"
        raise UserError(f"data.file {path} is a {kind}; expected an .npy or .npz file of images")
    return path


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, size: int, changed: int) -> str:
    """SHA-256 of `path`, computed again only when its size or modification time differ."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _unreadable(path: Path, error: Exception) -> UserError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return UserError(f"data.file {path} cannot be read ({reason}); expected a whole {path.suffix} file without pickles")


# What NumPy and zipfile raise for files that are cut short, damaged, mislabelled or pickled.
_BROKEN = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError, MemoryError)


def _array_names(path: Path) -> tuple[str, ...]:
    """Names of the arrays to read: `SPLITS`, or a single one ('' in an .npy)."""
    if path.suffix == ".npy":
        return ("",)
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
    except _BROKEN as error:
        raise _unreadable(path, error) from None
    if set(SPLITS) <= set(names):
        return SPLITS
    if "images" in names:
        return ("images",)
    if len(names) == 1:
        return (names[0],)
    raise UserError(
        f"data.file {path} holds the arrays {', '.join(names) or '(none)'}; expected a single one, "
        "or one named images, or train, valid and test"
    )


def _arrays(path: Path) -> dict[str, tuple[NDArray, str]]:
    """Each array to read, with how to call it in a message."""
    names = _array_names(path)
    try:
        if path.suffix == ".npy":
            # open_memmap would let other things than arrays through; np.load tells them apart by their first bytes.
            return {"": (_array(np.load(path, allow_pickle=False)), f"data.file {path}")}
        with np.load(path, allow_pickle=False) as archive:
            return {name: (_array(archive[name]), f"data.file {path}, array {name!r},") for name in names}
    except _BROKEN as error:
        raise _unreadable(path, error) from None


def _array(loaded: Any) -> NDArray:
    if not isinstance(loaded, np.ndarray):
        raise ValueError("it is no NumPy array")
    return loaded


def _shaped(array: NDArray, where: str) -> NDArray:
    """`array` as (N, H, W), with H and W divisible by 4."""
    shape = array.shape
    if array.ndim == 2:
        side = math.isqrt(shape[1])
        if side * side != shape[1]:
            raise UserError(
                f"{where} has shape {shape}, and {shape[1]} pixels make no square image; save the array as (N, H, W)"
            )
        array = array.reshape(-1, side, side)
    elif array.ndim != 3:
        raise UserError(f"{where} has shape {shape}; expected (N, H, W), or (N, H*W) for square images")
    height, width = array.shape[1:]
    if height % 4 or width % 4 or not height or not width:
        larger = f"{max(4, -height // 4 * -4)} x {max(4, -width // 4 * -4)}"
        raise UserError(
            f"{where} has images of {height} x {width}; height and width must be divisible by 4; "
            f"pad them, for example to {larger}, or crop them"
        )
    if len(array) == 0:
        raise UserError(f"{where} has no images (shape {shape}); expected at least {_FEWEST} in each part")
    return array


def _binary(array: NDArray, where: str, identity: Mapping[str, Any], rng: np.random.Generator) -> NDArray[np.uint8]:
    """`array` (N, H, W) as 0 and 1, after checking type and range."""
    if array.dtype.kind not in "buif":
        raise UserError(
            f"{where} holds values of type {array.dtype}; expected 0 and 1, whole numbers 0..255, or fractions 0..1"
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        first = int((~np.isfinite(array)).any((1, 2)).argmax())
        raise UserError(f"{where} holds NaN or infinite values, the first in image {first} (counted from 0)")
    low, high = array.min(), array.max()
    binarise = identity["binarise"]
    if binarise == "none":
        if not ((array == 0) | (array == 1)).all():
            raise UserError(
                f"{where} holds other values than 0 and 1 (from {low:g} to {high:g}), but data.binarise is 'none'; "
                "for grey images set it to 'bernoulli' or 'threshold'"
            )
        return array.astype(np.uint8)
    whole = array.dtype.kind != "f"
    if low < 0 or high > (255 if whole else 1):
        expected = "whole numbers 0..255" if whole else "fractions 0..1 (divide by the largest grey level)"
        raise UserError(f"{where} holds {array.dtype} values from {low:g} to {high:g}; expected {expected}")
    if whole and high <= 1:
        raise UserError(
            f"{where} holds only 0 and 1, but data.binarise is {binarise!r} and whole numbers count as grey 0..255; "
            "set it to 'none'"
        )
    scale = 255.0 if whole else 1.0
    if binarise == "bernoulli":
        return bernoulli(rng, array, scale)
    return threshold(array, identity["threshold"], scale)
