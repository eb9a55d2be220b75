"""Adam with normalised gradients (Appendix F; Yu et al. 2017)."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

__all__ = ["NormalisedAdam"]


class NormalisedAdam:
    """Adam whose input is each parameter tensor's gradient divided by its own L2 norm + 1e-7.

    Args:
        parameters: what to train.
        normalise: False gives plain Adam.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], normalise: bool = True):
        self.parameters = list(parameters)
        self.normalise = normalise
        # Fused: one call updates every tensor, on CPU and CUDA alike.
        fused = self.parameters[0].device.type in ("cpu", "cuda")
        self.adam = torch.optim.Adam(self.parameters, fused=fused)

    def step(self, learning_rate: float) -> Tensor:
        """Update the parameters from their gradients, then clear these.

        Args:
            learning_rate: of this step.

        Returns:
            The largest gradient norm of any tensor: not finite exactly where a gradient is not.
        """
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        norms = torch._foreach_norm(gradients)
        if self.normalise:
            torch._foreach_div_(gradients, torch._foreach_add(norms, 1e-7))
        self.adam.param_groups[0]["lr"] = learning_rate
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        return torch.stack(norms).max()

    def state(self) -> dict[str, Tensor]:
        """Moments and step counts by parameter number: all that a checkpoint needs."""
        return {
            f"adam.{number}.{key}": value
            for number, parameter in enumerate(self.parameters)
            for key, value in self.adam.state[parameter].items()
        }

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned."""
        for number, parameter in enumerate(self.parameters):
            prefix = f"adam.{number}."
            for key, value in tensors.items():
                if key.startswith(prefix):
                    # In the parameter's own memory layout: the fused update walks all of them side by side.
                    place = (
                        torch.empty_like(parameter) if value.dim() else torch.empty_like(value, device=parameter.device)
                    )
                    self.adam.state[parameter][key.removeprefix(prefix)] = place.detach().copy_(value)
