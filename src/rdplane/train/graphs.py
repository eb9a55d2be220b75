"""A step's passes as CUDA graphs: recorded once, then replayed, each with one launch instead of thousands.

A GPU computes most layers here faster than Python can ask for the next, so that an eager step leaves it idle for most
of the time. A graph reads and writes the same memory at every replay. So the batch is copied to where the recorded pass
reads it, and what depends on the step in any other way, the objective, is computed between the two passes as ever.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rdplane.train.loss import Loss

__all__ = ["Graph", "GraphedPasses"]


class Graph:
    """A function without arguments, recorded on CUDA; to record does not run it, to call replays it.

    Args:
        function: what to record; it may only use memory that stays where it is.
        pool: memory shared with other graphs that are always replayed in the order in which they were recorded.

    Attributes:
        result: what the function returned; every replay writes it anew.
    """

    result: tuple[Any, ...]

    def __init__(self, function: Callable[[], tuple[Any, ...]], pool: Any):
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, pool=pool, capture_error_mode="thread_local"):
            self.result = function()

    def __call__(self) -> None:
        self.graph.replay()


class GraphedPasses:
    """The forward and the backward pass of one batch, recorded for batches of one shape.

    Args:
        rate_distortion: the model's (see `rdplane.models.vae.VAE`), in the precision of training.
        parameters: what is trained.
        x: (B, H, W[, 3]) in [0, 1], a batch.
        noise: (B, L), its noise.
        record: makes a callable with `result` of a function (see `Graph`).
    """

    def __init__(
        self,
        rate_distortion: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
        parameters: list[nn.Parameter],
        x: Tensor,
        noise: Tensor,
        record: Callable[..., Graph] = Graph,
    ):
        self.parameters = parameters
        self.x, self.noise = x.clone(), noise.clone()
        self.weights = (x.new_zeros(len(x)), x.new_zeros(len(x)))
        pool = torch.cuda.graph_pool_handle() if x.device.type == "cuda" else None

        def forward() -> tuple[Tensor, ...]:
            return rate_distortion(self.x, self.noise)

        def backward() -> tuple[Tensor | None, ...]:
            found = torch.autograd.grad(self.forward.result, parameters, self.weights, allow_unused=True)
            return tuple(map(_in_layout, found, parameters))

        self.forward = record(forward, pool)
        self.backward = record(backward, pool)
        self.values = tuple(value.detach() for value in self.forward.result)

    def __call__(self, objective: Loss, x: Tensor, noise: Tensor, time: float) -> tuple[Tensor, Tensor]:
        """As `rdplane.train.gradient.backward`, but gradients are set, not added; both hold until the next call."""
        self.x.copy_(x)
        self.noise.copy_(noise)
        self.forward()
        rate, distortion = (value.detach().requires_grad_() for value in self.values)
        weights = torch.autograd.grad(objective(rate, distortion, time), (rate, distortion))
        for place, weight in zip(self.weights, weights, strict=True):
            place.copy_(weight)
        self.backward()
        for parameter, gradient in zip(self.parameters, self.backward.result, strict=True):
            parameter.grad = gradient
        return rate.detach(), distortion.detach()


def _in_layout(gradient: Tensor | None, parameter: Tensor) -> Tensor | None:
    """A gradient in the memory layout of its parameter, which a fused update asks for."""
    if gradient is None or gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
