"""A training run that is asked to stop: by a scheduler's warning, or a user's Ctrl-C. Needs no torch."""

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

from rdplane.jobs.progress import Progress

__all__ = ["Interrupted", "Stop", "stopping"]


class Interrupted(BaseException):
    """A signal asked a training run to stop; what it had made is in its checkpoint.

    Like KeyboardInterrupt no `Exception`: it may come anywhere, and nobody's error handling is meant to swallow it.
    """


class Stop:
    """Set by a signal, read by the loop between two steps.

    While `deferred` is False, a signal ends the job at once: nothing was trained that no file holds.
    """

    signal: str | None = None
    deferred: bool = False

    def __bool__(self) -> bool:
        return self.signal is not None


@contextlib.contextmanager
def stopping(progress: Progress) -> Iterator[Stop]:
    """Turn SIGTERM, SIGUSR1 and SIGINT into a wish to stop, for the length of the block (main thread only).

    Args:
        progress: gets a line when a signal ends the job at once.

    Yields:
        What the loop asks between two steps.

    Raises:
        Interrupted: a signal came while there was nothing to save.
    """
    stop = Stop()

    def handler(number: int, frame: Any) -> None:
        again = bool(stop)
        stop.signal = signal.Signals(number).name
        if not stop.deferred and not again:
            progress.line(f"stopped by {stop.signal} with nothing to save; nothing is lost")
            raise Interrupted(progress.cell)

    numbers = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
    try:
        old = {number: signal.signal(number, handler) for number in numbers}
    except ValueError:  # not in the main thread: signals are the caller's own business
        yield stop
        return
    try:
        yield stop
    finally:
        for number, previous in old.items():
            signal.signal(number, previous)
