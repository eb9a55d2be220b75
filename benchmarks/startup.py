"""Seconds from the start of a process to its first training step: the real step of a default cell."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.sizes import ROOT, Plan, config_of
from benchmarks.table import Row, compared
from rdplane.commands.step import command_line, main
from rdplane.commands.steps import arguments_of
from rdplane.experiment.layout import Layout
from rdplane.files import canonical_json

__all__ = ["run"]

IMPORT_TORCH = "import time; start = float(__import__('sys').argv[1]); import torch; print(time.monotonic() - start)"


def run(plan: Plan) -> Iterator[Row]:
    """A row for each kind of architecture, at the default size: the only one where a cell is over in a minute."""
    config = config_of("default")
    grid = {"architectures": list(plan.kinds), "beta": [1.0], "extra": [], "exclude": []}
    config = config | {
        "grid": {**config["grid"], **grid},
        "compute": {**config["compute"], "device": "cpu", "threads": plan.threads},
    }
    layout = Layout(config, plan.scratch / "startup")
    if main(["prepare_data", "--config", canonical_json(config), "--output", str(layout.images)]):
        raise RuntimeError("the images cannot be prepared")
    for name, cell in layout.cells.items():
        step = [sys.executable, "-m", "benchmarks.startup"]
        train = command_line("train", {**arguments_of(layout, name, "train"), "log": plan.scratch / "startup.log"})
        arguments = [*train, "--fresh"]
        laps: dict[str, list[float]] = {"ours": [], "plain": []}
        for _ in range(plan.least):
            laps["ours"].append(_seconds(step, arguments))
            laps["plain"].append(_seconds([sys.executable, "-c", IMPORT_TORCH]))
        yield compared(
            Row(
                "startup", "default", cell["architecture"], "s", at_most=6,
                note="wall time to the end of the first step; reference: `import torch` alone",
            ),
            laps,
        )  # fmt: skip


def _seconds(command: list[str], arguments: list[str] | None = None) -> float:
    # A monotonic clock is the same in every process of a machine.
    run = subprocess.run(
        [*command, str(time.monotonic()), *(arguments or [])], cwd=ROOT, capture_output=True, text=True
    )
    try:
        return float(run.stdout)
    except ValueError:
        raise RuntimeError((run.stderr.strip().splitlines() or ["no first step"])[-1]) from None


def _until_first_step(started: float, arguments: list[str]) -> None:
    """Run a step of the workflow in this process, and print and end after the first training step."""
    from rdplane.jobs.heartbeat import Heartbeat

    class First(Heartbeat):
        calls = 0

        def step(self) -> None:
            self.calls += 1
            if self.calls == 2:  # the first says that the training begins
                print(time.monotonic() - started, flush=True)
                os._exit(0)

    import rdplane.train.job as job

    job.Heartbeat = First  # type: ignore[misc]
    sys.exit(main(arguments))


if __name__ == "__main__":
    _until_first_step(float(sys.argv[1]), sys.argv[2:])
