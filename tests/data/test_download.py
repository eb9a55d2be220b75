"""Every way in which a file can fail to arrive ends in one line; nothing is ever kept half-written."""

import errno
import gzip
import hashlib
import os
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from local_server import reply

from rdplane.data.download import Checksum, fetch
from rdplane.errors import UserError

NAME = "images.amat"
CONTENT = b"0 1 1 0\n" * 5000
GOOD = Checksum("SHA-256", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
SETTING = "data.mirror in config.yaml (or RDPLANE_MIRROR)"


@pytest.fixture
def get(tmp_path: Path) -> Callable[..., bytes]:
    def call(url: str | None, check: Checksum = GOOD, **options: object) -> bytes:
        return fetch(NAME, url, tmp_path / "raw", check, **{"timeout": 5, "retries": 0, "pause": 0, **options})

    return call


def kept(tmp_path: Path) -> list[str]:
    return sorted(os.listdir(tmp_path / "raw")) if (tmp_path / "raw").exists() else []


def failure(call: Callable[[], bytes]) -> str:
    """The message of the UserError that `call` raises: one line that names the file and the mirror setting."""
    with pytest.raises(UserError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and NAME in message and SETTING in message
    return message


def test_download_is_verified_and_kept(server, get, tmp_path):
    server.answers[f"/{NAME}"] = [reply(CONTENT)]
    assert get(f"{server.address}/{NAME}") == CONTENT
    assert kept(tmp_path) == [NAME]
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT


def test_kept_file_is_not_downloaded_again(server, get):
    server.answers[f"/{NAME}"] = [reply(CONTENT)]
    get(f"{server.address}/{NAME}")
    assert get(f"{server.address}/{NAME}") == CONTENT
    assert server.requests == [f"/{NAME}"]


def test_damaged_kept_file_is_downloaded_again(server, get, tmp_path):
    server.answers[f"/{NAME}"] = [reply(CONTENT)]
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / NAME).write_bytes(CONTENT[:-1])
    assert get(f"{server.address}/{NAME}") == CONTENT
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT


def test_git_blob_id_is_the_one_git_computes(get, tmp_path):
    # `git hash-object` of a file that holds "hello\n"
    check = Checksum("git blob id", "ce013625030ba8dba906f756967f9e9ca394464a")
    (tmp_path / NAME).write_bytes(b"hello\n")
    assert get(None, check, mirror=str(tmp_path)) == b"hello\n"


def test_md5_is_the_one_that_upstreams_publish(get, tmp_path):
    # `md5sum` of a file that holds "hello\n"
    (tmp_path / NAME).write_bytes(b"hello\n")
    assert get(None, Checksum("MD5", "b1946ac92492d2347c6235b4d2611184"), mirror=str(tmp_path)) == b"hello\n"


@pytest.mark.parametrize("from_folder", [True, False])
def test_a_file_that_is_compressed_by_name_is_checked_and_kept_so(server, tmp_path, from_folder):
    packed = gzip.compress(CONTENT)
    check = Checksum("MD5", hashlib.md5(packed).hexdigest(), len(packed))
    (tmp_path / "images.gz").write_bytes(packed)
    server.answers["/images.gz"] = [reply(packed)]
    mirror = str(tmp_path) if from_folder else server.address
    assert fetch("images.gz", None, tmp_path / "raw", check, mirror=mirror, retries=0) == packed
    if not from_folder:
        assert (tmp_path / "raw" / "images.gz").read_bytes() == packed
        assert fetch("images.gz", None, tmp_path / "raw", check, mirror="nowhere") == packed


def test_wrong_checksum(server, get, tmp_path):
    other = b"x" * len(CONTENT)
    server.answers[f"/{NAME}"] = [reply(other)]
    address = f"{server.address}/{NAME}"
    assert failure(lambda: get(address, retries=3)) == (
        f"{NAME} from {address}: wrong checksum: expected SHA-256 {GOOD.digest} (40,000 bytes); "
        f"found SHA-256 {hashlib.sha256(other).hexdigest()} (40,000 bytes); nothing was kept. "
        f"To mend it, name a folder or address that holds it in {SETTING}"
    )
    assert kept(tmp_path) == []
    assert len(server.requests) == 1  # the same bytes would come again


def test_truncated(server, get, tmp_path):
    server.answers[f"/{NAME}"] = [reply(CONTENT[:1000], length=len(CONTENT))]
    address = f"{server.address}/{NAME}"
    assert failure(lambda: get(address, retries=1)) == (
        f"{NAME} cannot be fetched: expected SHA-256 {GOOD.digest} (40,000 bytes); "
        f"found: {address}: cut short, 1,000 of 40,000 bytes (2 tries). "
        f"To mend it, name a folder or address that holds it in {SETTING}"
    )
    assert kept(tmp_path) == []


def test_shorter_than_expected_although_complete(server, get, tmp_path):
    server.answers[f"/{NAME}"] = [reply(CONTENT[:1000])]
    message = failure(lambda: get(f"{server.address}/{NAME}"))
    assert "cut short, 1,000 of 40,000 bytes (1 try)" in message
    assert kept(tmp_path) == []


def test_truncated_gzip(server, get, tmp_path):
    whole = gzip.compress(CONTENT)
    server.answers[f"/{NAME}.gz"] = [reply(whole[:-9])]
    message = failure(lambda: get(None, mirror=server.address))
    assert f"a gzip file that is cut short or damaged ({len(whole) - 9:,} bytes) (1 try)" in message
    assert kept(tmp_path) == []


def test_not_found_is_not_tried_again(server, get):
    address = f"{server.address}/{NAME}"
    assert f"found: {address}: HTTP 404 Not Found." in failure(lambda: get(address, retries=3))
    assert len(server.requests) == 1


def test_connection_refused(get, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/{NAME}"
        assert f"found: {address}: Connection refused (3 tries)." in failure(lambda: get(address, retries=2))
    assert kept(tmp_path) == []


def test_unknown_host(get, monkeypatch):
    def no_network(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    message = failure(lambda: get(f"http://upstream.invalid/{NAME}", retries=1))
    assert "Temporary failure in name resolution (2 tries)." in message


def test_time_out(server, get):
    done = threading.Event()
    server.answers[f"/{NAME}"] = [lambda request: done.wait(5) and None]
    try:
        message = failure(lambda: get(f"{server.address}/{NAME}", timeout=0.1))
    finally:
        done.set()
    assert "no answer for 0.1 s (1 try)." in message


def test_time_out_within_the_content(server, get, tmp_path):
    done = threading.Event()

    def stall(request):
        reply(CONTENT[:1000], length=len(CONTENT))(request)
        done.wait(5)

    server.answers[f"/{NAME}"] = [stall]
    try:
        message = failure(lambda: get(f"{server.address}/{NAME}", timeout=0.1))
    finally:
        done.set()
    assert "no answer for 0.1 s (1 try)." in message
    assert kept(tmp_path) == []


def test_retry_then_success(server, get, capsys):
    server.answers[f"/{NAME}"] = [reply(b"", 503), reply(CONTENT[:10], length=len(CONTENT)), reply(CONTENT)]
    assert get(f"{server.address}/{NAME}", retries=2) == CONTENT
    notes = [line for line in capsys.readouterr().err.splitlines() if "trying again" in line]
    assert notes == [
        f"{NAME}: HTTP 503 Service Unavailable; trying again in 0 s (2 left)",
        f"{NAME}: cut short, 10 of 40,000 bytes; trying again in 0 s (1 left)",
    ]


def test_pause_doubles(server, get, monkeypatch):
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    server.answers[f"/{NAME}"] = [reply(b"", 503)]
    failure(lambda: get(f"{server.address}/{NAME}", retries=3, pause=1))
    assert pauses == [1, 2, 4]


def test_mirror_address_comes_before_upstream(server, get, tmp_path):
    server.answers[f"/mirror/{NAME}"] = [reply(CONTENT)]
    server.answers[f"/{NAME}"] = [reply(b"upstream")]
    assert get(f"{server.address}/{NAME}", mirror=f"{server.address}/mirror/") == CONTENT
    assert server.requests == [f"/mirror/{NAME}"]
    assert kept(tmp_path) == [NAME]


def test_mirror_address_with_gzip(server, get, tmp_path):
    server.answers[f"/{NAME}.gz"] = [reply(gzip.compress(CONTENT))]
    assert get(None, mirror=server.address) == CONTENT
    assert server.requests == [f"/{NAME}", f"/{NAME}.gz"]
    assert (tmp_path / "raw" / NAME).read_bytes() == CONTENT


def test_mirror_that_lacks_the_file_is_passed_over(server, get, capsys):
    server.answers[f"/{NAME}"] = [reply(CONTENT)]
    assert get(f"{server.address}/{NAME}", mirror=f"{server.address}/mirror") == CONTENT
    assert server.requests == [f"/mirror/{NAME}", f"/mirror/{NAME}.gz", f"/{NAME}"]
    assert "trying upstream" in capsys.readouterr().err


def test_mirror_with_a_wrong_file_is_an_error(server, get):
    server.answers[f"/mirror/{NAME}"] = [reply(b"x" * len(CONTENT))]
    server.answers[f"/{NAME}"] = [reply(CONTENT)]
    message = failure(lambda: get(f"{server.address}/{NAME}", mirror=f"{server.address}/mirror"))
    assert f"{NAME} from {server.address}/mirror/{NAME}: wrong checksum" in message
    assert len(server.requests) == 1


@pytest.mark.parametrize("place", [NAME, f"{NAME}.gz", f"below/{NAME}", f"below/{NAME}.gz"])
def test_mirror_folder_is_read_in_place(get, tmp_path, place):
    path = tmp_path / "mirror" / place
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(CONTENT) if place.endswith(".gz") else CONTENT)
    assert get("http://127.0.0.1:9/unused", mirror=str(tmp_path / "mirror")) == CONTENT
    assert kept(tmp_path) == []


def test_mirror_from_the_environment(get, tmp_path, monkeypatch):
    (tmp_path / NAME).write_bytes(CONTENT)
    monkeypatch.setenv("RDPLANE_MIRROR", str(tmp_path))
    assert get(None) == CONTENT


def test_mirror_argument_beats_the_environment(get, tmp_path, monkeypatch):
    (tmp_path / NAME).write_bytes(CONTENT)
    monkeypatch.setenv("RDPLANE_MIRROR", str(tmp_path / "elsewhere"))
    assert get(None, mirror=str(tmp_path)) == CONTENT


def test_mirror_folder_with_a_wrong_file(get, tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT[:-8])
    message = failure(lambda: get(None, mirror=str(tmp_path)))
    assert f"{NAME} from {tmp_path / NAME}: wrong checksum" in message
    assert "(39,992 bytes)" in message


def test_mirror_folder_with_a_truncated_gzip(get, tmp_path):
    (tmp_path / f"{NAME}.gz").write_bytes(gzip.compress(CONTENT)[:20])
    message = failure(lambda: get(None, mirror=str(tmp_path)))
    assert f"{NAME} from {tmp_path / NAME}.gz: expected SHA-256 {GOOD.digest} (40,000 bytes); found: a gzip" in message


def test_mirror_folder_that_is_missing(get, tmp_path):
    assert failure(lambda: get(None, mirror=str(tmp_path / "gone"))) == (
        f"{NAME}: {SETTING} names '{tmp_path / 'gone'}', which is no folder; expected a folder or an address"
    )


def test_mirror_with_another_scheme(get):
    with pytest.raises(UserError, match=re.escape(f"{SETTING} is 'ftp://host/data'; expected a folder, or an address")):
        get(None, mirror="ftp://host/data")


def test_neither_mirror_nor_upstream(get):
    assert failure(lambda: get(None)) == (
        f"{NAME} cannot be fetched: expected SHA-256 {GOOD.digest} (40,000 bytes); found: it has no upstream address, "
        f"a mirror is the only source. To mend it, name a folder or address that holds it in {SETTING}"
    )


def test_every_failed_source_is_named(server, get, tmp_path):
    message = failure(lambda: get(f"{server.address}/{NAME}", mirror=str(tmp_path)))
    assert f"the mirror folder {tmp_path} holds neither {NAME} nor {NAME}.gz" in message
    assert f"{server.address}/{NAME}: HTTP 404 Not Found" in message


def test_full_disk(server, get, tmp_path, monkeypatch):
    server.answers[f"/{NAME}"] = [reply(CONTENT)]

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    message = failure(lambda: get(f"{server.address}/{NAME}"))
    assert message.startswith(f"{NAME} (40,000 bytes, SHA-256 as expected) could not be kept: cannot write")
    assert "No space left on device" in message
    assert kept(tmp_path) == []


def test_progress_outside_a_terminal_is_a_line_every_ten_percent(server, get, capsys):
    content = bytes(2_000_003)
    check = Checksum("SHA-256", hashlib.sha256(content).hexdigest(), len(content))
    server.answers[f"/{NAME}"] = [reply(content)]
    get(f"{server.address}/{NAME}", check)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert all(re.fullmatch(rf"{NAME}  +\d+ %  \d\.\d of 2\.0 MB  [\d.]+ MB/s", line) for line in lines)
    assert "100 %" in lines[-1]


def test_progress_on_a_terminal_is_one_line(server, get, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    server.answers[f"/{NAME}"] = [reply(CONTENT)]
    get(f"{server.address}/{NAME}")
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1 and shown.startswith(f"\r{NAME}") and "100 %" in shown


def test_only_the_configured_addresses_are_contacted(server, get, monkeypatch, tmp_path):
    contacted: list[tuple[str, int]] = []
    connect = socket.create_connection

    def record(address: tuple[str, int], *args: object, **options: object) -> socket.socket:
        contacted.append(address)
        return connect(address, *args, **options)

    monkeypatch.setattr(socket, "create_connection", record)
    server.answers[f"/{NAME}"] = [reply(CONTENT)]
    get(f"{server.address}/{NAME}", mirror=f"{server.address}/mirror")
    host, port = server.address.removeprefix("http://").split(":")
    assert set(contacted) == {(host, int(port))}
