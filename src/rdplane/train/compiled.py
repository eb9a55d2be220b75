"""The forward pass through torch.compile, where it is wanted and works."""

import importlib.util

import torch
from torch import Tensor

from rdplane.jobs.progress import Progress
from rdplane.models.vae import VAE

__all__ = ["RateDistortion"]


class RateDistortion:
    """`VAE.rate_distortion`, compiled or plain.

    Args:
        model: on its device.
        mode: 'off'; 'default' or 'reduce-overhead' (CUDA graphs), modes of torch.compile; 'auto' for 'default' on CUDA,
            where fused kernels are what pays, and 'off' elsewhere, where a cell of a small grid ends sooner than the
            compiler.
        progress: gets a line where compiling fails; training then goes on without.
    """

    def __init__(self, model: VAE, mode: str, progress: Progress):
        self.plain, self.progress = model.rate_distortion, progress
        if mode == "auto":
            on_cuda = next(model.parameters()).device.type == "cuda"
            mode = "default" if on_cuda and importlib.util.find_spec("triton") else "off"
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
