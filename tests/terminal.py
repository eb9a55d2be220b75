"""A terminal for tests: a program that runs on one, and what then stands on its screen."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

CONTROL = re.compile(r"\r|\n|\033\[([0-9;]*)([A-Za-z])")


def screen(text: str) -> list[str]:
    """The lines that stand on a screen without end after this was written to it."""
    lines, row, column = [""], 0, 0
    position = 0
    for found in [*CONTROL.finditer(text), None]:
        plain = text[position : found.start() if found else None]
        lines[row] = lines[row][:column].ljust(column) + plain + lines[row][column + len(plain) :]
        column += len(plain)
        if found is None:
            break
        position = found.end()
        if found[0] == "\r":
            column = 0
        elif found[0] == "\n":
            row, column = row + 1, 0
            lines += [""] * (row == len(lines))
        elif found[2] == "A":
            row -= int(found[1] or 1)
        elif found[2] == "J":
            lines[row] = lines[row][:column]
            del lines[row + 1 :]
        else:
            assert found[2] == "m", f"unknown control sequence {found[0]!r}"  # colours
    return [line.rstrip() for line in lines]


def open_terminal(columns: int = 120) -> tuple[int, int]:
    """Both ends of a pseudo-terminal: the tester's, and the one that a program writes to."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    return ours, theirs


def read(ours: int) -> str:
    """All that was written to a terminal until nobody has it open any more."""
    said = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not more:
            break
        said += more
    return said.decode().replace("\r\n", "\n")


def run(command: list[str], columns: int = 120, **options) -> tuple[int, str]:
    """Run a command on a terminal: its exit status, and all that it wrote, line ends as \\n."""
    ours, theirs = open_terminal(columns)
    options["env"] = options.get("env", os.environ) | {"TERM": "xterm"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, **options)
    os.close(theirs)
    said = read(ours)
    os.close(ours)
    return process.wait(), said
