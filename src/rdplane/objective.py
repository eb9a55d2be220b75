"""What training minimises. Rate and distortion come in unweighted; a weight lives here and nowhere else."""

from torch import Tensor

__all__ = ["beta_objective"]


def beta_objective(rate: Tensor, distortion: Tensor, beta: float | Tensor) -> Tensor:
    """Mean of D + beta R over a batch: equation 4 of the paper (a Monte-Carlo estimate of it).

    Args:
        rate: (B,) log e(z|x) - log m(z), nats.
        distortion: (B,) -log d(x|z), nats.
        beta: weight of the rate at this step.
    """
    return (distortion + beta * rate).mean()
