"""The machine that this process runs on. Needs no torch."""

import functools
import platform
from pathlib import Path

__all__ = ["processor"]


@functools.cache
def processor() -> str:
    """The name of the processor, or of its kind where the system does not tell."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
