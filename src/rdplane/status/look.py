"""Where the cells of an experiment stand, read from their files alone, while it runs or afterwards.

Takes no lock and writes nothing, so any machine that sees the results folder may look at any time; a file that vanishes
meanwhile counts as absent. Needs neither torch nor pandas.
"""

import json
import math
import os
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rdplane.status.plan import Plan

__all__ = ["STATES", "Standing", "look", "number", "toy_done"]

# In the order of a headline. trained: not evaluated yet; stopped: interrupted or killed, it goes on when run again.
STATES = ("done", "running", "trained", "stopped", "failed", "waiting")
STALE = 60.0  # seconds without a sign of life until a job counts as killed; it writes one every 5 s


@dataclass(frozen=True)
class Standing:
    """One cell: its state (one of `STATES`), why it is not done, and what its running job last said of itself."""

    name: str
    state: str
    reason: str = ""
    heartbeat: dict[str, Any] = field(default_factory=dict)


def look(plan: Plan) -> list[Standing]:
    """The cells of a plan as they stand now, in its order."""
    begun = _names(plan.folder / "cells") | {name.removesuffix(".log") for name in _names(plan.folder / "logs/train")}
    now, host = time.time(), socket.gethostname()
    return [
        _cell(plan.folder, name, now, host) if name in begun else Standing(name, "waiting", "not trained yet")
        for name in plan.cells
    ]


def toy_done(plan: Plan) -> int:
    """How many of the toy cells are done."""
    made = _names(plan.folder / "toy/cells")
    return sum(f"{name}.npz" in made for name in plan.toy)


def _cell(experiment: Path, name: str, now: float, host: str) -> Standing:
    folder = experiment / "cells" / name
    files, state = _names(folder), folder / "state"
    beat = _heartbeat(state / "heartbeat.json", now)
    if beat and beat["age"] < STALE and not (beat.get("host") == host and _gone(beat.get("pid"))):
        return Standing(name, "running", "still training", beat)
    if "metrics.json" in files:
        error = "" if "samples.npz" in files else _error(experiment / "logs/sample" / f"{name}.log")
        return Standing(name, "failed", error) if error else Standing(name, "done")
    if "train.json" in files:
        error = _error(experiment / "logs/evaluate" / f"{name}.log")
        return Standing(name, "failed", error) if error else Standing(name, "trained", "trained, not evaluated")
    log = experiment / "logs/train" / f"{name}.log"
    checkpoint = _changed(state / "checkpoint")
    resumes = "goes on from its checkpoint" if checkpoint else "starts anew, it had no checkpoint yet"
    # What happened last: a job that failed may have gone on since, and one that went on may have been killed.
    events = [
        (_changed(state / "failure"), "failed", _text(state / "failure")),
        (_changed(log), "failed", _error(log)),
        (_changed(state / "heartbeat.json"), "stopped", f"killed; {resumes}"),
        (checkpoint, "stopped", f"interrupted; {resumes}"),
    ]
    when, what, reason = max((event for event in events if event[2]), key=lambda event: event[0])
    if not when:
        return Standing(name, "waiting", "not trained yet")
    return Standing(name, what, reason.removeprefix(f"{name}: "))


def _heartbeat(path: Path, now: float) -> dict[str, Any] | None:
    """What a job last said of itself, and its `age` in seconds; None where it said nothing.

    The job's clock and the file server's both date it, and each may differ from ours: the nearer one counts.
    """
    changed = _changed(path)
    if not changed:
        return None
    try:
        beat = json.loads(_text(path))
    except ValueError:
        beat = None
    beat = beat if isinstance(beat, dict) else {}
    dates = (changed, number(beat.get("updated")))
    return beat | {"age": min(abs(now - date) for date in dates if date is not None)}


def _gone(pid: Any) -> bool:
    """Whether no process of this machine has this number."""
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:  # another user's
        return False
    except (ProcessLookupError, OverflowError):
        return True
    return False


def _error(log: Path) -> str:
    """The error that a job's log ends with, or nothing."""
    *before, last = ["", *_text(log).splitlines()]
    if last.startswith("error: a bug in rdplane"):
        return f"{before[-1]} (a bug in rdplane, see {log})"
    return last.removeprefix("error: ") if last.startswith("error: ") else ""


def _names(folder: Path) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()


def _changed(path: Path) -> float:
    """When a file was last changed, in seconds since 1970; 0 where there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def number(value: Any) -> float | None:
    """A finite number out of a file that anyone may have written, else None."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if fits else None
