"""The state of an experiment in words, tables and JSON. Needs neither torch nor pandas."""

import contextlib
import json
import statistics
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rdplane.errors import UserError
from rdplane.files import read_json
from rdplane.jobs.progress import duration
from rdplane.status.look import STATES, Standing, number, toy_done
from rdplane.status.plan import Plan

__all__ = ["as_json", "failures", "headline", "render", "time_left"]

ROWS = 20  # of a table of cells that stopped or failed
RUNNING = ("running", "epoch", "R, nats", "D, nats", "left", "seen", "where")


def headline(plan: Plan, cells: Sequence[Standing]) -> str:
    """How many cells are in which state, in one line; states that do not occur are left out."""
    counts = Counter(cell.state for cell in cells)
    others = [f"{counts[state]} {state}" for state in STATES[1:] if counts[state]]
    return f"{plan.folder.name}: " + ", ".join([f"{counts['done']} of {len(cells)} cells done", *others])


def render(plan: Plan, cells: Sequence[Standing], width: int = 100, every: bool = False) -> str:
    """A headline, and a table for each kind of cell that needs a look.

    Args:
        plan: the experiment.
        cells: its cells (see `rdplane.status.look.look`).
        width: columns that no line exceeds.
        every: list each cell with its state, too many stopped or failed ones included.
    """
    parts = [textwrap.fill(headline(plan, cells), width, subsequent_indent="  ")]
    if (left := time_left(plan, cells)) is not None:
        parts[0] += f"\nabout {duration(left)} of training left"
    if (made := toy_done(plan)) < len(plan.toy):
        parts[0] += f"\ntoy model: {made} of {len(plan.toy)} cells done"
    running, stopped, failed = ([cell for cell in cells if cell.state == s] for s in ("running", "stopped", "failed"))
    if running:
        parts.append(_table([RUNNING, *map(_running, running)], "<>>>>><", width, needed=5))
    if every:
        rows = [(cell.name, cell.state, cell.reason if cell.state == "stopped" else "") for cell in cells]
        parts.append(_table([("cell", "state", ""), *rows], "<<<", width))
    elif stopped:
        parts.append(_reasons("stopped", [(cell.name, cell.reason) for cell in stopped], width, "--all lists them"))
    if failed:
        shown = failed if every else failed[:ROWS]
        blocks = [f"{cell.name}\n{_indented(cell.reason, width)}" for cell in shown]
        if len(failed) > len(shown):
            blocks.append(f"and {len(failed) - len(shown)} more, --all lists them")
        parts.append("\n".join(["failed", *blocks]))
    return "\n\n".join(parts)


def failures(cells: Sequence[Standing], more: str | Path, width: int = 100) -> str:
    """A short table of the failed cells and why, the rest of many to be found in `more`; empty if none failed."""
    # What went wrong stands before the first semicolon, what to do about it behind.
    rows = [(cell.name, cell.reason.split(";")[0]) for cell in cells if cell.state == "failed"]
    return _reasons("failed", rows, width, f"see {more}") if rows else ""


def as_json(plan: Plan, cells: Sequence[Standing]) -> str:
    """For scripts: counts, seconds of training left, and each cell with its reason and its job's last heartbeat."""
    counts = Counter(cell.state for cell in cells)
    return json.dumps(
        {
            "experiment": plan.folder.name,
            "folder": str(plan.folder),
            "counts": {state: counts[state] for state in STATES},
            "left": time_left(plan, cells),
            "toy": {"done": toy_done(plan), "cells": len(plan.toy)},
            "cells": [
                {
                    "cell": cell.name, "state": cell.state, "reason": cell.reason or None,
                    "heartbeat": cell.heartbeat or None,
                }
                for cell in cells
            ],
        },
        indent=2,
    )  # fmt: skip


def time_left(plan: Plan, cells: Sequence[Standing]) -> float | None:
    """Seconds until all is trained if as many jobs go on running as now; None while nothing tells.

    A cell that is still to come costs what others of its architecture cost, finished or extrapolated.
    """
    lefts, costs = [], dict[str, list[float]]()
    for cell in cells:
        left = number(cell.heartbeat.get("left"))
        if left is not None:
            lefts.append(left)
            costs.setdefault(_architecture(cell), []).append(left / max(1 - _epochs(cell)[2], 1e-3))
    silent = [cell for cell in cells if cell.state == "running" and number(cell.heartbeat.get("left")) is None]
    to_come = silent + [cell for cell in cells if cell.state in ("waiting", "stopped")]
    if not lefts or not to_come:
        return max(lefts, default=None)
    for cell in cells:
        if cell.state in ("done", "trained"):
            with contextlib.suppress(UserError, KeyError, TypeError, ValueError):
                seconds = float(read_json(plan.folder / "cells" / cell.name / "train.json")["train_seconds"])
                costs.setdefault(_architecture(cell), []).append(seconds)
    mean = {architecture: statistics.fmean(values) for architecture, values in costs.items()}
    usual = statistics.fmean(mean.values())
    rest = sum(mean.get(_architecture(cell), usual) for cell in to_come)
    return max(*lefts, (sum(lefts) + rest) / len(lefts))


def _architecture(cell: Standing) -> str:
    return cell.name.split("_")[0]


def _epochs(cell: Standing) -> tuple[float, float, float]:
    """Epochs that a running cell has trained, of how many, and the share of the two."""
    epochs, steps, epoch, step = (
        number(cell.heartbeat.get(key)) or 0.0 for key in ("epochs", "steps", "epoch", "step")
    )
    trained = epoch + step / steps if steps else epoch
    return trained, epochs, trained / epochs if epochs else 0.0


def _running(cell: Standing) -> tuple[str, ...]:
    """The row of a running cell; what its job has not said yet is empty."""
    beat = cell.heartbeat
    trained, epochs, _ = _epochs(cell)
    rate, distortion, left = (number(beat.get(key)) for key in ("rate", "distortion", "left"))
    where = f"{str(beat.get('host', '?')).split('.')[0]} " + (
        f"job {beat['job']}" if beat.get("job") else f"pid {beat.get('pid', '?')}"
    )
    return (
        cell.name,
        f"{trained:.1f}/{epochs:.0f}" if epochs else "",
        "" if rate is None else f"{rate:.2f}",
        "" if distortion is None else f"{distortion:.2f}",
        str(beat.get("stage", "")) if left is None else duration(left),
        f"{duration(beat['age'])} ago",
        where,
    )


def _reasons(head: str, rows: Sequence[Sequence[str]], width: int, more: str) -> str:
    table = _table([(head, "reason"), *rows[:ROWS]], "<<", width)
    return table + (f"\nand {len(rows) - ROWS} more, {more}" if len(rows) > ROWS else "")


def _indented(text: str, width: int) -> str:
    return textwrap.fill(text, width, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)


def _table(rows: Sequence[Sequence[str]], align: str, width: int, needed: int = 0) -> str:
    """Columns under a head, each aligned to the left (<) or right (>), in lines cut at `width`.

    Beyond the first `needed` columns (0: all are needed), one that does not fit is left out whole.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    while needed and len(widths) > needed and sum(widths) + 2 * len(widths) - 2 > width:
        widths.pop()
    lines = []
    for row in rows:
        # The widths decide how many columns there are.
        line = "  ".join(f"{text:{side}{size}}" for text, side, size in zip(row, align, widths, strict=False)).rstrip()
        lines.append(line if len(line) <= width else line[: width - 1] + "…")
    return "\n".join(lines)
