"""A user's own folder of pictures, PNG or JPEG, read with Pillow.

The pictures stand straight in the folder, or in one sub-folder for each class, which then are their labels, or, for a
split of one's own, in sub-folders train, valid and test (or train and test) that are each of one of these two kinds.
Pixels are as the files hold them: nothing is scaled, turned or converted.
"""

import functools
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rdplane.data.arrays import SMALLEST
from rdplane.data.store import SPLITS
from rdplane.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Pictures", "digest", "find", "pixels", "read"]

_SUFFIXES = (".png", ".jpg", ".jpeg")
_OTHERS = (".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".heic", ".avif")  # pictures, but not read here
_VALID = ("valid", "val")
_PIXELS = {"1": "binary", "L": "grey", "RGB": "colour"}  # of Pillow's modes
_EXPECTED = (
    "PNG or JPEG pictures straight in it, or in one sub-folder for each class, or such folders named train, valid and "
    "test"
)
_PNG_DEPTH = 24  # the byte of a PNG with the bits of a sample; Pillow cuts colour of 16 bits to 8 in silence
_ORIENTATION = 0x0112  # the EXIF tag


@dataclass(frozen=True)
class Pictures:
    """What a folder holds.

    Attributes:
        files: part -> its pictures, in the order of their names. The parts are '' alone, train and test, or train,
            valid and test.
        classes: names of the classes of each part that has them, those of all parts together, sorted.
        labels: part -> the place in `classes` of each of its pictures.
    """

    files: dict[str, list[Path]]
    classes: list[str]
    labels: dict[str, list[int]]


def find(folder: Path) -> Pictures:
    """The pictures of a folder and how they are arranged; none is opened.

    Raises:
        UserError: there are none, or they are arranged in another way, or are of other types.
    """
    return _find(folder, _changed(folder))


@functools.lru_cache(maxsize=4)
def _find(folder: Path, changed: tuple[int, ...]) -> Pictures:
    """Looked for again only when a picture or a folder was added or removed."""
    parts = _parts(folder)
    listed = {part: _listed(place, folder) for part, place in parts.items()}
    classes = sorted({path.parent.name for _, paths, by_class in listed.values() if by_class for path in paths})
    number = {name: place for place, name in enumerate(classes)}
    files = {part: paths for part, (_, paths, _) in listed.items()}
    labels = {
        part: [number[path.parent.name] for path in paths] for part, (_, paths, by_class) in listed.items() if by_class
    }
    return Pictures(files, classes, labels)


def _changed(folder: Path) -> tuple[int, ...]:
    """When the folder, its sub-folders and theirs were changed last."""
    found, level = [], [folder]
    with _readable(folder):
        for _ in range(3):
            found += [path.stat().st_mtime_ns for path in level]
            level = [path / entry.name for path in level for entry in _entries(path) if entry.is_dir()]
    return tuple(found)


def digest(folder: Path) -> str:
    """SHA-256 over the name below the folder, and the content, of every picture.

    Raises:
        UserError: see `find`; or one cannot be read.
    """
    paths = [path for files in find(folder).files.values() for path in files]
    with _readable(folder):
        stamps = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in paths)
        return _digest(folder, stamps)


@functools.lru_cache(maxsize=4)
def _digest(folder: Path, stamps: tuple[tuple[Path, int, int], ...]) -> str:
    """Computed again only when a name, size or modification time differs."""
    found = hashlib.sha256()
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path, _, _ in stamps):
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        found.update(f"{content} {name}\n".encode(errors="surrogateescape"))
    return found.hexdigest()


def pixels(folder: Path) -> str:
    """What the first picture's pixels are, 'binary' (1 bit), 'grey' or 'colour'.

    Raises:
        UserError: see `find`; or it cannot be read, or has other pixels.
    """
    first = next(iter(find(folder).files.values()))[0]
    with _opened(first) as picture:
        return _PIXELS[picture.mode]


def read(folder: Path) -> tuple[dict[str, tuple[NDArray[np.uint8], str]], dict[str, NDArray[np.int64]], list[str]]:
    """Part -> images (N, H, W) or (N, H, W, 3) and how to call them in a message; part -> labels (N,); the classes.

    Raises:
        UserError: see `find`; or a picture cannot be read, or has other pixels or another size than the first.
    """
    found = find(folder)
    first = next(iter(found.files.values()))[0]
    with _opened(first) as picture:
        mode, (width, height) = picture.mode, picture.size
    if min(height, width) < SMALLEST:
        raise UserError(
            f"data.file {first} is {height} x {width}; expected at least {SMALLEST} pixels in height and width; "
            "pad or enlarge the pictures"
        )
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    images = {}
    for part, paths in found.files.items():
        array = np.empty((len(paths), *shape), np.uint8)
        for place, path in enumerate(paths):
            with _opened(path) as picture:
                if picture.size != (width, height):
                    raise UserError(
                        f"data.file {path} is {picture.height} x {picture.width}, {first} {height} x {width}; "
                        "expected one size; crop, pad or scale the pictures"
                    )
                if picture.mode != mode:
                    raise UserError(
                        f"data.file {path} is {_PIXELS[picture.mode]}, {first} {_PIXELS[mode]}; expected pictures of "
                        f"one kind; convert them with Pillow's image.convert({mode!r})"
                    )
                array[place] = np.asarray(picture)
        images[part] = (array, f"data.file {folder / _part_name(folder, part)}")
    labels = {part: np.array(values, np.int64) for part, values in found.labels.items()}
    return images, labels, found.classes


def _part_name(folder: Path, part: str) -> str:
    """The sub-folder of a part."""
    return _parts(folder)[part].relative_to(folder).as_posix() if part else ""


def _parts(folder: Path) -> dict[str, Path]:
    """Part -> its folder: sub-folders of these names are a split, if train and test are there."""
    if not ((folder / "train").is_dir() and (folder / "test").is_dir()):
        return {"": folder}
    names = {"train": "train", "valid": next((n for n in _VALID if (folder / n).is_dir()), ""), "test": "test"}
    with _readable(folder):
        beside = sorted(entry.name for entry in _entries(folder) if entry.name not in names.values())
        beside = [name for name in beside if (folder / name).is_dir() or _is_picture(folder / name)]
    if beside:
        raise UserError(
            f"data.file {folder} holds {beside[0]} beside the folders train and test; expected {_EXPECTED}; "
            "move it away, or into one of these"
        )
    return {part: folder / names[part] for part in SPLITS if names[part]}


def _listed(place: Path, folder: Path) -> tuple[Path, list[Path], bool]:
    """The pictures of one part, sorted, and whether they stand in one folder for each class."""
    with _readable(place):
        entries = _entries(place)
        straight = sorted(place / entry.name for entry in entries if not entry.is_dir() and _is_picture(entry))
        classes = sorted(place / entry.name for entry in entries if entry.is_dir())
        inside = [child / entry.name for child in classes for entry in _entries(child)]
        deep = next((path for path in inside if path.is_dir()), None)
        below = sorted(path for path in inside if _is_picture(path) and not path.is_dir())
    if straight and below:
        raise UserError(
            f"data.file {place} holds pictures straight in it ({straight[0].name}) and in sub-folders "
            f"({below[0].relative_to(place)}); expected {_EXPECTED}; move them so"
        )
    if deep is not None:
        raise UserError(f"data.file {folder} holds {deep}, a folder too deep; expected {_EXPECTED}; move its pictures")
    if not straight and not below:
        raise UserError(f"data.file {place} holds no pictures; expected {_EXPECTED}")
    return place, straight or below, not straight


def _entries(place: Path) -> list[os.DirEntry[str]]:
    """What a folder holds, hidden files aside."""
    with os.scandir(place) as entries:
        return [entry for entry in entries if not entry.name.startswith(".")]


def _is_picture(path: Path | os.DirEntry[str]) -> bool:
    ending = os.path.splitext(path.name)[1].lower()
    if ending in _OTHERS:
        raise UserError(f"data.file {os.fspath(path)} is a {ending} file; expected PNG or JPEG; convert it to PNG")
    return ending in _SUFFIXES


@contextmanager
def _opened(path: Path) -> "Iterator[Image]":
    """A picture whose pixels are read, of a mode in `_PIXELS`.

    Raises:
        UserError: it cannot be read, or has pixels of another kind.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with path.open("rb") as stream:
            deep = stream.read(_PNG_DEPTH + 1)[_PNG_DEPTH:] == b"\x10"
            stream.seek(0)
            with Image.open(stream, formats=("PNG", "JPEG")) as picture:
                _check_mode(path, picture, deep and picture.format == "PNG")
                if (turned := picture.getexif().get(_ORIENTATION, 1)) != 1:
                    raise UserError(
                        f"data.file {path} is stored turned (EXIF orientation {turned}); expected pixels as "
                        "they are to be seen; turn it with Pillow's ImageOps.exif_transpose(image)"
                    )
                picture.load()
                yield picture
    except UnidentifiedImageError:
        raise UserError(f"data.file {path} is no PNG or JPEG, or is damaged; replace it or move it away") from None
    # What Pillow raises for damaged files, and for those that would fill the memory.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise UserError(f"data.file {path} cannot be read ({error}); replace it or move it away") from None


def _check_mode(path: Path, picture: "Image", deep: bool) -> None:
    mode = picture.mode
    if deep or mode.startswith("I") or mode == "F":
        found, mend = "has 16 bits", "divide its values by 257, round, and save them with 8 bits"
    elif mode in ("P", "PA"):
        found, mend = "has a palette", "convert it with Pillow's image.convert('RGB'), or 'L' for grey"
    elif mode in ("RGBA", "LA", "RGBa", "La") or "transparency" in picture.info:
        to = "'L'" if mode[0] == "L" else "'RGB'"
        found, mend = "has an alpha channel", f"drop it with Pillow's image.convert({to})"
    elif mode not in _PIXELS:
        found, mend = f"has pixels of another kind ({mode})", "convert it with Pillow's image.convert('RGB')"
    else:
        return
    raise UserError(f"data.file {path} {found}; expected 1 bit, grey of 8 bits or colour of 3 x 8 bits; {mend}")


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"data.file {folder} cannot be read ({error.strerror}); expected {_EXPECTED}") from None
