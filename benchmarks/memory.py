"""Peak memory of a process that trains, and of one that runs the plain reference."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.sizes import ROOT, Plan, cells_of, random_images
from benchmarks.table import Row

__all__ = ["peak_megabytes", "run"]

STEPS = 2  # the second meets the moments of Adam that the first made


def peak_megabytes() -> float:
    """The most memory that this process has held, MB.

    On Linux not getrusage's figure, which a child process inherits from whoever started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def run(plan: Plan) -> Iterator[Row]:
    """A row for each size and kind of architecture; the reference's peak over ours is the ratio."""
    for size in plan.sizes:
        for architecture in plan.kinds:
            ours, plain = (_child(size, architecture, side, plan.threads) for side in ("ours", "plain"))
            yield Row(
                "memory", size, architecture, "MB", ours, reference=plain, ratio=plain / ours, laps=1,
                note=f"whole process, {STEPS} steps",
            )  # fmt: skip


def _child(size: str, architecture: str, side: str, threads: int) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", json.dumps([size, architecture, side, threads])]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"{side} {architecture} at {size} size: {run.stderr.strip().splitlines()[-1]}")
    return float(run.stdout)


def _train(size: str, architecture: str, side: str, threads: int) -> None:
    import torch

    from benchmarks.reference import plain_model, plain_step
    from benchmarks.training import model_of, our_step

    torch.set_num_threads(threads)
    (cell,) = cells_of(size, (architecture,)).values()
    images = random_images(size, 4 * cell["training"]["batch_size"])
    model = model_of(cell, images)
    step = our_step(model, cell, images) if side == "ours" else plain_step(plain_model(model), cell, images)
    for _ in range(STEPS):
        step()


if __name__ == "__main__":
    _train(*json.loads(sys.argv[1]))
    print(peak_megabytes())
