"""A GPU for each process: leases that the kernel frees however their holder dies.

One lock file stands for each place on each device. Holding a lease is holding an ``flock`` on its file in this very
process, so neither SIGKILL nor a power cut leaves one behind. The pool of devices is ``CUDA_VISIBLE_DEVICES`` if set,
by the user or by a batch scheduler, else what nvidia-smi lists. Needs no torch.
"""

import contextlib
import fcntl
import itertools
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rdplane.errors import UserError

__all__ = ["SCHEDULERS", "devices", "lease"]

SCHEDULERS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")


def devices() -> list[str]:
    """Names of the GPUs that this user may use, in order; empty without an NVIDIA GPU."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1", "NoDevFiles")]
    try:
        command = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
        listing = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return listing.stdout.split() if listing.returncode == 0 else []


def _folder() -> Path:
    """The folder of the locks: one for each user and machine, whatever the experiment.

    A batch job has one of its own, because a scheduler numbers the devices of every job from 0.

    Raises:
        UserError: it cannot be made.
    """
    folder = Path(os.environ.get("RDPLANE_LEASES") or f"{tempfile.gettempdir()}/rdplane-leases-{os.getuid()}")
    job = next((os.environ[key] for key in SCHEDULERS if os.environ.get(key)), "")
    folder = folder / job.replace("/", "_")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot make the folder {folder} for GPU leases: {error.strerror}; name another in RDPLANE_LEASES"
        ) from None
    return folder


@contextlib.contextmanager
def lease(places: int = 1, waiting: Callable[[], None] = lambda: None, poll: float = 0.5) -> Iterator[str | None]:
    """Hold a GPU of one's own for the length of the block, waiting for one if all are taken.

    Sets ``CUDA_VISIBLE_DEVICES`` to the device held, so call it before torch starts CUDA. Devices fill breadth first:
    no device takes a second holder while another has none.

    Args:
        places: how many processes may share one device; ``RDPLANE_CELLS_PER_GPU`` overrules it.
        waiting: called once if all are taken.
        poll: seconds between two tries.

    Yields:
        The device's name, or None where there is no GPU.
    """
    pool = devices()
    places = int(os.environ.get("RDPLANE_CELLS_PER_GPU") or places)
    if not pool:
        yield None
        return
    for attempt in itertools.count():
        for place in range(places):
            for device in pool:
                handle = os.open(_folder() / f"{device.replace('/', '_')}.{place}", os.O_RDWR | os.O_CREAT, 0o600)
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    os.close(handle)
                    continue
                previous = os.environ.get("CUDA_VISIBLE_DEVICES")
                os.environ["CUDA_VISIBLE_DEVICES"] = device
                try:
                    yield device
                finally:
                    os.close(handle)
                    if previous is None:
                        del os.environ["CUDA_VISIBLE_DEVICES"]
                    else:
                        os.environ["CUDA_VISIBLE_DEVICES"] = previous
                return
        if attempt == 0:
            waiting()
        time.sleep(poll)
