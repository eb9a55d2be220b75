"""The beta of a curve at which its rate is a given one, asked for by hand."""

from pathlib import Path
from typing import Any

from rdplane.errors import UserError
from rdplane.files import digest, read_json

__all__ = ["find"]


def find(folder: Path, rate: float) -> str:
    """A line with the beta, and rate and distortion there on the validation images.

    Args:
        folder: of a cell that trained a curve, below `results/<experiment>/cells`.
        rate: nats an image.

    Raises:
        UserError: the cell trained no curve, its images are not where it found them, or no beta of its range has this
            rate.
    """
    import torch

    from rdplane.data.store import load as load_images
    from rdplane.evaluate.load import load_curve
    from rdplane.evaluate.points import beta_of_rate
    from rdplane.evaluate.rate_distortion import rate_distortion
    from rdplane.models.vae import VAE

    curve: Any = load_curve(folder)
    if isinstance(curve, VAE):
        raise UserError(f"{folder} trained a single model, expected a cell of grid.curve; its rate is in metrics.json")
    data = read_json(folder / "train.json")["cell"]["data"]
    results = (folder.resolve() / "../../..").resolve()  # of <experiment>/cells/<cell>
    images = results / "data" / data["dataset"] / f"images-{digest(data)}.npz"
    valid = torch.from_numpy(load_images(images).valid)

    def place(beta: float) -> tuple[float, float]:
        """Mean rate and distortion."""
        torch.manual_seed(0)
        found, distortion = rate_distortion(curve.at(beta), valid, 1)
        return float(found.mean()), float(distortion.mean())

    beta = beta_of_rate(curve, valid, rate)
    if beta is None:
        raise UserError(
            f"{folder}: no beta from {curve.low:g} to {curve.high:g} has a rate of {rate:g} nats on the validation "
            f"images; expected one from {place(curve.high)[0]:.2f} to {place(curve.low)[0]:.2f}, or train a wider range"
        )
    found, distortion = place(beta)
    return f"beta {beta:.4g}: R {found:.2f}  D {distortion:.2f} nats ({len(valid):,} validation images)"
