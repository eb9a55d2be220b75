"""The gradient of one batch, computed in one piece or, where memory is short, in several of the same total."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rdplane.device import autocast, out_of_memory
from rdplane.errors import UserError
from rdplane.jobs.progress import Progress
from rdplane.models.vae import VAE
from rdplane.train.compiled import RateDistortion
from rdplane.train.graphs import GraphedPasses
from rdplane.train.loss import Loss

if TYPE_CHECKING:
    from rdplane.models.conditioned import Conditioned

__all__ = ["BatchGradient", "backward"]

EAGER = 3  # steps before the passes are recorded: libraries set themselves up in the first


def backward(
    rate_distortion: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    objective: Loss,
    x: Tensor,
    noise: Tensor,
    time: float,
    most: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Add the gradient of the objective of one batch to the gradients of the model's parameters.

    In micro-batches the objective is that of the whole batch, to rounding: a pass without gradients finds every image's
    rate and distortion, the objective's derivatives by them are the images' weights (an objective of the mean rate
    gives none before it has seen all), and a second pass goes back with these. It costs a third more time.

    Args:
        rate_distortion: the model's (see `VAE.rate_distortion`).
        objective: what to minimise.
        x: (B, H, W[, 3]) in [0, 1].
        noise: (B, L) standard normal, for z ~ e(z|x).
        time: epochs trained so far, a fraction included.
        most: images at once; None for all.

    Returns:
        rate (B,), distortion (B,), nats per image, detached.
    """
    if most is None or most >= len(x):
        rate, distortion = rate_distortion(x, noise)
        objective(rate, distortion, time).backward()
        return rate.detach(), distortion.detach()
    parts = list(zip(x.split(most), noise.split(most), strict=True))
    with torch.no_grad():
        pairs = [rate_distortion(*part) for part in parts]
    rate, distortion = (torch.cat(values).requires_grad_() for values in zip(*pairs, strict=True))
    weights = torch.autograd.grad(objective(rate, distortion, time), (rate, distortion))
    for part, *gradients in zip(parts, *(weight.split(most) for weight in weights), strict=True):
        torch.autograd.backward(rate_distortion(*part), gradients)
    return rate.detach(), distortion.detach()


class BatchGradient:
    """`backward` on one device and in one precision, which gives way when memory runs out.

    Args:
        model, objective: what to train.
        precision: of the networks, 'float32' or 'bfloat16'.
        micro_batch: images at once; None for the whole batch, 'auto' for as many as fit, found by halving.
        compile: 'off', 'graph' for CUDA graphs (see `rdplane.train.graphs`), or a mode of torch.compile (see
            `RateDistortion`).
        progress: names the cell, and gets a line when the number is halved.
    """

    def __init__(
        self,
        model: "VAE | Conditioned",
        objective: Loss,
        precision: str,
        micro_batch: int | str | None,
        compile: str,
        progress: Progress,
    ):
        self.model, self.objective, self.precision, self.progress = model, objective, precision, progress
        if micro_batch is not None and compile == "reduce-overhead":
            compile = "default"  # a CUDA graph's outputs last until its next run, and pieces are run one after another
        self.rate_distortion = RateDistortion(model, "off" if compile == "graph" else compile, progress)
        self.graphs, self.made = compile == "graph", 0
        self.passes: GraphedPasses | None = None
        self.graphed = False  # whether the pass under way is one of them
        self.shrink = micro_batch == "auto"
        self.most = micro_batch if isinstance(micro_batch, int) else None

    def __call__(self, x: Tensor, time: float) -> tuple[Tensor, Tensor]:
        """Add the gradient of the objective of one batch to the gradients of the model's parameters.

        Args:
            x: (B, H, W[, 3]) in [0, 1].
            time: epochs trained so far, a fraction included.

        Returns:
            rate (B,), distortion (B,), nats per image, detached.

        Raises:
            UserError: memory ran out, and smaller pieces are not allowed or not possible.
        """
        # Drawn first: a batch that is tried again in smaller pieces sees the same noise.
        noise = torch.randn(len(x), self.model.latent, device=x.device)
        while True:
            before = {key: value.clone() for key, value in self.objective.state_dict().items()}
            try:
                return self._backward(x, noise, time)
            except Exception as error:
                if out_of_memory(error):
                    self._shrink(len(x))
                elif not (self._give_up(error) or self.rate_distortion.give_up(error)):
                    raise
            # Outside of `except`: a handled error keeps the failed pass's tensors alive.
            self.model.zero_grad(set_to_none=True)
            self.objective.load_state_dict(before)
            if x.device.type == "cuda":
                torch.cuda.empty_cache()

    def _backward(self, x: Tensor, noise: Tensor, time: float) -> tuple[Tensor, Tensor]:
        self.graphed = self.graphs and self.most is None and self.made >= EAGER
        if self.graphed:
            if self.passes is None:
                self.passes = GraphedPasses(self._forward, list(self.model.parameters()), x, noise)
            return self.passes(self.objective, x, noise, time)
        self.made += 1
        return backward(self._forward, self.objective, x, noise, time, self.most)

    def _give_up(self, error: Exception) -> bool:
        """Go on without graphs after an error; False where they had no part in it."""
        if not self.graphed:
            return False
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        self.progress.line(f"CUDA graphs do not work here ({reason}); going on without (compute.compile: off)")
        self.graphs, self.passes = False, None
        return True

    def _forward(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        # The backward pass stays outside: it takes each operation's own precision, which is full for the densities.
        with autocast(x.device, self.precision):
            return self.rate_distortion(x, noise)

    def _shrink(self, batch: int) -> None:
        now = min(self.most or batch, batch)
        if not self.shrink or now == 1:
            raise UserError(f"{self.progress.cell}: {_advice(batch, now)}") from None
        self.most, self.passes = (now + 1) // 2, None
        self.progress.line(
            f"out of memory with {now} images at once; going on with {self.most} of the same batch of {batch}"
        )


def _advice(batch: int, now: int) -> str:
    if now == 1:
        return "out of memory with a single image at once; choose smaller sizes under model, or a larger GPU"
    return (
        f"out of memory at training.batch_size {batch}, {now} images at once; set compute.micro_batch: "
        f"{max(1, now // 2)} or auto for it under overrides (the same batch and objective in smaller pieces), or "
        "lower compute.cells_per_gpu"
    )
