"""A terminal with lines that stay and, below them, one that rewrites itself. Needs no torch."""

import os
from typing import TextIO

__all__ = ["Screen"]

NARROW = 40  # columns below which there is no room for a line that rewrites itself


class Screen:
    """A text stream with a live line below what is written; where it is no terminal, the stream alone.

    The cursor rests on an empty line above the live one, because others write too: a job that fails, say, prints its
    error itself. That then stands on the empty line, whole, and the live line moves down.

    Args:
        stream: where all goes, such as standard error.
    """

    def __init__(self, stream: TextIO):
        self.stream = stream
        self.live = self.isatty() and os.environ.get("TERM") != "dumb"
        self.shown = False

    def write(self, text: str) -> int:
        """Write text that stays; the live line is gone until it is shown again."""
        self.clear()
        return self.stream.write(text)

    def flush(self) -> None:
        """Hand over all that was written."""
        self.stream.flush()

    def isatty(self) -> bool:
        """Whether it is a terminal, for those who write in colours."""
        return self.stream.isatty()

    def show(self, text: str) -> None:
        """Show `text` below all lines, cut at the terminal's width, in place of what was shown before."""
        if not self.live or not self._in_front():
            return
        columns = os.get_terminal_size(self.stream.fileno()).columns
        self.clear()
        if columns >= NARROW:
            self.stream.write(f"\n{text[: columns - 1]}\r\033[A")
            self.shown = True
        self.stream.flush()

    def clear(self) -> None:
        """Remove the live line."""
        if self.shown:
            self.stream.write("\r\033[J")
            self.shown = False

    def _in_front(self) -> bool:
        """Whether this process may use the terminal: started with `&`, it leaves the user's prompt alone."""
        try:
            return os.tcgetpgrp(self.stream.fileno()) == os.getpgrp()
        except OSError:  # a terminal that controls no processes
            return True
