"""Where a job says why it failed: once where a display of the run shows its log, and never nowhere."""

import pytest

from rdplane.commands.step import guarded
from rdplane.errors import UserError


def fail():
    raise UserError("no such image")


@pytest.mark.parametrize(("display", "on_terminal"), [("on", False), ("off", True), (None, True)])
def test_on_the_terminal_unless_there_is_a_display(tmp_path, monkeypatch, capsys, display, on_terminal):
    monkeypatch.delenv("RDPLANE_DISPLAY", raising=False)
    if display:
        monkeypatch.setenv("RDPLANE_DISPLAY", display)
    assert guarded(fail, tmp_path / "log") == 2
    assert (tmp_path / "log").read_text() == "error: no such image\n"
    assert capsys.readouterr().err == ("error: no such image\n" if on_terminal else "")


def test_on_the_terminal_if_the_log_cannot_be_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RDPLANE_DISPLAY", "on")
    assert guarded(fail, tmp_path / "absent/log") == 2
    assert capsys.readouterr().err == "error: no such image\n"
