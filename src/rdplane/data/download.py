"""Upstream files: from the cache, a mirror or their address, believed only once their checksum agrees.

Only the mirror and the upstream address are contacted (and where they redirect to). A file is held in memory
until it is verified, so a broken download never reaches the disk.
"""

import gzip
import hashlib
import http.client
import os
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rdplane.errors import UserError
from rdplane.files import atomic

__all__ = ["MIRROR_VARIABLE", "Checksum", "fetch"]

MIRROR_VARIABLE = "RDPLANE_MIRROR"
_SETTING = f"data.mirror in config.yaml (or {MIRROR_VARIABLE})"
_REMEDY = f"name a folder or address that holds it in {_SETTING}"
_CHUNK = 1 << 16
_LONGEST_PAUSE = 60.0  # seconds between two tries, however many are asked for
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Checksum:
    """What a file's content must be; uncompressed, unless its own name ends in ``.gz``.

    Attributes:
        kind: 'SHA-256' or 'MD5' of the content, or 'git blob id': SHA-1 of ``b"blob %d\\0" % size + content``. MD5
            tells damage, not a forgery: only for files of which upstream publishes nothing better.
        digest: in hexadecimal.
        size: in bytes, where it is known.
    """

    kind: str
    digest: str
    size: int | None = None

    def of(self, content: bytes) -> str:
        """This kind of checksum of `content`."""
        if self.kind == "SHA-256":
            return hashlib.sha256(content).hexdigest()
        if self.kind == "MD5":
            return hashlib.md5(content, usedforsecurity=False).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()

    def __str__(self) -> str:
        return f"{self.kind} {self.digest}" + (f" ({self.size:,} bytes)" if self.size is not None else "")


class _Absent(Exception):
    """The file is not there: no use in trying again."""


class _Unreachable(Exception):
    """The file did not come this time: worth another try."""


def fetch(
    name: str,
    url: str | None,
    cache: Path,
    check: Checksum,
    mirror: str | None = None,
    timeout: float = 30,
    retries: int = 3,
    pause: float = 1,
) -> bytes:
    """The verified content of the upstream file `name`; uncompressed, unless its own name ends in ``.gz``.

    Tried in this order: `cache` / `name`; the mirror; `url`. A mirror is a folder (the file in it or in a direct
    subfolder) or an http(s) address (`mirror`/`name`), each plain or with ``.gz`` appended. What was downloaded
    is kept in `cache`, as it is returned; a mirror folder is read in place. A mirror that lacks the file or does not
    answer is passed over with a note on stderr; a file that is there but wrong is an error, wherever it is.

    Args:
        url: upstream address; None if the file has none and comes from a mirror only.
        mirror: None means the environment variable RDPLANE_MIRROR, if set.
        timeout: seconds without an answer before a try is given up.
        retries: further tries after the first, for what may pass: no answer, a cut connection, a busy server.
        pause: seconds before the first further try, doubled each time up to a minute.

    Raises:
        UserError: no source has the file, its checksum is wrong, or it cannot be written to `cache`.
    """
    kept = cache / name
    if kept.is_file():
        content = _read_file(kept, name, check)
        if check.of(content) == check.digest:
            return content
        _note(f"{kept} is not {check}; fetching it again")
    failures: list[str] = []
    mirror = mirror or os.environ.get(MIRROR_VARIABLE) or None
    if mirror is not None and not mirror.startswith(("http://", "https://")):
        found = _in_folder(name, mirror)
        if found is not None:
            return _verified(_read_file(found, name, check), name, str(found), check)
        failures.append(f"the mirror folder {mirror} holds neither {name} nor {name}.gz, also not one folder down")
    elif mirror is not None:
        addresses = [f"{mirror.rstrip('/')}/{name}{ending}" for ending in ("", ".gz")]
        content_or_none = _from_addresses(addresses, name, check, timeout, retries, pause, failures)
        if content_or_none is not None:
            return _keep(kept, name, content_or_none, check)
    if url is None:
        failures.append("it has no upstream address, a mirror is the only source")
    else:
        for failure in failures:
            _note(f"{name}: {failure}; trying upstream")
        content_or_none = _from_addresses([url], name, check, timeout, retries, pause, failures)
        if content_or_none is not None:
            return _keep(kept, name, content_or_none, check)
    raise UserError(f"{name} cannot be fetched: expected {check}; found: {'; '.join(failures)}. To mend it, {_REMEDY}")


def _in_folder(name: str, mirror: str) -> Path | None:
    if "://" in mirror:
        raise UserError(f"{_SETTING} is {mirror!r}; expected a folder, or an address that begins http:// or https://")
    folder = Path(mirror).expanduser()
    if not folder.is_dir():
        raise UserError(f"{name}: {_SETTING} names {mirror!r}, which is no folder; expected a folder or an address")
    try:
        folders = [folder, *sorted(child for child in folder.iterdir() if child.is_dir())]
    except OSError as error:
        raise UserError(f"{name}: {_SETTING} names {mirror!r}, which cannot be read: {error.strerror}") from None
    candidates = [place / f"{name}{ending}" for place in folders for ending in ("", ".gz")]
    return next((path for path in candidates if path.is_file()), None)


def _read_file(path: Path, name: str, check: Checksum) -> bytes:
    try:
        return _plain(path.read_bytes(), name)
    except OSError as error:
        reason = error.strerror or str(error)
    except _Unreachable as error:
        reason = str(error)
    raise UserError(f"{name} from {path}: expected {check}; found: {reason}. Replace it, or {_REMEDY}")


def _from_addresses(
    addresses: list[str], name: str, check: Checksum, timeout: float, retries: int, pause: float, failures: list[str]
) -> bytes | None:
    """Verified content from the first address that has it; None, and the reasons in `failures`, if none has."""
    for address in addresses:
        for attempt in range(retries + 1):
            try:
                return _verified(_download(address, name, check, timeout), name, address, check)
            except _Absent as error:
                failures.append(f"{address}: {error}")
                break
            except _Unreachable as error:
                if attempt == retries:
                    tries = f"{retries + 1} tries" if retries else "1 try"
                    failures.append(f"{address}: {error} ({tries})")
                    return None
                wait = min(pause * 2**attempt, _LONGEST_PAUSE)
                _note(f"{name}: {error}; trying again in {wait:g} s ({retries - attempt} left)")
                time.sleep(wait)
    return None


def _download(address: str, name: str, check: Checksum, timeout: float) -> bytes:
    """The content at `address`, of the full length."""
    content = _plain(b"".join(_chunks(address, name, timeout)), name)
    if check.size is not None and len(content) < check.size:
        raise _Unreachable(f"cut short, {len(content):,} of {check.size:,} bytes")
    return content


def _chunks(address: str, name: str, timeout: float) -> Iterator[bytes]:
    try:
        request = urllib.request.Request(address, headers={"User-Agent": "rdplane"})
        with urllib.request.urlopen(request, timeout=timeout) as response:
            length = int(response.headers.get("Content-Length") or 0)
            progress = _Progress(name, length)
            try:
                while chunk := response.read(_CHUNK):
                    progress.add(len(chunk))
                    yield chunk
            finally:
                progress.end()
    except urllib.error.HTTPError as error:
        passing = error.code >= 500 or error.code in (408, 429)
        raise (_Unreachable if passing else _Absent)(f"HTTP {error.code} {error.reason}") from None
    except TimeoutError:
        raise _Unreachable(f"no answer for {timeout:g} s") from None
    except (OSError, http.client.HTTPException) as error:
        cause = getattr(error, "reason", error)
        if isinstance(cause, TimeoutError):
            raise _Unreachable(f"no answer for {timeout:g} s") from None
        raise _Unreachable(getattr(cause, "strerror", None) or str(cause) or type(cause).__name__) from None
    except (ValueError, OverflowError) as error:  # an address or a timeout that the library does not take
        raise _Absent(str(error)) from None
    if progress.done < length:
        raise _Unreachable(f"cut short, {progress.done:,} of {length:,} bytes")


def _plain(content: bytes, name: str) -> bytes:
    """`content`, decompressed if it is a gzip file; that of an ``x.gz`` is checked compressed."""
    if name.endswith(".gz") or not content.startswith(_GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error):
        raise _Unreachable(f"a gzip file that is cut short or damaged ({len(content):,} bytes)") from None


def _verified(content: bytes, name: str, source: str, check: Checksum) -> bytes:
    found = check.of(content)
    if found != check.digest:
        raise UserError(
            f"{name} from {source}: wrong checksum: expected {check}; found {check.kind} {found} "
            f"({len(content):,} bytes); nothing was kept. To mend it, {_REMEDY}"
        )
    return content


def _keep(path: Path, name: str, content: bytes, check: Checksum) -> bytes:
    try:
        with atomic(path) as stream:
            stream.write(content)
    except UserError as error:
        raise UserError(
            f"{name} ({len(content):,} bytes, {check.kind} as expected) could not be kept: {error}; "
            f"or, to keep no copy, name a folder that holds it in {_SETTING}"
        ) from error
    return content


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class _Progress:
    """One line of progress on stderr: rewritten in place on a terminal, a line every 10 % elsewhere.

    Args:
        name: what is being downloaded.
        total: bytes; 0 if the server did not say, then a line elsewhere comes every 10 MB.
    """

    def __init__(self, name: str, total: int):
        self.name, self.total, self.done = name, total, 0
        self._stream: TextIO = sys.stderr
        self._terminal = self._stream.isatty()
        self._start = time.monotonic()
        self._shown = 0.0

    def add(self, count: int) -> None:
        """Count `count` more bytes and show them if it is time to."""
        before, self.done = self.done, self.done + count
        now = time.monotonic()
        if self._terminal:
            if now - self._shown >= 0.1:
                self._shown = now
                self._stream.write(f"\r{self._line(now)}\x1b[K")
                self._stream.flush()
        elif self._tenths(self.done) > self._tenths(before):
            self._stream.write(f"{self._line(now)}\n")
            self._stream.flush()

    def end(self) -> None:
        """Leave the finished line behind."""
        if self._terminal:
            self._stream.write(f"\r{self._line(time.monotonic())}\x1b[K\n")
            self._stream.flush()

    def _tenths(self, done: int) -> int:
        return 10 * done // self.total if self.total else done // 10_000_000

    def _line(self, now: float) -> str:
        share = f"{100 * self.done // self.total:3d} %  " if self.total else ""
        total = f" of {self.total / 1e6:.1f}" if self.total else ""
        speed = self.done / 1e6 / max(now - self._start, 1e-3)
        return f"{self.name}  {share}{self.done / 1e6:.1f}{total} MB  {speed:.1f} MB/s"
