"""A new study: a commented configuration to start from, which fits the images and a time where these are named."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.experiment.config import resolve_config
from rdplane.experiment.fitted import ARCHITECTURES, Cost, Facts, fit, sizes
from rdplane.experiment.layout import Layout
from rdplane.experiment.reference import commented
from rdplane.experiment.teacher import TEACHER
from rdplane.files import write_text

if TYPE_CHECKING:
    from rdplane.data import Images

__all__ = ["MINUTES", "write_configuration"]

MINUTES = 30.0
"""For a whole run, where nobody says."""

# What a first look needs: sizes and lengths of the quick run, with which a laptop is done in minutes.
START = {
    "grid": {"architectures": ["---", "-+-"], "beta": [0.1, 0.5, 1.0]},
    "model": {"latent": 16, "width": 0.25, "pixelcnn_depth": 8, "pixelcnn_resnets": 1},
    "training": {"epochs": 4, "batch_size": 32, "learning_rate": 3e-3, "target_step": 0.01},
    "evaluation": {"z_samples": 4, "mi_images": 500, "probe_images": 500},
    "toy": {"seed": []},
}
GENEROUS = 1.5  # times the stated minutes, from which on an estimate is said to be more than asked


def write_configuration(
    folder: Path, images: str | None = None, dataset: str | None = None, minutes: float = MINUTES,
    results: str | Path = "results",
) -> str:  # fmt: skip
    """Write `config.yaml` into a folder, and say what it is and what to do with it.

    Args:
        folder: of the study, whose name the experiment has.
        images: a file or folder of own images, as `data.file` is written: read and looked at.
        dataset: the name of a data set that is there; its images are prepared and looked at. Without either the study
            is of mnist5k at the quick run's sizes, and nothing is looked at.
        minutes: that the whole run may take on this machine.
        results: folder below which the images of `dataset` are prepared.

    Raises:
        UserError: there is a `config.yaml` already; or the images cannot be read, or are none that models can have.
    """
    path = folder / "config.yaml"
    if path.exists():
        raise UserError(f"{path} exists already; expected a folder without one: remove it, or choose another folder")
    name = _name(folder)
    if images is None and dataset is None:
        head = (
            f"The study {name}. Every key stands here with its meaning; [brackets] hold the default where it is "
            "another.\nSmall sizes and few epochs, for a first look on a laptop: about 5 minutes on 2 cores."
        )
        write_text(path, commented(resolve_config({**START, "experiment": name}), head))
        return _next(path)
    named = {"dataset": dataset or name, "data": {"file": images}}
    resolved = resolve_config({"experiment": name, **named, "grid": {"architectures": list(ARCHITECTURES)}})
    found = _read(resolved, results)
    facts = _facts(found)
    costs, place = _costs(facts, found.train, resolved["compute"])
    places = 1 if place == "GPU" else _cores()
    study = fit(facts, costs, minutes, places)
    looked = _described(found, facts)
    takes = f"about {_duration(study.seconds)} on {places} {place}{'s' if places > 1 else ''} like this machine's"
    head = (
        f"The study {name}: {looked}.\n"
        "Every key stands here with its meaning; [brackets] hold the default where it is another.\n"
        f"Grid, sizes and epochs are a first choice for {minutes:g} minutes: {takes}."
    )
    write_text(path, commented(resolve_config({"experiment": name, **named, **study.raw}), head))
    lines = [looked, f"{_grid(study.raw)}: {takes}"]
    if study.seconds > 60 * minutes * GENEROUS:
        asked = f"{minutes:g} minute{'s' * (minutes != 1)}"
        more = f"this is more than the {asked} asked for, and the least that shows a curve"
        lines.append(f"{more}; cut grid.beta or grid.architectures, or take fewer or smaller images")
    return "\n".join([*lines, _next(path)])


def _next(path: Path) -> str:
    return f"wrote {path}; look at it, then: snakemake --cores all --configfile {path}, or rdplane train {path}"


def _name(folder: Path) -> str:
    """The folder's name as that of an experiment and of its images."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", folder.resolve().name).strip("_-.")[:80] or "study"
    taken = name in declared().datasets or name in (TEACHER, "data", "downloads", "published")
    return f"{name}_study" if taken else name


def _read(config: dict[str, Any], results: str | Path) -> "Images":
    """The images of a configuration, as they are prepared."""
    if config["dataset"] == TEACHER:
        raise UserError(
            "--dataset is teacher, whose images are drawn from a model that is trained first; expected a data set of "
            "images: start from workflow/presets/quick_teacher.yaml instead"
        )
    from rdplane import data
    from rdplane.data import own
    from rdplane.experiment.cells import data_spec

    if config["data"]["file"] is not None:
        data.resolve(data_spec(config))  # refuses a name that is taken
        return own.read(data_spec(config))
    from rdplane.commands.steps import make_images

    layout = Layout(config, results)
    make_images(layout)
    return data.load(layout.images)


def _facts(images: "Images") -> Facts:
    height, width = images.train.shape[1:3]
    return Facts(images.pixels, height, width, len(images.train), len(images.valid), len(images.test))


def _costs(facts: Facts, train: Any, compute: Mapping[str, Any]) -> tuple[dict[str, Cost], str]:
    """What each architecture costs on this machine, and on what: a core or a GPU."""
    from rdplane.commands.steps import computing

    model, batch = sizes(facts)
    with computing("the trial", dict(compute)) as where:
        from rdplane.device import choose_device
        from rdplane.train.trial import measured_cost

        device = where["device"]
        costs = {name: measured_cost(name, train, facts.pixels, model, batch, device) for name in ARCHITECTURES}
        return costs, "core" if choose_device(device).type == "cpu" else "GPU"


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _described(images: "Images", facts: Facts) -> str:
    kind = {"binary": "binary", "grey": "grey of 8 bits", "colour": "colour of 3 x 8 bits"}[facts.pixels]
    total = facts.train + facts.valid + facts.test
    labels = "labelled" if (images.labels or {}).get("test") is not None else "without labels"
    counts = f"{facts.train:,} to train, {facts.valid:,} to validate, {facts.test:,} to test"
    return f"{total:,} images, {facts.height} x {facts.width}, {kind}, {labels}: {counts}"


def _grid(raw: Mapping[str, Any]) -> str:
    names, betas = raw["grid"]["architectures"], raw["grid"]["beta"]
    cells, epochs = len(names) * len(betas), raw["training"]["epochs"]
    return (
        f"{cells} cells ({', '.join(names)} at beta {', '.join(f'{beta:g}' for beta in betas)}), {epochs} "
        f"epoch{'s' if epochs > 1 else ''} each"
    )


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return f"{max(1, round(minutes))} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"
