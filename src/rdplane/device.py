"""Where the numbers are computed: device, precision, threads."""

import contextlib
import functools
import warnings
from pathlib import Path

import torch

from rdplane.errors import UserError
from rdplane.machine import processor

__all__ = ["autocast", "choose_device", "describe", "out_of_memory", "resolve_precision", "set_threads"]


def choose_device(name: str) -> torch.device:
    """The device for 'auto', 'cpu', 'cuda' or 'mps'; from then on float32 is float32 in this process.

    Raises:
        UserError: the device asked for is not there.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = "cuda" if available["cuda"] else "cpu"  # mps has never been tested: only where asked for
    if not available[name]:
        raise UserError(
            f"compute.device is {name}, but torch {torch.__version__} finds no such device here; "
            "expected one of auto, cpu, cuda, mps: set compute.device: auto, or install a torch build with it"
        )
    _no_tf32()
    return torch.device(name)


def _no_tf32() -> None:
    """Multiply float32 numbers with all of their 24 bits on CUDA, where cuDNN's convolutions by default keep 11.

    With TF32 a rate is off by up to 0.03 nats. Convolutions in bfloat16 have no use for it.
    """
    # By the older names first: torch's compiler asks by them, which is an error unless they agree with the newer ones.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
    # They leave the choice to the settings of all operations together; these settle it.
    cuda, cudnn = torch.backends.cuda, torch.backends.cudnn
    for operation in (cuda.matmul, cudnn.conv, cudnn.rnn):  # type: ignore[attr-defined]
        operation.fp32_precision = "ieee"  # type: ignore[union-attr]


def set_threads(threads: int) -> None:
    """Use so many CPU threads. As many cells as cores, each with one thread, beat fewer cells with more threads."""
    torch.set_num_threads(threads)


BFLOAT16_UNITS = frozenset({"amx_bf16", "avx512_bf16"})  # as Linux names them


@functools.cache
def has_bfloat16_unit(kind: str) -> bool:
    """Whether a device type is taken to multiply bfloat16 in hardware: CUDA, and CPUs with one of `BFLOAT16_UNITS`.

    With such a unit a training step is faster than in float32 at every size and architecture that was measured
    (docs/benchmarks.md), without one it is slower. The instruction set decides, not a stopwatch: two cells of one
    grid, or two runs of one cell, never differ because a machine was busy for a moment.
    """
    if kind == "cpu":
        information = Path("/proc/cpuinfo")
        return information.exists() and not BFLOAT16_UNITS.isdisjoint(information.read_text().split())
    return kind == "cuda"


def resolve_precision(precision: str, device: torch.device) -> str:
    """The precision that `training.precision` means on a device.

    Args:
        precision: 'auto', 'float32' or 'bfloat16'.
        device: where the networks are computed.

    Returns:
        'float32' or 'bfloat16'.
    """
    if precision == "auto":
        return "bfloat16" if has_bfloat16_unit(device.type) else "float32"
    return precision


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """The context in which networks are computed in a precision.

    Args:
        device: where they are computed.
        precision: 'float32' or 'bfloat16' (mixed precision), as `resolve_precision` returns it.

    Raises:
        ValueError: another precision, 'auto' included: nobody would notice that it meant float32.
    """
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"precision is {precision!r}, expected float32 or bfloat16")
    if precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device, or the machine, has no memory left."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in ("out of memory", "can't allocate memory")
    )


def describe(device: torch.device) -> str:
    """The device's name for tables, such as 'NVIDIA H200' or 'cpu (AMD EPYC)'."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} ({processor()})"
