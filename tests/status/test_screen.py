"""A line that rewrites itself below lines that stay, and what others write meanwhile."""

import io
import os

import pytest
import terminal

from rdplane.status.screen import Screen


@pytest.fixture
def live(monkeypatch):
    """Write to a screen on a terminal of 60 columns; afterwards `live.lines()` are those that stand on it."""

    class Live:
        def __init__(self):
            monkeypatch.setenv("TERM", "xterm")
            self.ours, theirs = terminal.open_terminal(columns=60)
            self.stream = os.fdopen(theirs, "w")
            self.screen = Screen(self.stream)

        def lines(self):
            self.stream.close()
            return terminal.screen(terminal.read(self.ours))

    live = Live()
    yield live
    os.close(live.ours)


def test_the_live_line_stands_below_all_others(live):
    live.screen.write("one\n")
    live.screen.show("half")
    live.screen.write("two\n")
    live.screen.show("nearly all")
    assert live.lines() == ["one", "two", "", "nearly all"]


def test_nothing_is_left_of_it_in_the_end(live):
    live.screen.write("one\n")
    live.screen.show("half")
    live.screen.clear()
    live.screen.write("two\n")
    assert live.lines() == ["one", "two", ""]


def test_a_line_of_another_program_stays_whole(live):
    live.screen.show("a long line on how far it is")
    live.screen.flush()
    os.write(live.stream.fileno(), b"error: x\n")
    live.screen.show("later")
    live.screen.write("end\n")
    assert live.lines() == ["error: x", "end", ""]


def test_it_is_cut_at_the_width_of_the_terminal(live):
    live.screen.show("x" * 200)
    assert live.lines() == ["", "x" * 59]


def test_a_stream_that_is_no_terminal_gets_the_lines_alone():
    stream = io.StringIO()
    screen = Screen(stream)
    screen.show("half")
    screen.write("one\n")
    screen.show("all")
    assert stream.getvalue() == "one\n"


def test_a_terminal_that_cannot_move_its_cursor_gets_the_lines_alone(live, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    screen = Screen(live.stream)
    screen.show("half")
    screen.write("one\n")
    assert live.lines() == ["one", ""]
