"""Adam with normalised gradients (Appendix F; Yu et al. 2017)."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

__all__ = ["NormalisedAdam"]


class NormalisedAdam:
    """Adam whose input is each parameter tensor's gradient divided by its own L2 norm + 1e-7.

    The update is torch's own, as a function: its class loads the whole compiler, a second and a half of every process.

    Args:
        parameters: what to train.
        normalise: False gives plain Adam.
        betas: decay rates of its two moments.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], normalise: bool = True, betas: tuple[float, float] = (0.9, 0.999)
    ):
        self.parameters = list(parameters)
        self.normalise, self.betas = normalise, betas
        self.moments = [
            # In the parameter's own memory layout: the fused update walks all of them side by side.
            {
                "exp_avg": torch.zeros_like(p),
                "exp_avg_sq": torch.zeros_like(p),
                "step": torch.zeros((), device=p.device),
            }
            for p in self.parameters
        ]
        # Fused: one call updates every tensor, on CPU and CUDA alike.
        self.fused = self.parameters[0].device.type in ("cpu", "cuda")

    @torch.no_grad()
    def step(self, learning_rate: float) -> Tensor:
        """Update the parameters from their gradients, then clear these.

        Args:
            learning_rate: of this step.

        Returns:
            The largest gradient norm of any tensor: not finite exactly where a gradient is not.
        """
        pairs = zip(self.parameters, self.moments, strict=True)
        moved = [(p, p.grad, moments) for p, moments in pairs if p.grad is not None]
        parameters: list[Tensor] = [p for p, _, _ in moved]
        gradients = [gradient for _, gradient, _ in moved]
        norms = torch._foreach_norm(gradients)
        if self.normalise:
            torch._foreach_div_(gradients, torch._foreach_add(norms, 1e-7))
        first, second, steps = ([m[key] for _, _, m in moved] for key in ("exp_avg", "exp_avg_sq", "step"))
        adam(
            parameters, gradients, first, second, [], steps, foreach=False, fused=self.fused, amsgrad=False,
            beta1=self.betas[0], beta2=self.betas[1], lr=learning_rate, weight_decay=0.0, eps=1e-8, maximize=False,
        )  # fmt: skip
        for parameter in parameters:
            parameter.grad = None
        return torch.stack(norms).max()

    def state(self) -> dict[str, Tensor]:
        """Moments and step counts by parameter number: all that a checkpoint needs."""
        return {
            f"adam.{number}.{key}": value
            for number, moments in enumerate(self.moments)
            for key, value in moments.items()
        }

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore what `state` returned."""
        for name, value in self.state().items():
            value.copy_(tensors[name])
