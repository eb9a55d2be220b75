"""A new study: a commented configuration to start from."""

from pathlib import Path

from rdplane.errors import UserError
from rdplane.experiment.config import resolve_config
from rdplane.experiment.reference import commented
from rdplane.files import write_text

__all__ = ["write_configuration"]

# What a first look needs: sizes and lengths of the quick run, with which a laptop is done in minutes.
START = {
    "grid": {"architectures": ["---", "-+-"], "beta": [0.1, 0.5, 1.0]},
    "model": {"latent": 16, "width": 0.25, "pixelcnn_depth": 8, "pixelcnn_resnets": 1},
    "training": {"epochs": 4, "batch_size": 32, "learning_rate": 3e-3, "target_step": 0.01},
    "evaluation": {"z_samples": 4, "mi_images": 500, "probe_images": 500},
    "toy": {"seed": [0]},
}


def write_configuration(folder: Path) -> str:
    """Write `config.yaml` into a folder, and say what to do with it.

    Raises:
        UserError: there is one already.
    """
    path = folder / "config.yaml"
    if path.exists():
        raise UserError(f"{path} exists already; expected a folder without one: remove it, or choose another folder")
    name = "".join(c if c.isalnum() or c in "_-" else "_" for c in folder.resolve().name).strip("_-") or "study"
    note = "a first look: 5,000 images, small models, few epochs"
    resolved = resolve_config({**START, "experiment": name, "figures": {"note": note}})
    head = (
        f"The study {name}. Every key stands here with its meaning; [brackets] hold the default where it is another.\n"
        "Small sizes and few epochs, for a first look on a laptop: about 5 minutes on 2 cores."
    )
    write_text(path, commented(resolved, head))
    return f"wrote {path}; look at it, then: rdplane train {path}, or snakemake --cores all --configfile {path}"
