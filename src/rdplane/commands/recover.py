"""What a crash or a wrong clock leaves behind that would stand in the way of the next run. Needs no torch."""

import contextlib
import fcntl
import os
import shutil
import socket
import time
from pathlib import Path

__all__ = ["forget_the_dead", "undo_future_dates"]


def forget_the_dead(alive: Path, locks: Path) -> None:
    """Remove the folder `locks` if no other process that called this with the same `alive` still lives.

    Each caller holds a share of the file `alive` until it ends; the kernel takes it back however that happens, so
    neither SIGKILL nor a power cut leaves one behind. Who gets all of it is alone, and `locks` are of the dead. Does
    nothing where the file cannot be written, and leaves the locks of another host alone: not every network file
    system tells one host of the other's share.
    """
    host = socket.gethostname().encode()
    with contextlib.suppress(OSError):
        alive.parent.mkdir(exist_ok=True)
        handle = os.open(alive, os.O_RDWR | os.O_CREAT, 0o666)  # never closed: held until the process ends
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            if os.pread(handle, 256, 0) in (b"", host):
                shutil.rmtree(locks, ignore_errors=True)
            if not locks.exists() or not any(locks.iterdir()):
                os.ftruncate(handle, 0)
                os.pwrite(handle, host, 0)
        fcntl.flock(handle, fcntl.LOCK_SH)


def undo_future_dates(folder: Path) -> None:
    """Date all files below `folder` that are dated in the future to now, which keeps their order.

    A clock that was ahead leaves such files. What is made of them now would be older than they are, and so count as
    outdated for as long as the clock had been ahead.
    """
    now = time.time()
    ahead = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with contextlib.suppress(OSError):
                if (date := os.stat(path).st_mtime) > now:
                    ahead.append((date, path))
    for number, (_, path) in enumerate(sorted(ahead, reverse=True)):
        with contextlib.suppress(OSError):
            os.utime(path, (now - number * 1e-4, now - number * 1e-4))
