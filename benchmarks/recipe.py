"""How soon a training recipe reaches the numbers, on static MNIST at the middle size: one change at a time.

Each recipe is a real training run of `-+-` at beta 1, three epochs of 50,000 images, resumable and kept in
`results/recipe/`; then its test set is measured, with the last weights and with their moving average. Takes hours.
"""

import contextlib
import csv
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.sizes import Plan, middle
from benchmarks.table import Row
from rdplane.commands import steps
from rdplane.declare import declared
from rdplane.errors import UserError
from rdplane.experiment.config import resolve_config
from rdplane.experiment.layout import Layout
from rdplane.files import read_json
from rdplane.train.optimiser import NormalisedAdam

__all__ = ["RECIPES", "Recipe", "layout_of", "run", "trained"]

FOLDER = Path("results/recipe")
EPOCHS = 3
FASTER: dict[str, Any] = {
    "batch_size": 64, "learning_rate": 2e-3, "schedule": "cosine", "warmup_steps": 200, "average": 0.999,
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """What differs from `FASTER`.

    Attributes:
        training: keys of the section `training`.
        anneal: epochs over which the weight of the rate climbs.
        betas: Adam's decay rates, no key of a configuration.
    """

    training: Mapping[str, Any] = field(default_factory=dict)
    anneal: int = 0
    betas: tuple[float, float] = (0.9, 0.999)


RECIPES = {
    "faster": Recipe(),
    "paper's schedule": Recipe({"schedule": "paper", "warmup_steps": None}),
    "peak 1e-3": Recipe({"learning_rate": 1e-3}),
    "peak 4e-3": Recipe({"learning_rate": 4e-3}),
    "peak 8e-3": Recipe({"learning_rate": 8e-3}),
    "batch 32": Recipe({"batch_size": 32}),
    "batch 128": Recipe({"batch_size": 128}),
    "plain gradients": Recipe({"normalise_gradients": False}),
    "beta_2 0.99": Recipe(betas=(0.9, 0.99)),
    "KL warm-up, 1 epoch": Recipe(anneal=1),
}


def run(plan: Plan) -> Iterator[Row]:
    """A row for each recipe.

    Raises:
        UserError: a recipe is unknown, or the images cannot be had.
    """
    if unknown := [name for name in plan.recipes if name not in RECIPES]:
        raise UserError(f"--recipe is {unknown[0]!r}, expected one of {', '.join(map(repr, RECIPES))}")
    for name in plan.recipes or RECIPES:
        recipe = RECIPES[name]
        folder = trained(layout_of(name, recipe, plan.threads), recipe)
        found = read_json(folder / "metrics.json")
        epochs = [f"{row['train']:.2f}/{row['valid']:.2f}" for row in history(folder)]
        yield Row(
            "recipe", "middle", name, "nats", value=found["neg_elbo"], note=f"test; averaged "
            f"{found['average_neg_elbo']:.2f}, R {found['rate']:.2f}; train/valid by epoch {' '.join(epochs)}; "
            f"{found['train_seconds']:.0f} s, {found['precision']}",
        )  # fmt: skip


def layout_of(name: str, recipe: Recipe, threads: int, epochs: int = EPOCHS) -> Layout:
    """One cell, `-+-` at beta 1 on static MNIST, as an experiment of its own."""
    slug = "".join(letter if letter.isalnum() else "_" for letter in name)
    off = {measure.off: 0 for measure in declared().measures.values() if measure.off}
    config = {
        "experiment": f"{slug}_{epochs}",
        "dataset": "binarized_mnist",
        "grid": {"architectures": ["-+-"], "beta": [1.0], "anneal": [recipe.anneal]},
        "model": middle("-+-"),
        "training": {"epochs": epochs, **FASTER, **recipe.training},
        "compute": {"device": "cpu", "threads": threads},
        "evaluation": off,
    }
    return Layout(resolve_config(config), FOLDER)


def trained(layout: Layout, recipe: Recipe, fresh: bool = False) -> Path:
    """The folder of the layout's one cell, trained and measured: now, or unless `fresh` on an earlier day.

    Raises:
        UserError: the images cannot be had.
    """
    (name,) = layout.cells
    if not layout.images.exists():
        steps.prepare_data(layout.config, layout.images)
    own = functools.partial(NormalisedAdam, betas=recipe.betas)
    with patch("rdplane.train.loop.NormalisedAdam", own) if recipe.betas != Recipe.betas else contextlib.nullcontext():
        steps.train(**steps.arguments_of(layout, name, "train"), fresh=fresh)
    steps.evaluate(**steps.arguments_of(layout, name, "evaluate"))
    return layout.cell(name)


def history(folder: Path) -> list[dict[str, float]]:
    """The epochs of a finished cell: `train`, `valid` and `averaged` -ELBO in nats an image, `seconds` so far."""
    with (folder / "history.csv").open(newline="") as stream:
        rows = [{key: float(value) for key, value in row.items() if value} for row in csv.DictReader(stream)]
    return [
        {
            "train": row["train_rate"] + row["train_distortion"],
            "valid": row["valid_rate"] + row["valid_distortion"],
            "averaged": row["valid_rate_average"] + row["valid_distortion_average"],
            "seconds": row["seconds"],
        }
        for row in rows
    ]
