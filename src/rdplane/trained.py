"""A trained cell as a Python object."""

from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from rdplane.errors import UserError
from rdplane.files import read_json
from rdplane.models import VAE
from rdplane.train.loop import build_model

__all__ = ["load"]


def load(folder: str | Path, device: str | torch.device = "cpu") -> VAE:
    """Load the model of a finished cell, ready to use (evaluation mode).

    Args:
        folder: the cell's folder, such as ``results/quick/cells/vae-+v_beta0.1_seed0_1f2e3d4c``.
        device: where to put it.

    Returns:
        A `rdplane.models.VAE` with `encode`, `rate_distortion` (per image, nats), `reconstruct`, `generate`
        and `log_marginal`; its resolved cell is in the attribute `cell`.

    Raises:
        UserError: the folder holds no finished cell, or its weights are damaged or of another model.
    """
    folder = Path(folder)
    summary: dict[str, Any] = read_json(folder / "train.json")
    path = folder / "model.safetensors"
    remedy = "delete the cell's folder and run the workflow again to train it anew"
    try:
        model = build_model(summary["cell"], tuple(summary["shape"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{folder / 'train.json'} describes no model ({error!r}); {remedy}") from None
    try:
        model.load_state_dict(safetensors.torch.load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise UserError(f"{path} cannot be loaded ({error}); {remedy}") from None
    model.cell = summary["cell"]
    return model.to(memory_format=torch.channels_last).to(device).eval()  # type: ignore[call-overload]
