"""What every objective computes. Rate and distortion come in unweighted; their weights live in objectives alone."""

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from rdplane.models.conditioned import Conditioned
    from rdplane.models.vae import VAE

__all__ = ["Loss"]


class Loss(nn.Module):
    """Base of all objectives: a loss in nats per image, and the last weight of the rate.

    What an objective must remember is kept in buffers, so that a checkpoint holds it.

    Attributes:
        weight: the weight that the rate had in the last step, a scalar.
    """

    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(()))

    def prepare(self, model: "VAE") -> "VAE | Conditioned":
        """The model that is trained, made of a freshly built one: itself, unless the objective says otherwise."""
        return model

    def validated(self, done: float) -> tuple[float | None, ...]:
        """Conditions at which the model is looked at after an epoch; None for one that knows no condition.

        Args:
            done: share of training that is done.
        """
        return (None,)

    def condition(self, done: float, made: int) -> float | None:
        """The condition of the next batch (see `rdplane.models.conditioned`); None for a model that knows none.

        Args:
            done: share of training that is done.
            made: steps made so far.
        """
        return None

    def settled(self, end: int) -> float:
        """Epochs of `end` in all before which the weight of the rate, annealing aside, is not what it is to be."""
        return 0.0

    def forward(self, rate: Tensor, distortion: Tensor, time: float) -> Tensor:
        """The loss of a batch.

        Args:
            rate: (B,) log e(z|x) - log m(z), nats per image.
            distortion: (B,) -log d(x|z), nats per image.
            time: epochs trained so far, a fraction included.

        Returns:
            A scalar, nats per image; its gradient is what training follows.
        """
        raise NotImplementedError

    @torch.no_grad()
    def merit(self, rate: float, distortion: float, end: int, condition: float | None = None) -> float:
        """What the weights after an epoch are worth, by which `training.keep: best` chooses.

        This is the loss itself, as it is at the end of training. An objective whose loss depends on what it remembers,
        and so changes while the weights do not, says here what it is after.

        Args:
            rate, distortion: means over the validation images, nats per image.
            end: epochs in all, when annealing is over.
            condition: at which they were measured, one of `validated`.

        Returns:
            Nats per image; smaller is better.
        """
        means = torch.tensor([[rate], [distortion]], dtype=torch.float64)
        return float(copy.deepcopy(self).cpu()(*means, end))  # of a copy: what it remembers is that of training alone
