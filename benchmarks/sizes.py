"""What is measured: cells of four sizes, those of `config.yaml`, middle ones, the paper's and the tests' tiny ones."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rdplane.declare import declared
from rdplane.experiment.architectures import ARCHITECTURES, parse
from rdplane.experiment.cells import expand
from rdplane.experiment.config import load_config, resolve_config
from rdplane.experiment.keys import sizes_of

__all__ = ["ROOT", "SIZES", "Plan", "cells_of", "config_of", "is_sequential", "middle", "random_images"]

ROOT = Path(__file__).resolve().parents[1]
SIZES = ("default", "middle", "paper", "tiny")
MIDDLE = {
    "model": {
        "latent": 32, "width": 0.5, "made_units": 320, "pixelcnn_depth": 32, "pixelcnn_resnets": 1,
        "pseudo_inputs": 100,
    },
    "training": {"batch_size": 64},
}  # fmt: skip
TINY = {
    "model": {
        "latent": 2, "width": 0.1, "flow_steps": 1, "made_layers": 1, "made_units": 8, "pixelcnn_depth": 2,
        "pixelcnn_resnets": 1, "pseudo_inputs": 3,
    },
    "training": {"batch_size": 4},
    "evaluation": {"batch_size": 4},
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Args:
        sizes: of `SIZES`.
        architectures: whose training is measured.
        kinds: architectures that stand for all where all would take too long.
        seconds: to spend on each comparison, once both sides have run at least `least` times.
        least: laps of each side, at least.
        batches: images drawn at once by the samplers.
        cells: numbers of cells of the grids whose DAG is built.
        threads: CPU threads.
        scratch: an empty folder.
        recipes: of `benchmarks.recipe.RECIPES`; none for all.
        hours: whether there is time for what takes longer than minutes.
    """

    scratch: Path
    sizes: tuple[str, ...] = ("default", "middle", "paper")
    architectures: tuple[str, ...] = ARCHITECTURES
    kinds: tuple[str, ...] = ("---", "-+-", "++v")  # both decoders with nothing else, and the most parts
    seconds: float = 2.0
    least: int = 3
    batches: tuple[int, ...] = (1, 16, 64, 256)
    cells: tuple[int, ...] = (100, 1_000, 10_000)
    threads: int = 1
    recipes: tuple[str, ...] = ()
    hours: bool = True


@cache
def config_of(size: str) -> dict[str, Any]:
    """The resolved configuration of a size: the quick run's, the defaults (the paper's), one between, or the tests'."""
    if size == "default":
        return load_config(ROOT / "config.yaml")
    return resolve_config({"middle": MIDDLE, "paper": {}, "tiny": TINY}[size])


def middle(architecture: str) -> dict[str, Any]:
    """The sizes of an architecture at the middle size, as the section `model` of a configuration of it alone."""
    return {key: value for key, value in MIDDLE["model"].items() if key in sizes_of(architecture, "binary")}


def cells_of(size: str, architectures: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Architecture -> its cell at beta 1."""
    axes = {**{name: [] for name in declared().objectives}, "beta": [1.0], "anneal": [0], "seed": [0]}
    grid = {"architectures": list(architectures), **axes, "extra": [], "exclude": []}
    cells = expand(config_of(size) | {"grid": grid})
    return {cell["architecture"]: cell for cell in cells.values()}


def random_images(size: str, count: int) -> Tensor:
    """`count` seeded images (N, H, W), uint8 of 0 and 1, one pixel in seven white as in MNIST."""
    side = 8 if size == "tiny" else 28
    return (torch.rand(count, side, side, generator=torch.Generator().manual_seed(0)) < 1 / 7).to(torch.uint8)


def is_sequential(architecture: str) -> bool:
    """Whether its decoder is the PixelCNN++."""
    return parse(architecture).decoder == "+"
