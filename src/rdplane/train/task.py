"""What stays as it is while a cell is trained."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from rdplane.experiment.cells import pixels_of
from rdplane.jobs.heartbeat import Heartbeat
from rdplane.jobs.progress import Progress
from rdplane.jobs.signals import Stop
from rdplane.train.schedule import learning_rate

__all__ = ["Task"]


@dataclass(frozen=True, eq=False)
class Task:
    """What stays as it is while a cell is trained.

    Attributes:
        cell: the resolved cell.
        train, valid: (N, H, W) or (N, H, W, 3) uint8, on the device.
        state: folder of the checkpoints.
        compute: how the cell is computed (`rdplane.experiment.keys.COMPUTE`).
        progress, stop, heartbeat: the ways to the outside and back.
    """

    cell: dict[str, Any]
    train: Tensor
    valid: Tensor
    state: Path
    compute: dict[str, Any]
    progress: Progress
    stop: Stop
    heartbeat: Heartbeat

    @property
    def settings(self) -> dict[str, Any]:
        """The section `training` of the cell."""
        return self.cell["training"]

    @property
    def pixels(self) -> str:
        """What the pixels of the images are: 'binary', 'grey' or 'colour'."""
        return pixels_of(self.cell)

    @property
    def epochs(self) -> int:
        return self.settings["epochs"]

    @property
    def batch_size(self) -> int:
        return min(self.settings["batch_size"], len(self.train))

    @property
    def steps(self) -> int:
        """Steps of an epoch: a last, smaller batch would weigh its images more."""
        return len(self.train) // self.batch_size

    def learning_rate(self, epoch: int, step: int) -> float:
        """The learning rate of a step: epochs that are done, and steps of the one after them."""
        return learning_rate(self.settings, epoch, step, self.steps)
