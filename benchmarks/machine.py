"""What a table was measured on."""

import os
import platform
from pathlib import Path

__all__ = ["processor"]


def processor() -> str:
    """The CPU's name and its number of cores for this process."""
    name, information = platform.machine(), Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text().splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores"
