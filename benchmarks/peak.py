"""What the machine itself can do: a large matrix product, in the same run and with the same threads."""

import time
from collections.abc import Iterator
from functools import cache

import torch

from benchmarks.sizes import Plan
from benchmarks.table import Row
from rdplane.device import resolve_precision

__all__ = ["peak", "run"]


@cache
def peak(device: torch.device, precision: str) -> float:
    """GFLOP/s of the best of ten products of large square matrices, in 'float32' or 'bfloat16'.

    Of smaller ones where a precision has no fast instructions, and a large product would take a quarter of a minute.
    """
    side = 8192 if device.type == "cuda" else 2048
    if device.type == "cpu" and _seconds(device, precision, 256) > 0.01:
        side = 512
    return 2 * side**3 / min(_seconds(device, precision, side) for _ in range(10)) / 1e9


def _seconds(device: torch.device, precision: str, side: int) -> float:
    """Wall time of the faster of two products."""
    a, b = (torch.randn(side, side, device=device).to(getattr(torch, precision)) for _ in range(2))
    out = torch.empty_like(a)
    best = float("inf")
    for _ in range(2):
        if device.type == "cuda":
            torch.cuda.synchronize()
        started = time.perf_counter()
        torch.mm(a, b, out=out)
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return best


def run(plan: Plan) -> Iterator[Row]:
    """A row for each precision; the one that training uses here is marked."""
    device = torch.device("cpu")
    for precision in ("float32", "bfloat16"):
        used = "what training uses here" if resolve_precision("auto", device) == precision else ""
        yield Row("peak", "", f"matmul {precision}", "GFLOP/s", peak(device, precision), note=used)
