"""A moving average of the weights, which is often better than the last of them (Polyak and Juditsky 1992)."""

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

__all__ = ["MovingAverage"]


class MovingAverage:
    """Exponential moving average of a model's parameters over the steps of its training.

    The decay climbs to its value: at step t it is min(decay, (1 + t) / (10 + t)), so that at any time at most about
    the last ninth of the steps counts. Otherwise an average of 0.999 would hold the first, useless weights for a few
    thousand steps, and dividing by 1 - decay^t, as Adam does, would weigh all steps of a short training alike.

    Args:
        model: averaged; its buffers are not.
        decay: share of the average that a step keeps at last, in (0, 1).
    """

    def __init__(self, model: nn.Module, decay: float):
        self.model, self.decay = model, decay
        self.means = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}

    @torch.no_grad()
    def update(self, made: int) -> None:
        """Take in the weights that a step has just left.

        Args:
            made: steps made so far, this one included.
        """
        decay = min(self.decay, (1 + made) / (10 + made))
        torch._foreach_lerp_(list(self.means.values()), list(self.model.parameters()), 1 - decay)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block the model has the averaged weights, behind it its own again."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        # The memory changes hands and nothing is copied, so that a compiled model finds its own where it was.
        for mean, parameter in zip(self.means.values(), self.model.parameters(), strict=True):
            mean.data, parameter.data = parameter.data, mean.data

    def state(self) -> dict[str, Tensor]:
        """The averaged weights by name: all that a checkpoint needs."""
        return {f"average.{name}": mean for name, mean in self.means.items()}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned."""
        for name, mean in self.means.items():
            mean.copy_(tensors[f"average.{name}"])
