"""The forward pass through torch.compile, where it is wanted and works."""

import os
import shutil
import sys
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rdplane.errors import UserError
from rdplane.jobs.progress import Progress
from rdplane.models.vae import VAE

if TYPE_CHECKING:
    from rdplane.models.conditioned import Conditioned

__all__ = ["RateDistortion", "chosen_mode"]

# Images passed through in training, from which on compiling for a CPU pays: the least that it saved at any size
# measured, 0.2 ms an image, is then the minute that it takes.
LONG = 300_000


def chosen_mode(mode: str, device: torch.device, precision: str, passes: int) -> str:
    """How the steps of a cell are put together, as `compute.compile` means it.

    'auto' does what pays by what was measured (docs/benchmarks.md): CUDA graphs made a step 2.7 times as fast. On a CPU
    a compiled float32 step was 1.2 to 1.3 times as fast at all but the smallest sizes, one in bfloat16 0.8 to 1.2
    times, and the compiler took 5 to 60 seconds first. The choice depends on nothing that a resumed training run would
    find changed on the same machine.

    Args:
        mode: 'auto', 'off', 'graph' (CUDA graphs of what runs without a compiler), 'default' or 'reduce-overhead' (CUDA
            graphs of what is compiled).
        device, precision: of the networks in training.
        passes: training images times epochs.

    Returns:
        'off', 'graph', 'default' or 'reduce-overhead'.

    Raises:
        UserError: graphs are asked for on another device.
    """
    if mode == "graph" and device.type != "cuda":
        raise UserError(
            f"compute.compile is graph, but the cell is computed on {device.type}, and only CUDA records graphs; set "
            "compute.compile: auto, or compute.device: cuda"
        )
    if mode != "auto":
        return mode
    if device.type == "cuda":
        return "graph"
    pays = device.type == "cpu" and precision == "float32" and passes >= LONG and _has_compiler()
    return "default" if pays else "off"


def _has_compiler() -> bool:
    """Whether the C++ compiler that torch would call is there."""
    return shutil.which(os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")) is not None


class RateDistortion:
    """`VAE.rate_distortion`, compiled or plain.

    Args:
        model: on its device.
        mode: 'off', or a mode of torch.compile (see `chosen_mode`).
        progress: gets a line where compiling fails; training then goes on without.
    """

    def __init__(self, model: "VAE | Conditioned", mode: str, progress: Progress):
        self.plain, self.progress = model.rate_distortion, progress
        self.compiled = None if mode == "off" else torch.compile(model, mode=mode)

    def __call__(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        return (self.plain if self.compiled is None else self.compiled)(x, noise)

    def give_up(self, error: Exception) -> bool:
        """Go on without the compiler after an error in either pass; False where it had no part in it."""
        if self.compiled is None:
            return False
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        self.progress.line(f"torch.compile does not work here ({reason}); going on without (compute.compile: off)")
        self.compiled = None
        return True
