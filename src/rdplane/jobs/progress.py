"""Lines that a person can read while a cell is trained. Needs no torch."""

import os
import sys
import time
from pathlib import Path
from typing import TextIO

from rdplane.errors import UserError

__all__ = ["DISPLAY", "Progress", "displayed", "duration"]

DISPLAY = "RDPLANE_DISPLAY"
"""`on` while a display shows how jobs end (`rdplane.status.display`); a user sets `off` to have none."""


def displayed() -> bool:
    """Whether others show what a job writes into its log at its end, so that it need not say it on the terminal."""
    return os.environ.get(DISPLAY) == "on"


def duration(seconds: float) -> str:
    """Seconds as '48 s', '3 min 05 s' or '2 h 07 min'."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


class Progress:
    """One line per epoch in a log file; on a terminal also a line that rewrites itself within an epoch.

    Args:
        cell: name that starts every line.
        log: file that gets the lines (appended to), or None for standard error. A line for which the
            disk has no room is lost.

    Raises:
        UserError: the log file cannot be opened.
    """

    def __init__(self, cell: str, log: Path | None = None):
        self.cell = cell
        self.log = log
        try:
            if log is not None:
                log.parent.mkdir(parents=True, exist_ok=True)
            self.stream: TextIO = sys.stderr if log is None else log.open("a", buffering=1)
        except OSError as error:
            raise UserError(
                f"cannot write {log}: {error.strerror}; make the results folder writable, then run it again"
            ) from None
        self.live = self.stream.isatty()
        self.shown = 0.0

    def line(self, message: str) -> None:
        """A line that stays."""
        try:
            self.stream.write(("\r\033[K" if self.live else "") + f"{self.cell}: {message}\n")
            self.stream.flush()
        except OSError:
            if self.log is None:
                raise

    def tick(self, message: str) -> None:
        """A line that the next one overwrites: on a terminal only, at most five a second."""
        if self.live and time.monotonic() - self.shown > 0.2:
            self.shown = time.monotonic()
            self.stream.write(f"\r\033[K{self.cell}: {message}")
            self.stream.flush()
