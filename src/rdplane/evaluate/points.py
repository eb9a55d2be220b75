"""The points of a curve that one cell trained: the betas asked for, and those whose rate is what was asked for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdplane.declare.registry import files
from rdplane.errors import UserError
from rdplane.experiment import versions
from rdplane.experiment.layout import point_name
from rdplane.experiment.metrics import ALWAYS
from rdplane.files import read_json, sha256, write_json

if TYPE_CHECKING:
    from torch import Tensor

    from rdplane.models.conditioned import Conditioned

__all__ = ["SEARCHED", "Point", "beta_of_rate", "find_points"]

SEARCHED = 2000  # validation images, at most, on which the rate of a beta is measured
STEPS = 8  # parts of the range, in the logarithm of beta, of which one must hold the rate
CLOSE = 1e-3  # of the logarithm of beta: the rate is then known far better than its standard error


@dataclass(frozen=True)
class Point:
    """A point of a curve.

    Attributes:
        beta: weight of the rate.
        rate: the validation rate, nats, for which this beta was searched; None if the beta itself was asked for.
    """

    beta: float
    rate: float | None = None

    @property
    def name(self) -> str:
        """What stands behind the @ in the name of its row (see `rdplane.experiment.layout.point_name`)."""
        return point_name("", self.beta, self.rate).removeprefix("@")


def find_points(folder: Path, asked: Mapping[str, Any], images: Path, device: str = "auto") -> list[Point]:
    """The points of a cell's curve, by beta, without those of rates that it does not have.

    A beta that was searched before is not searched again.

    Args:
        folder: the cell's.
        asked: `betas` and `rates` (see `rdplane.experiment.cells.points_of`).
        images: prepared images, of which the validation ones serve the search.
        device: where to compute.
    """
    found = [Point(beta) for beta in asked["betas"]]
    if asked["rates"]:
        betas = _betas(folder, asked["rates"], images, device)
        found += [Point(beta, rate) for rate, beta in betas.items() if beta is not None]
    return sorted(found, key=lambda point: (point.beta, point.rate or 0.0))


def _betas(folder: Path, rates: Sequence[float], images: Path, device: str) -> dict[float, float | None]:
    """The beta of each rate, None where there is none; kept in `state/rates.json`."""
    record = folder / "state" / "rates.json"
    version = versions.version(f"measure {ALWAYS}")  # counts this file, too
    key = {"weights": sha256(folder / "model.safetensors"), "images": sha256(images), "version": version}
    try:
        kept = read_json(record)
        betas = {float(rate): beta for rate, beta in kept["betas"]} if kept["key"] == key else {}
    except (UserError, KeyError, TypeError, ValueError):
        betas = {}
    missing = [rate for rate in rates if rate not in betas]
    if missing:
        import torch

        from rdplane.data.store import load as load_images
        from rdplane.device import choose_device
        from rdplane.evaluate.load import load_curve

        where = choose_device(device)
        model: Any = load_curve(folder, where, files() or None)
        valid = torch.from_numpy(load_images(images).valid).to(where)
        betas |= {rate: beta_of_rate(model, valid, rate) for rate in missing}
        write_json(record, {"key": key, "betas": sorted(betas.items())})
    return {rate: betas[rate] for rate in rates}


def beta_of_rate(model: "Conditioned", images: "Tensor", rate: float, batch_size: int = 250) -> float | None:
    """The beta at which the mean rate of some images is `rate`; None where the trained range has none.

    The rate falls with beta, if not everywhere: of a few betas the first two between which it passes `rate` are
    found, and then the root by Brent's method, all from the same noise.

    Args:
        model: of all betas.
        images: (N, H, W[, 3]) as stored; the first `SEARCHED` count.
        rate: nats an image.
        batch_size: images at once.
    """
    import torch
    from scipy.optimize import brentq

    def excess(log_beta: float) -> float:
        torch.manual_seed(0)
        model.set(within(log_beta))
        with torch.no_grad():
            rates = [model.rate_distortion(model.images(x))[0] for x in images[:SEARCHED].split(batch_size)]
        return float(torch.cat(rates).double().mean()) - rate

    def within(log_beta: float) -> float:
        return min(max(math.exp(log_beta), model.low), model.high)

    low, high = math.log(model.low), math.log(model.high)
    places = [low + (high - low) * step / STEPS for step in range(STEPS + 1)]
    found = [excess(place) for place in places]
    for first, second, (above, below) in zip(places, places[1:], pairwise(found), strict=False):
        if above >= 0 >= below:
            return within(brentq(excess, first, second, xtol=CLOSE) if above > below else first)
    return None
