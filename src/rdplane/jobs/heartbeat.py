"""Signs of life of a training run: a small file for `rdplane status`, and an end for a job that hangs. No torch."""

import contextlib
import faulthandler
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rdplane.errors import UserError
from rdplane.files import write_json
from rdplane.jobs.lease import SCHEDULERS

__all__ = ["STALLED", "Heartbeat"]

STALLED = 3  # exit status of a training run that ended itself because it hung
INTERVAL = 5.0  # seconds between two writes


class Heartbeat:
    """Keeps `state/heartbeat.json` fresh from a thread of its own, and ends the process when no step is made.

    The thread writes even while one long step is computed, so a stale file means a process that was killed. The file
    is removed at the end of the block, however that is reached. Ages are taken from a clock that nobody can set.

    Args:
        state: the cell's state folder.
        limit: seconds without a step after which the process ends with status `STALLED`; 0 for never.
        stalled: called with a line of explanation just before.
    """

    def __init__(self, state: Path, limit: float, stalled: Callable[[str], None]):
        self.path, self.limit, self.stalled = state / "heartbeat.json", limit, stalled
        self.latest: dict[str, Any] = {"stage": "starting", "epoch": 0, "step": 0}
        self.last_step: float | None = None  # None: nothing is expected to move yet
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, name="heartbeat", daemon=True)

    def step(self) -> None:
        """A training step was made."""
        self.last_step = time.monotonic()

    def rest(self, stage: str) -> None:
        """No step is expected any more: something else is done, which may take any time."""
        self.last_step = None
        self.report(stage=stage, left=None)

    def report(self, **fields: Any) -> None:
        """Where it stands: `stage`, `epoch`, `epochs`, `step`, `steps`, `rate`, `distortion` (nats), `left` (s)."""
        before = self.latest["stage"]
        self.latest = {**self.latest, "stage": "training", **fields}
        if self.latest["stage"] != before:
            self._write()

    def __enter__(self) -> "Heartbeat":
        try:
            self._write()
            self.thread.start()
        except BaseException:  # a signal, say: the block is never entered, so nobody would leave it
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        if self.thread.is_alive():
            self.thread.join()
        self._remove()

    def _watch(self) -> None:
        period = min(INTERVAL, self.limit / 4) if self.limit else INTERVAL
        turn = time.monotonic()
        while not self.ended.wait(period):
            now, before = time.monotonic(), turn
            turn = now
            if now - before > period + INTERVAL and self.last_step is not None:
                self.last_step = now  # the whole process was suspended: that is no hang
            elif self.limit and self.last_step is not None and now - self.last_step > self.limit:
                # The main thread does not answer: no other way out, even if the disk does not answer either.
                threading.Timer(2 * INTERVAL, os._exit, (STALLED,)).start()
                self.stalled(
                    f"no training step in {self.limit:g} s (compute.stall_seconds): the job hung and ended itself; "
                    "run the same command again, it goes on from its checkpoint"
                )
                faulthandler.dump_traceback()  # where each thread stands: what a report of the hang needs
                self._remove()
                os._exit(STALLED)
            self._write()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):  # a read-only disk: what made it so is reported elsewhere
            self.path.unlink(missing_ok=True)

    def _write(self) -> None:
        job = next((os.environ[key] for key in SCHEDULERS if os.environ.get(key)), None)
        nothing = dict.fromkeys(("epochs", "steps", "rate", "distortion", "left"))
        with contextlib.suppress(UserError):  # a full disk stops training when it matters, at the checkpoint
            write_json(
                self.path,
                nothing
                | self.latest
                | {"pid": os.getpid(), "host": socket.gethostname(), "job": job, "updated": time.time()},
            )
