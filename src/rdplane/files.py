"""Files that appear whole or not at all, and one spelling of JSON."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from rdplane.errors import UserError

__all__ = ["atomic", "canonical_json", "digest", "publish", "read_json", "sha256", "write_json", "write_text"]


@contextlib.contextmanager
def atomic(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open `path` for writing, and for reading what was written, so that it is replaced only when all is on the disk.

    The bytes go to a temporary file in the same folder, which is flushed, synced and renamed at the end;
    any exception removes it and leaves an older `path` as it was.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "w+b") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~UMASK)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            raise UserError(
                f"cannot write {path}: {reason}; nothing was left half-written. "
                "Free some space or make the folder writable, then run the same command again"
            ) from error
        raise


UMASK = os.umask(0)  # can only be read by setting it: done once, before there is a second thread
os.umask(UMASK)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` as UTF-8, whole or not at all (see `atomic`)."""
    with atomic(path) as stream:
        stream.write(text.encode())


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as indented JSON with sorted keys, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def publish(kept: Path, target: Path) -> None:
    """Give a finished file its place as well, dated now; a hard link, so that the one that is kept costs no space.

    Raises:
        UserError: the folder cannot be written or the disk is full.
    """
    if target.exists() and target.samefile(kept):
        return
    part = target.parent / f".{target.name}.part"
    try:
        part.unlink(missing_ok=True)
        os.link(kept, part)
        os.replace(part, target)
        os.utime(target)
    except OSError:  # a file system without hard links
        with atomic(target) as stream, kept.open("rb") as file:
            shutil.copyfileobj(file, stream)


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read JSON from `path`.

    Raises:
        UserError: the file is missing, unreadable or not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; run the step that makes it first") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # the latter from brackets nested a thousand deep
        raise UserError(f"{path} is not valid JSON ({error}); delete it and run the step that makes it again") from None


def canonical_json(value: Any) -> str:
    """The one spelling of a JSON value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any, length: int = 8) -> str:
    """First `length` hexadecimal digits of the SHA-256 of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]


def sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
