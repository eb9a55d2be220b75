"""Where the training of a cell stands: everything that moves, as a checkpoint keeps it."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rdplane.models.vae import VAE
from rdplane.train.average import MovingAverage
from rdplane.train.loss import Loss
from rdplane.train.optimiser import NormalisedAdam

if TYPE_CHECKING:
    from rdplane.models.conditioned import Conditioned

__all__ = ["Position", "random_state", "set_random_state"]


@dataclass(eq=False)
class Position:
    """What a training run changes as it goes on. The generators of random numbers are torch's global ones.

    Attributes:
        model, objective, optimiser: what is trained, what for and how, on one device.
        precision: of the networks, 'float32' or 'bfloat16': the same from the first step to the last.
        sums: (3,) on that device, over the steps of this epoch: the sums of all images' rate and distortion (nats),
            and the largest norm of a gradient.
        average: of the model's weights over the steps; None where none is asked for.
        epoch: epochs that are done.
        step: steps of the next epoch that are done.
        best: smallest merit so far (see `rdplane.train.loss.Loss.merit`), nats per image, where the best weights are
            kept.
        best_epoch: epochs that were done when it was reached; 0 for never.
        history: a row for every epoch that is done, or for each condition at which it was looked at.
        earlier: seconds that earlier processes trained, as far as they were saved.
        started: when this process began, on the clock of `time.monotonic`.
    """

    model: "VAE | Conditioned"
    objective: Loss
    optimiser: NormalisedAdam
    precision: str
    sums: Tensor
    average: MovingAverage | None = None
    epoch: int = 0
    step: int = 0
    best: float = math.inf
    best_epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    earlier: float = 0.0
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Time of training so far, that of earlier processes included."""
        return self.earlier + time.monotonic() - self.started

    def end_epoch(self, rows: list[dict[str, float]]) -> None:
        """Go to the start of the next epoch.

        Args:
            rows: of the history, one for each condition at which the epoch was looked at.
        """
        self.history += rows
        self.epoch, self.step = self.epoch + 1, 0
        self.sums.zero_()

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that `restore` needs.

        Returns:
            Tensors by name, and a note that JSON can hold.
        """
        tensors = {f"model.{key}": value for key, value in self.model.state_dict().items()}
        tensors |= {f"objective.{key}": value for key, value in self.objective.state_dict().items()}
        tensors |= self.optimiser.state() | {"sums": self.sums} | random_state(self.sums.device)
        tensors |= self.average.state() if self.average else {}
        note = {
            "epoch": self.epoch, "step": self.step, "seconds": self.seconds, "precision": self.precision,
            "best": self.best if math.isfinite(self.best) else None, "best_epoch": self.best_epoch,
            "history": self.history,
        }  # fmt: skip
        return tensors, note

    def restore(self, tensors: Mapping[str, Tensor], note: Mapping[str, Any]) -> None:
        """Stand where `state` was asked, on whatever device; the generators of random numbers are set, too.

        Args:
            tensors, note: what `state` returned.
        """
        self.model.load_state_dict(_part(tensors, "model."))
        self.objective.load_state_dict(_part(tensors, "objective."))
        self.optimiser.load_state(tensors)
        if self.average:
            self.average.load_state(tensors)
        self.sums = tensors["sums"].to(self.sums.device)
        set_random_state(tensors, self.sums.device)
        self.epoch, self.step, self.precision = note["epoch"], note["step"], note["precision"]
        self.best = math.inf if note["best"] is None else note["best"]
        self.best_epoch, self.history = note["best_epoch"], list(note["history"])
        self.earlier, self.started = note["seconds"], time.monotonic()


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of the generators from which a training run on a device draws."""
    states = {"random.cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["random.cuda"] = torch.cuda.get_rng_state()
    return states


def set_random_state(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Set the generators to what `random_state` returned; the one of a GPU stays where the state knows none."""
    torch.set_rng_state(states["random.cpu"])
    if device.type == "cuda" and "random.cuda" in states:
        torch.cuda.set_rng_state(states["random.cuda"])


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
