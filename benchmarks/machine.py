"""What a table was measured on."""

import os

from rdplane.machine import processor as name

__all__ = ["processor"]


def processor() -> str:
    """The CPU's name and its number of cores for this process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name()}, {cores} cores"
