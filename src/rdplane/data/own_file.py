"""A user's own file of arrays: .npy, .npz, or PyTorch's .pt and .pth. Nothing in it is run."""

import functools
import hashlib
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rdplane.data import arrays
from rdplane.data.arrangement import Arrangement, arrange
from rdplane.errors import UserError

__all__ = ["SUFFIXES", "arrangement", "digest", "pixels", "read"]

_TORCH = (".pt", ".pth")
SUFFIXES = (".npy", ".npz", *_TORCH)

# What NumPy, zipfile and PyTorch raise for files that are cut short, damaged, mislabelled or pickled.
_BROKEN = (
    OSError, ValueError, EOFError, KeyError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error,
    NotImplementedError, MemoryError,
)  # fmt: skip


def digest(path: Path) -> str:
    """SHA-256 of the file.

    Raises:
        UserError: it cannot be read.
    """
    with _explained(path):
        return _sha256(path, *_stamp(path))


def arrangement(path: Path) -> Arrangement:
    """Which of its arrays are images and labels.

    Raises:
        UserError: it cannot be read, or does not say.
    """
    with _explained(path):
        return _arrangement(path, *_stamp(path))


def pixels(path: Path) -> str:
    """What its images are, 'binary', 'grey' or 'colour', from a look at the first part (see `arrays.kind`).

    Raises:
        UserError: it cannot be read, or has a shape that is none of images.
    """
    with _explained(path):
        return _pixels(path, *_stamp(path))


def read(path: Path) -> tuple[dict[str, tuple[NDArray, str]], dict[str, tuple[NDArray, str]]]:
    """Images and labels: part -> array as it is in the file, and how to call it in a message.

    Raises:
        UserError: it cannot be read.
    """
    found = arrangement(path)
    with _explained(path), _opened(path) as array:
        return tuple(
            {part: (array(name), _called(path, name)) for part, name in named.items()}
            for named in (found.images, found.labels)
        )  # type: ignore[return-value]


def _called(path: Path, name: str) -> str:
    return f"data.file {path}, array {name!r}," if name else f"data.file {path}"


def _stamp(path: Path) -> tuple[int, int]:
    """A file is looked at again only when its size or modification time differ."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@functools.lru_cache(maxsize=64)
def _arrangement(path: Path, size: int, changed: int) -> Arrangement:
    where = f"data.file {path}"
    if path.suffix == ".npy":
        return arrange([""], where)
    if path.suffix == ".npz":
        with zipfile.ZipFile(path) as archive:
            return arrange([name.removesuffix(".npy") for name in archive.namelist()], where)
    return arrange(_tensors(path), where)


@functools.lru_cache(maxsize=64)
def _pixels(path: Path, size: int, changed: int) -> str:
    name = next(iter(_arrangement(path, size, changed).images.values()))
    where = _called(path, name)
    if path.suffix == ".npz":
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
            shape, pieces = _streamed(stream)
            if len(arrays.sized(shape, where)[0]) == 4:
                return "colour"
            return "binary" if all(map(arrays.is_binary, pieces)) else "grey"
    with _opened(path, mapped=True) as array:
        return arrays.kind(arrays.shaped(array(name), where))


def _streamed(stream: Any) -> tuple[tuple[int, ...], Iterator[NDArray]]:
    """Shape of an array in an archive, and its values piece by piece, so that it never lies in memory."""
    version = np.lib.format.read_magic(stream)
    reads = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in reads:
        raise ValueError(f"its NumPy format {version} is unknown")
    shape, _, dtype = reads[version](stream)
    if dtype.hasobject:
        raise ValueError("Object arrays cannot be loaded when allow_pickle=False")

    def pieces() -> Iterator[NDArray]:
        while content := stream.read((1 << 16) * max(dtype.itemsize, 1)):
            yield np.frombuffer(content, dtype)

    return shape, pieces()


@contextmanager
def _opened(path: Path, mapped: bool = False) -> Iterator[Callable[[str], NDArray]]:
    """A function that gives the array of a name.

    Args:
        mapped: leave an .npy or .pt on the disk as far as it is not looked at.
    """
    if path.suffix in _TORCH:
        tensors = _tensors(path)
        yield lambda name: _array(tensors[name])
        return
    # open_memmap would let other things than arrays through; np.load tells them apart by their first bytes.
    loaded = np.load(path, mmap_mode="r" if mapped and path.suffix == ".npy" else None, allow_pickle=False)
    if path.suffix == ".npy":
        yield lambda name: _array(loaded)
        return
    with loaded as archive:
        yield lambda name: _array(archive[name])


def _array(loaded: Any) -> NDArray:
    if hasattr(loaded, "detach"):  # a tensor
        try:
            loaded = loaded.detach().numpy()
        except (TypeError, RuntimeError):
            raise ValueError(f"NumPy has no array like a tensor of {loaded.dtype}, {loaded.layout}") from None
    if not isinstance(loaded, np.ndarray):
        raise ValueError("it is no NumPy array")
    return loaded


def _tensors(path: Path) -> Mapping[str, Any]:
    """Name -> tensor of a .pt: a tensor is called '', the two of a pair (images, labels) are called so."""
    import torch  # nothing else here needs it

    # weights_only: tensors and plain containers, and no code; mmap: what is not looked at stays on the disk.
    loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    if isinstance(loaded, torch.Tensor):
        return {"": loaded}
    if isinstance(loaded, tuple | list) and len(loaded) == 2:
        loaded = dict(zip(("images", "labels"), loaded, strict=True))
    if isinstance(loaded, Mapping):
        found = {str(name): value for name, value in loaded.items() if isinstance(value, torch.Tensor)}
        if found:
            return found
    raise ValueError("it holds no tensor, no pair (images, labels), and no dictionary of tensors")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if not isinstance(error, _BROKEN) and path.suffix not in _TORCH:  # its reader may raise anything
            raise
        if isinstance(error, UnpicklingError):
            error = ValueError("it holds other things than tensors")
        reason = getattr(error, "strerror", None) or str(error).strip().split("\n")[0] or type(error).__name__
        raise UserError(
            f"data.file {path} cannot be read ({reason}); expected a whole {path.suffix} file without pickles"
        ) from None
