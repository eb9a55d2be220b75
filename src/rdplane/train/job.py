"""What happens around the training of a cell: exclusive, restartable, finished once. Needs no torch by itself."""

import contextlib
import csv
import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rdplane.cell import cell_name
from rdplane.config import RUNTIME, TRAINING
from rdplane.errors import UserError
from rdplane.files import atomic, canonical_json, read_json, write_text
from rdplane.train.heartbeat import Heartbeat
from rdplane.train.lease import lease
from rdplane.train.progress import Progress, duration
from rdplane.train.signals import stopping

__all__ = ["DEFAULTS", "OUTPUTS", "exclusive", "train"]

OUTPUTS = ("model.safetensors", "history.csv", "train.json")
DEFAULTS = {key: TRAINING[key].default for key in RUNTIME}  # how a cell is computed where nobody says


def train(
    cell: dict[str, Any],
    images: Path,
    folder: Path,
    runtime: dict[str, Any] | None = None,
    log: Path | None = None,
    fresh: bool = False,
) -> None:
    """Train a cell and write `model.safetensors`, `history.csv` and `train.json` into its folder.

    A second process on the same folder waits for the first. A cell that is already finished is not trained
    again, and one that was killed goes on from its last checkpoint, both kept in `folder/state`.

    Args:
        cell: the resolved cell (see `rdplane.cell`).
        images: prepared images.
        folder: the cell's folder.
        runtime: those keys of `training` that say how a cell is computed (`rdplane.config.RUNTIME`).
        log: file for the progress lines; None for standard error.
        fresh: forget checkpoints and a finished result.

    Raises:
        UserError: a non-finite loss or gradient, damaged images, a folder that cannot be written.
        Interrupted: SIGTERM, SIGINT or SIGUSR1 arrived; the checkpoint is written.
    """
    runtime = DEFAULTS | (runtime or {})
    state = folder / "state"
    progress = Progress(cell_name(cell), log)

    def stalled(reason: str) -> None:
        with contextlib.suppress(UserError):
            write_text(state / "failure", f"{progress.cell}: {reason}\n")
        progress.line(reason)
        if log is not None:
            print(f"error: {progress.cell}: {reason}", file=sys.stderr, flush=True)

    with stopping(progress) as stop, exclusive(state, progress):
        if fresh:
            for path in state.iterdir():
                if path.name != ".lock":
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        for part in state.rglob(".*.part"):
            part.unlink(missing_ok=True)  # of a process that was killed while it wrote
        if _finished(cell, state / "finished"):
            progress.line("already trained; its result is used again")
        else:
            on_gpu = runtime["device"] in ("auto", "cuda")
            with (
                Heartbeat(state, runtime["stall_seconds"], stalled) as heartbeat,
                # Leased before torch is imported: CUDA reads the choice of device once, when it starts.
                lease(runtime["cells_per_gpu"], lambda: heartbeat.report(stage="waiting for a GPU"))
                if on_gpu
                else contextlib.nullcontext(),
            ):
                from rdplane.train.loop import run

                try:
                    _run(run, cell, images, state, runtime, progress, stop, heartbeat)
                except UserError as error:
                    # Kept for the table of missing cells; a log file says more but may be gone.
                    with contextlib.suppress(UserError):  # a full disk must not hide the first reason
                        write_text(state / "failure", f"{error}\n")
                    raise
                (state / "failure").unlink(missing_ok=True)
                if log is not None:
                    print(f"{progress.cell}: {_outcome(state / 'finished')}", file=sys.stderr)
        _publish(state / "finished", folder)


def _run(run: Callable[..., None], cell: dict[str, Any], *arguments: Any) -> None:
    """Run the loop; memory that runs out anywhere in it ends in one line (see also `rdplane.train.gradient`)."""
    from rdplane.device import out_of_memory

    try:
        run(cell, *arguments)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise UserError(
            f"{cell_name(cell)}: out of memory; set training.micro_batch: auto for it under overrides (the same batch "
            "and objective in smaller pieces), or lower training.cells_per_gpu"
        ) from None


@contextlib.contextmanager
def exclusive(state: Path, progress: Progress) -> Iterator[None]:
    """Hold a cell's lock, waiting while another process trains the same cell."""
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
    """One line on a finished training, for the terminal of a run whose details go to a log file."""
    with (folder / "history.csv").open(newline="") as stream:
        *_, last = csv.DictReader(stream)
    rate, distortion = float(last["valid_rate"]), float(last["valid_distortion"])
    return (
        f"trained {last['epoch']} epochs in {duration(float(last['seconds']))}: "
        f"validation R {rate:.2f} D {distortion:.2f} -ELBO {rate + distortion:.2f} nats"
    )


def _publish(source: Path, folder: Path) -> None:
    """Give the finished files their place; hard links, so that the copy kept for a restart costs no space."""
    for name in OUTPUTS:
        target = folder / name
        if target.exists() and target.samefile(source / name):
            continue
        part = folder / f".{name}.part"
        try:
            part.unlink(missing_ok=True)
            os.link(source / name, part)
            os.replace(part, target)
            os.utime(target)
        except OSError:  # a file system without hard links
            with atomic(target) as stream, (source / name).open("rb") as file:
                shutil.copyfileobj(file, stream)
