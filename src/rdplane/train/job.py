"""What happens around the training of a cell: one process at a time, restartable, done once. No torch by itself."""

import contextlib
import csv
import fcntl
import functools
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rdplane.declare.objects import explained
from rdplane.errors import UserError
from rdplane.experiment.cells import cell_name
from rdplane.experiment.keys import COMPUTE
from rdplane.files import canonical_json, publish, read_json, write_text
from rdplane.jobs.heartbeat import Heartbeat
from rdplane.jobs.lease import lease
from rdplane.jobs.progress import Progress, displayed, duration
from rdplane.jobs.signals import Stop, stopping

__all__ = ["DEFAULTS", "OUTPUTS", "exclusive", "train"]

OUTPUTS = ("model.safetensors", "history.csv", "train.json")
DEFAULTS = {key.name: key.default for key in COMPUTE}  # how a cell is computed where nobody says


def train(
    cell: dict[str, Any],
    images: Path,
    folder: Path,
    compute: dict[str, Any] | None = None,
    log: Path | None = None,
    fresh: bool = False,
    then: Callable[[], None] | None = None,
) -> None:
    """Train a cell and write `model.safetensors`, `history.csv` and `train.json` into its folder.

    A second process on the same folder waits for the first. A cell that is already finished is not trained
    again, and one that was killed goes on from its last checkpoint; both are kept in `folder/state`.

    Args:
        cell: the resolved cell (see `rdplane.experiment.cells`).
        images: prepared images.
        folder: the cell's folder.
        compute: how the cell is computed: keys of the section `compute`; those that are missing have their defaults.
        log: file for the progress lines; None for standard error.
        fresh: forget checkpoints and a finished result.
        then: called once the cell is trained and its files lie in place, on the same GPU; a signal ends it at once.

    Raises:
        UserError: a loss or gradient that is not finite, damaged images, a folder that cannot be written.
        Interrupted: SIGTERM, SIGINT or SIGUSR1 arrived; the checkpoint is written.
    """
    compute = DEFAULTS | (compute or {})
    state = folder / "state"
    progress = Progress(cell_name(cell), log)
    with stopping(progress) as stop, exclusive(state, progress):
        _tidy(state, fresh)
        if _finished(cell, state / "finished"):
            progress.line("already trained; its result is used again")
            _publish(folder)
        else:
            _train(cell, images, folder, compute, progress, stop, then)


def _tidy(state: Path, fresh: bool) -> None:
    """Remove what a killed process left half-written; with `fresh` everything."""
    if fresh:
        for path in state.iterdir():
            if path.name != ".lock":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    for part in state.rglob(".*.part"):
        part.unlink(missing_ok=True)


def _train(
    cell: dict[str, Any], images: Path, folder: Path, compute: dict[str, Any], progress: Progress, stop: Stop,
    then: Callable[[], None] | None,
) -> None:  # fmt: skip
    """Train with signs of life and a GPU of its own; why it failed is kept in `state/failure`."""
    state = folder / "state"
    watch = Heartbeat(state, compute["stall_seconds"], functools.partial(_stalled, state, progress))
    # The GPU is leased before torch is imported: CUDA reads the choice of device once, when it starts.
    with watch as heartbeat, _gpu(compute, heartbeat):
        try:
            _run(cell, images, state, compute, progress, stop, heartbeat)
        except UserError as error:
            # Kept for the table of missing cells; a log file says more but may be gone.
            with contextlib.suppress(UserError):  # a full disk must not hide the first reason
                write_text(state / "failure", f"{error}\n")
            raise
        (state / "failure").unlink(missing_ok=True)
        if progress.log is not None and not displayed():
            print(f"{progress.cell}: {_outcome(state / 'finished')}", file=sys.stderr)
        _publish(folder)
        stop.deferred = False  # its weights are in place, so there is nothing to save any more
        if then is not None and not stop:
            heartbeat.rest("measuring")
            then()


def _publish(folder: Path) -> None:
    """Give the finished files, which are kept in `state/finished` for a restart, their place."""
    for name in OUTPUTS:
        publish(folder / "state/finished" / name, folder / name)


def _gpu(compute: dict[str, Any], heartbeat: Heartbeat) -> contextlib.AbstractContextManager[Any]:
    """A lease of a GPU where the cell may be computed on one, else nothing."""
    if compute["device"] not in ("auto", "cuda"):
        return contextlib.nullcontext()
    return lease(compute["cells_per_gpu"], lambda: heartbeat.report(stage="waiting for a GPU"))


def _stalled(state: Path, progress: Progress, reason: str) -> None:
    """Say why a job that hangs ends itself."""
    with contextlib.suppress(UserError):
        write_text(state / "failure", f"{progress.cell}: {reason}\n")
    progress.line(reason)
    if progress.log is not None:
        print(f"error: {progress.cell}: {reason}", file=sys.stderr, flush=True)


def _run(
    cell: dict[str, Any], images: Path, state: Path, compute: dict[str, Any], progress: Progress, stop: Stop,
    heartbeat: Heartbeat,
) -> None:  # fmt: skip
    """Run the loop; memory that runs out anywhere in it ends in one line (see also `rdplane.train.gradient`)."""
    from rdplane.device import out_of_memory
    from rdplane.train.loop import run

    try:
        with explained(f"{progress.cell} cannot be trained", passing=out_of_memory):
            run(cell, images, state, compute, progress, stop, heartbeat)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise UserError(
            f"{progress.cell}: out of memory; set compute.micro_batch: auto for it under overrides (the same batch "
            "and objective in smaller pieces), or lower compute.cells_per_gpu"
        ) from None


@contextlib.contextmanager
def exclusive(state: Path, progress: Progress) -> Iterator[None]:
    """Hold a cell's lock, waiting while another process trains the same cell.

    Args:
        state: the cell's state folder; it is made if it is not there.
        progress: gets a line if there is something to wait for.

    Raises:
        UserError: the folder cannot be written.
    """
    try:
        state.mkdir(parents=True, exist_ok=True)
        handle = os.open(state / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise UserError(
            f"cannot write {state}: {error.strerror}; make the results folder writable, then run the same command again"
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.line("another process is training this cell; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _finished(cell: dict[str, Any], folder: Path) -> bool:
    """Whether `folder` holds a whole result of exactly this cell."""
    if not all((folder / name).exists() for name in OUTPUTS):
        return False
    try:
        return canonical_json(read_json(folder / "train.json")["cell"]) == canonical_json(cell)
    except (UserError, KeyError, TypeError, ValueError):
        return False


def _outcome(folder: Path) -> str:
    """One line on a finished training run, for the terminal of a job whose details go to a log file."""
    with (folder / "history.csv").open(newline="") as stream:
        *_, last = csv.DictReader(stream)
    rate, distortion = float(last["valid_rate"]), float(last["valid_distortion"])
    return (
        f"trained {last['epoch']} epochs in {duration(float(last['seconds']))}: "
        f"validation R {rate:.2f} D {distortion:.2f} -ELBO {rate + distortion:.2f} nats"
    )
