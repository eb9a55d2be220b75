"""A user's own images: a file of arrays or a folder of pictures, checked, and binarised and split as declared.

What is read how stands in `own_file` and `own_folder`, which shapes and values are images in `arrays`. The data say
what they are: 0 and 1 are binary images, other values grey or colour of 8 bits. Grey is made binary on request.
"""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rdplane.data import arrays, own_file, own_folder
from rdplane.data.arrangement import ONE
from rdplane.data.binarise import bernoulli, generator, part_sizes, split, threshold
from rdplane.data.store import SPLITS, Images
from rdplane.errors import UserError

__all__ = ["BINARISE", "check", "identify", "labelled", "pixels", "read", "seed"]

BINARISE = ("none", "bernoulli", "threshold")
LARGEST_LABEL = 2**16 - 1  # as the prepared file stores them
# The standard error of a part's mean needs two images.
_FEWEST = 2
_SOURCES = f"a file of images ({', '.join(own_file.SUFFIXES)}) or a folder of PNG or JPEG pictures"
_KEPT = {"binary": "already binary", "grey": "none: grey of 8 bits", "colour": "none: colour of 3 x 8 bits"}


def identify(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What decides the content of the prepared file: the images' SHA-256 and those settings that matter with them.

    Raises:
        UserError: the images are missing or unreadable, or a setting that matters is missing or wrong.
    """
    path = _path(spec)
    binarise = _binarise(spec)
    if path.is_dir():
        identity: dict[str, Any] = {"dataset": spec["dataset"], "folder_sha256": own_folder.digest(path)}
    else:
        identity = {"dataset": spec["dataset"], "file_sha256": own_file.digest(path)}
    identity["binarise"] = binarise
    if binarise == "threshold":
        identity["threshold"] = _threshold(spec)
    parts, with_labels = _arranged(path)
    whole = set(parts) == set(SPLITS)
    if not whole:
        identity["split"] = _fractions(spec)
    if not whole or binarise == "bernoulli":
        identity["seed"] = seed(spec)
    kind = pixels(spec)
    if kind != "binary":
        identity["pixels"] = kind
    if with_labels:
        identity["labels"] = True
    return identity


def pixels(spec: Mapping[str, Any]) -> str:
    """What the pixels of the prepared images will be, 'binary', 'grey' or 'colour', from a look at `spec['file']`.

    Raises:
        UserError: the images are missing or unreadable, or are colour and to be binarised.
    """
    path, binarise = _path(spec), _binarise(spec)
    found = own_folder.pixels(path) if path.is_dir() else own_file.pixels(path)
    if binarise == "none":
        return found
    if found == "colour":
        raise UserError(
            f"data.binarise is {binarise!r}, but data.file {path} holds colour; expected grey; set it to 'none' to "
            "keep colour, or make the images grey"
        )
    return "binary"


def labelled(spec: Mapping[str, Any]) -> bool:
    """Whether `spec['file']` has labels.

    Raises:
        UserError: the images are missing or unreadable.
    """
    return _arranged(_path(spec))[1]


def _arranged(path: Path) -> tuple[tuple[str, ...], bool]:
    """The parts that a file or folder has, and whether it has labels."""
    if path.is_dir():
        found = own_folder.find(path)
        return tuple(found.files), bool(found.labels)
    arrangement = own_file.arrangement(path)
    return tuple(arrangement.images), bool(arrangement.labels)


def read(spec: Mapping[str, Any]) -> Images:
    """The images of `spec['file']`, binarised and split as `spec` says, with the labels that are there.

    Raises:
        UserError: whatever `identify` raises, or images of a wrong shape, type or range, or too few of them; or labels
            that do not fit them.
    """
    identity = identify(spec)
    path = _path(spec)
    rng = generator(identity.get("seed", 0))
    classes: list[str] = []
    if path.is_dir():
        found, numbers, classes = own_folder.read(path)
        labels = dict(numbers)
    else:
        found, named = own_file.read(path)
        labels = {part: _labels(values, len(found[part][0]), where) for part, (values, where) in named.items()}
    # Each array is let go of once it is turned into images, so that two copies of a large set never become three.
    images = {}
    for part in list(found):
        array, where = found.pop(part)
        array = arrays.shaped(array, where)
        # A grey picture may happen to be black alone; an array of 0 and 1 is binary.
        kind = own_folder.pixels(path) if path.is_dir() else arrays.kind(array)
        images[part] = _prepared(array, where, kind, identity, rng)
        del array
    if "split" in identity:
        _divide(images, labels, identity["split"], rng, str(path))
    _check_parts(images, str(path), "" if identity["binarise"] == "none" else " once binarised")
    kind = identity.get("pixels", "binary")
    return Images(
        name=spec["dataset"],
        train=images["train"],
        valid=images["valid"],
        test=images["test"],
        labels=labels or None,
        meta={
            "source": path.name,
            "files": {path.name: {"SHA-256": identity.get("file_sha256") or identity["folder_sha256"]}},
            "seed": identity.get("seed"),
            "binarisation": {
                "none": _KEPT[kind],
                "bernoulli": "bernoulli, grey",
                "threshold": f"grey >= {identity.get('threshold')}",
            }[identity["binarise"]],
            "split": f"random by seed, {identity['split']}" if "split" in identity else "as in the file",
        }
        | ({"classes": classes} if classes else {}),
        pixels=kind,
    )


def _divide(
    images: dict[str, NDArray], labels: dict[str, NDArray], fractions: list[float], rng: np.random.Generator, where: str
) -> None:
    """Split what is whole in three, or train in two where test has a part of its own, in place."""
    (whole,) = ONE if "" in images else ("train",)
    shares = fractions if whole == "" else [share / sum(fractions[:2]) for share in fractions[:2]] + [0.0]
    names = SPLITS if whole == "" else SPLITS[:2]
    count = len(images[whole])
    sizes = part_sizes(count, shares)[: len(names)]
    if min(sizes) < _FEWEST:
        raise UserError(
            f"{where}: data.split {fractions} of {count} images gives {' / '.join(map(str, sizes))} "
            f"for {' / '.join(names)}; expected at least {_FEWEST} in each; add images or change the split"
        )
    indices = split(rng, np.zeros(count), shares)
    for parts in (images, labels):
        if whole in parts:
            all_of_it = parts.pop(whole)
            parts |= {name: all_of_it[index] for name, index in zip(names, indices, strict=False)}


def check(images: Images, where: str, pixels: str = "binary") -> Images:
    """The images that a user's own dataset made, checked as those of a file are.

    Args:
        where: what a message calls them.
        pixels: what they are declared to be, 'binary', 'grey' or 'colour'.

    Raises:
        UserError: images of a wrong shape, type or range, too few of them, or labels of another number.
    """
    expected = {"binary": "(N, H, W) of 0 and 1", "grey": "(N, H, W) of 0..255", "colour": "(N, H, W, 3) of 0..255"}
    if images.pixels not in ("binary", pixels):
        raise UserError(
            f"{where}: its images are {images.pixels}, but it is declared {pixels}; "
            f"say pixels={images.pixels!r} in its Dataset, or make {pixels} images"
        )
    made = {}
    for name in SPLITS:
        part = getattr(images, name)
        if not isinstance(part, np.ndarray):
            raise UserError(f"{where}: {name} is {type(part).__name__}, expected an array {expected[pixels]}")
        made[name] = _declared(arrays.shaped(part, f"{where}: {name}"), f"{where}: {name}", pixels, expected[pixels])
    _check_parts(made, where)
    labels = {}
    for name, values in (images.labels or {}).items():
        if name not in SPLITS:
            raise UserError(f"{where}: labels of {name!r}, expected labels of {', '.join(SPLITS)}")
        labels[name] = _labels(np.asarray(values), len(made[name]), f"{where}: labels of {name!r}")
    return dataclasses.replace(
        images, train=made["train"], valid=made["valid"], test=made["test"], labels=labels or None, pixels=pixels
    )


def _declared(array: NDArray, where: str, pixels: str, expected: str) -> NDArray[np.uint8]:
    """Images of a dataset that declares what they are."""
    low, high = arrays.check_values(array, where)
    if (array.ndim == 4) != (pixels == "colour"):
        raise UserError(f"{where} has shape {array.shape}, but it is declared {pixels}; expected {expected}")
    if pixels != "binary":
        return arrays.bytes_of(array, where)
    if arrays.kind(array) != "binary":
        raise UserError(
            f"{where} holds other values than 0 and 1 (from {low:g} to {high:g}), but it is declared binary; "
            "for grey images say pixels='grey' in its Dataset"
        )
    return array.astype(np.uint8)


def _labels(values: NDArray, count: int, where: str) -> NDArray[np.int64]:
    """Labels (count,), checked; a column, as Keras has them, is laid down."""
    if values.shape not in ((count,), (count, 1)):
        raise UserError(f"{where} have shape {values.shape}, expected one for each image, ({count},)")
    if values.dtype.kind not in "iub" or values.min() < 0 or values.max() > LARGEST_LABEL:
        between = f" from {values.min()} to {values.max()}" if values.dtype.kind in "iuf" else ""
        raise UserError(
            f"{where} are {values.dtype}{between}, expected whole numbers from 0 to {LARGEST_LABEL}; "
            "number the classes from 0"
        )
    return values.reshape(count).astype(np.int64)


def _prepared(
    array: NDArray, where: str, kind: str, identity: Mapping[str, Any], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """One part as it is stored, after checking type and range.

    Args:
        kind: what its pixels are before they are binarised.
    """
    low, high = arrays.check_values(array, where)
    binarise, expected = identity["binarise"], identity.get("pixels", "binary")
    if binarise == "none":
        if kind != expected:
            raise UserError(
                f"{where} is {kind} (values from {low:g} to {high:g}), but the first part is {expected}; "
                "expected one kind of pixels in every part"
            )
        return array.astype(np.uint8) if kind == "binary" else arrays.bytes_of(array, where)
    whole = array.dtype.kind != "f"
    if low < 0 or high > (255 if whole else 1):
        wanted = "whole numbers 0..255" if whole else "fractions 0..1 (divide by the largest grey level)"
        raise UserError(f"{where} holds {array.dtype} values from {low:g} to {high:g}; expected {wanted}")
    if whole and high <= 1:
        raise UserError(
            f"{where} holds only 0 and 1, but data.binarise is {binarise!r} and whole numbers count as grey 0..255; "
            "set it to 'none'"
        )
    scale = 255.0 if whole else 1.0
    if binarise == "bernoulli":
        return bernoulli(rng, array, scale)
    return threshold(array, identity["threshold"], scale)


def _check_parts(images: Mapping[str, NDArray[np.uint8]], where: str, made: str = "") -> None:
    """Refuse parts that are too small, of two sizes, or have nothing to model.

    Args:
        made: how the pixels came about, ' once binarised' or ''.
    """
    for name, part in images.items():
        if len(part) < _FEWEST:
            raise UserError(f"{where}: array {name!r} has {len(part)} image(s); expected at least {_FEWEST}")
        if part.shape[1:] != images["train"].shape[1:]:
            raise UserError(
                f"{where}: images of {name!r} are {_size(part)}, those of 'train' {_size(images['train'])}; "
                "expected one size"
            )
    if images["train"].min() == images["train"].max():
        settings = ", data.binarise and data.threshold" if made else ""
        raise UserError(
            f"{where}: every pixel of the training images is {images['train'].max()}{made}, so there is nothing "
            f"to model; check the file{settings}"
        )


def _size(part: NDArray) -> str:
    return f"{part.shape[1]} x {part.shape[2]}" + (" in colour" if part.ndim == 4 else "")


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


def _binarise(spec: Mapping[str, Any]) -> str:
    value = _need(spec, "binarise", f"one of {', '.join(BINARISE)}")
    if value not in BINARISE:
        raise UserError(f"data.binarise is {value!r}; expected one of {', '.join(BINARISE)}")
    return str(value)


def _path(spec: Mapping[str, Any]) -> Path:
    path = Path(spec["file"]).expanduser()
    if not path.exists():
        raise UserError(f"data.file {path} does not exist; expected {_SOURCES}")
    if not path.is_dir() and path.suffix not in own_file.SUFFIXES:
        raise UserError(f"data.file {path} is a file of another type; expected {_SOURCES}")
    return path
