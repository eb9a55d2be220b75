"""What the function of a measure is given, and what it may return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rdplane.errors import UserError
from rdplane.evaluate.estimate import Estimate

if TYPE_CHECKING:
    from rdplane.models.vae import VAE

__all__ = ["Given", "Numbers"]

Numbers = Mapping[str, float | int | str | Estimate | None]
"""Column -> its value: an `Estimate` for a column with a standard error, None where there is no number."""


@dataclass(frozen=True, eq=False)
class Given:
    """A trained model and the test images.

    Every measure starts from the seed anew, so that its numbers do not depend on which others are computed.

    Attributes:
        model: in evaluation mode; its densities are in nats per image.
        images: (N, H, W[, 3]) uint8, the test images as stored (see `VAE.images`), on the model's device.
        labels: (N,) int64, or None where the images have none.
        log_density: (N,) float64, log p*(x) of each image where it is known, in nats, else None.
        settings: the measure's own keys of the section `evaluation`, name -> value.
        known: measure named under `needs` -> what it kept for each image (see `per_image`).
        kept: what this measure keeps for each image (see `keep`).
        average: the model with the moving average of its weights, where the measure's declaration asks for it.
    """

    model: "VAE"
    images: Tensor
    labels: NDArray[np.int64] | None
    settings: Mapping[str, Any]
    known: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    kept: dict[str, Tensor] = field(default_factory=dict)
    average: "VAE | None" = None
    log_density: NDArray[np.float64] | None = None

    def start(self) -> int:
        """Seed torch with the key `seed`, or with 0 where the measure does not have that key.

        Returns:
            The seed.
        """
        seed = int(self.settings.get("seed", 0))
        torch.manual_seed(seed)
        return seed

    def choose(self, limit: int) -> Tensor:
        """Seed torch (see `start`) and choose images at random.

        Returns:
            Indices of `limit` images, or of all if there are fewer, in random order.
        """
        generator = torch.Generator().manual_seed(self.start())
        return torch.randperm(len(self.images), generator=generator)[:limit]

    def keep(self, **values: Tensor) -> None:
        """Keep numbers per image, (N,) each, for the measures that need this one."""
        self.kept.update(values)

    def per_image(self, measure: str) -> Mapping[str, Tensor]:
        """What another measure kept: name -> (N,) float64, on the CPU.

        Raises:
            UserError: this measure does not name the other under `needs`.
        """
        if measure not in self.known:
            raise UserError(
                f"a measure asks for the numbers per image of {measure!r}; expected one of those that its declaration "
                f"names under needs ({', '.join(self.known) or 'none'})"
            )
        return self.known[measure]
