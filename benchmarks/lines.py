"""What a child process says, line by line and never later than a deadline."""

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.sizes import ROOT

__all__ = ["environment", "json_lines"]


def environment(**more: str) -> dict[str, str]:
    """This process's environment, in which a child finds the package whether or not it is installed."""
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    return os.environ | {"PYTHONPATH": path} | more


def json_lines(command: list[str], deadline: float) -> Iterator[dict[str, Any]]:
    """The objects that a command prints as lines of JSON, the last with the key 'error' if it fails.

    Args:
        deadline: of `time.monotonic`; the process is killed then.
    """
    if time.monotonic() > deadline:
        yield {"error": "no time left (--minutes)"}
        return
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=pipe, stderr=pipe, text=True)
    lines: queue.Queue[str | None] = queue.Queue()
    errors: list[str] = []

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read, daemon=True)
    complaints = threading.Thread(target=lambda: errors.extend(process.stderr or ()), daemon=True)
    reader.start()
    complaints.start()
    try:
        while (line := lines.get(timeout=max(0.1, deadline - time.monotonic()))) is not None:
            yield json.loads(line)
        if process.wait():
            complaints.join()
            yield {"error": (errors or [f"status {process.returncode}"])[-1].strip()}
    except queue.Empty:
        yield {"error": "no time left (--minutes)"}
    finally:
        process.kill()
        process.wait()
