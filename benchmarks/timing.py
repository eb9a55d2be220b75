"""Laps of two sides in turn, so that whatever slows the machine down meets both alike."""

import statistics
import time
from collections.abc import Callable, Mapping

import torch

__all__ = ["clock_of", "interleave", "quartiles"]

MOST = 300  # laps: more change no median


def clock_of(device: torch.device, threads: int) -> Callable[[], float]:
    """Seconds on the clock that suits: on one CPU thread its own, which stands still while others have the core."""
    if device.type == "cuda":

        def clock() -> float:
            torch.cuda.synchronize()
            return time.perf_counter()

        return clock
    return time.process_time if threads == 1 else time.perf_counter


def interleave(
    sides: Mapping[str, Callable[[], object]], seconds: float, least: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Seconds of each lap, the sides taking turns after one uncounted lap each.

    Args:
        sides: what to measure.
        seconds: to spend.
        least: laps of each side however long they take.
    """
    for side in sides.values():
        side()
    laps: dict[str, list[float]] = {name: [] for name in sides}
    started = time.monotonic()
    for number in range(MOST):
        if number >= least and time.monotonic() - started > seconds:
            break
        for name, side in sides.items():
            before = clock()
            side()
            laps[name].append(clock() - before)
    return laps


def quartiles(values: list[float]) -> tuple[float, float]:
    """Median and interquartile range; the range of a single value is 0."""
    if len(values) == 1:
        return values[0], 0.0
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, high - low
