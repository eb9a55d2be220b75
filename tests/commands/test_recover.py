"""What a crash leaves behind does not stop the next run; what the living hold is left alone."""

import os
import signal
import subprocess
import sys
import time

import pytest

from rdplane.commands.recover import undo_future_dates
from rdplane.files import atomic, write_text

HOLD = """
import pathlib, sys, time
from rdplane.commands.recover import forget_the_dead
forget_the_dead(pathlib.Path("alive"), pathlib.Path("locks"))
print("locks" if pathlib.Path("locks").exists() else "none", flush=True)
time.sleep(float(sys.argv[1]))
"""

WRITE = """
import sys
from rdplane.files import atomic
with atomic("file") as stream:
    stream.write(b"new" * 100_000)
    stream.flush()
    print("half", flush=True)
    sys.stdin.read()
"""


def run(script, folder, *arguments):
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def found_locks(folder):
    return run(HOLD, folder, "0").communicate()[0].strip() == "locks"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_locks_last_as_long_as_somebody_lives(tmp_path, number):
    first = run(HOLD, tmp_path, "600")
    assert first.stdout.readline() == "none\n"
    (tmp_path / "locks").mkdir()
    second = run(HOLD, tmp_path, "600")
    assert second.stdout.readline() == "locks\n"
    first.send_signal(number)
    first.communicate()
    assert found_locks(tmp_path)  # the second lives
    second.send_signal(number)
    second.communicate()
    assert not found_locks(tmp_path)


def test_locks_of_another_host_are_left_alone(tmp_path):
    (tmp_path / "alive").write_text("another")
    write_text(tmp_path / "locks/0.output.lock", "results/rd.csv")
    assert found_locks(tmp_path) and found_locks(tmp_path)


def test_folder_that_cannot_be_written_is_left_alone(tmp_path):
    (tmp_path / "alive").mkdir()
    (tmp_path / "locks").mkdir()
    assert found_locks(tmp_path)


def test_future_dates_become_now_and_others_stay(tmp_path):
    now = time.time()
    dates = {"past": now - 1e9, "recent": now - 10, "ahead": now + 10, "far/ahead": now + 1e9}
    for name, date in dates.items():
        write_text(tmp_path / name, "")
        os.utime(tmp_path / name, (date, date))
    undo_future_dates(tmp_path)
    found = {name: (tmp_path / name).stat().st_mtime for name in dates}
    assert found["past"] == pytest.approx(dates["past"]) and found["recent"] == pytest.approx(dates["recent"])
    assert now - 1 <= found["ahead"] < found["far/ahead"] <= time.time()


def test_killed_while_it_writes_leaves_the_old_file(tmp_path):
    write_text(tmp_path / "file", "old")
    writer = run(WRITE, tmp_path)
    assert writer.stdout.readline() == "half\n"
    writer.kill()
    writer.communicate()
    assert (tmp_path / "file").read_text() == "old"
    with atomic(tmp_path / "file") as stream:
        stream.write(b"newer")
    assert (tmp_path / "file").read_text() == "newer"


def test_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path):
    write_text(tmp_path / "file", "old")
    writer = run(WRITE, tmp_path)
    assert writer.stdout.readline() == "half\n"
    assert (tmp_path / "file").read_text() == "old"
    writer.communicate("")
    assert (tmp_path / "file").read_bytes() == b"new" * 100_000
