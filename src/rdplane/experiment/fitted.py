"""A first study of images that nobody has studied here yet: a grid, sizes and epochs that fit them and a stated time.

Plain arithmetic from what the images are and what a step costs. Needs no torch.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ARCHITECTURES", "Cost", "Facts", "Study", "fit", "sizes"]

# From the fullest to the least, with the places of their betas; a study has the first that fits. Each tells something:
# with and without an autoregressive decoder, with and without a learned marginal.
GRIDS: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...] = (
    (("---", "-+-", "-+v"), (0, 1, 2)),
    (("---", "-+-"), (0, 1, 2)),
    (("---", "-+-"), (0, 2)),
    (("---",), (0, 1, 2)),
)
# An 8-bit image has more to tell than its binary one, so that R falls at larger betas: of `---` after 3 epochs of 4,000
# grey digits it is 57 nats at beta 0.1, 41 at 0.5, 32 at 1, 16 at 3 and 3 at 10.
BETAS = {"binary": (0.1, 0.5, 1.0), "grey": (0.1, 1.0, 5.0), "colour": (0.1, 1.0, 5.0)}
ARCHITECTURES = GRIDS[0][0]
STEPS = 500  # of training that a grid is not given up for: those of the quick run, enough to see the points apart
MOST_STEPS = 20_000  # after which these small networks gain little
EPOCHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200)
START = 12.0  # seconds in which a cell's processes start and torch is loaded
AROUND = 60.0  # seconds for images, tables, figures and page
RESERVE = 1.25  # cells side by side slow each other: they share memory, and often two cores are one
SMALL = 32 * 32  # pixels of the images for which the quick run's sizes are enough


@dataclass(frozen=True)
class Facts:
    """What images are.

    Attributes:
        pixels: 'binary', 'grey' or 'colour'.
        height, width: pixels.
        train, valid, test: how many images.
    """

    pixels: str
    height: int
    width: int
    train: int
    valid: int
    test: int

    @property
    def numbers(self) -> int:
        """In an image: pixels, in colour three for each."""
        return self.height * self.width * (3 if self.pixels == "colour" else 1)


@dataclass(frozen=True)
class Cost:
    """Seconds that a model takes on one core, or one GPU.

    Attributes:
        step: a step of training, of one batch.
        image: rate and distortion of one image without a gradient.
        draw: drawing a few images at once.
    """

    step: float
    image: float
    draw: float


@dataclass(frozen=True)
class Study:
    """A configuration without its names, and how long it will take.

    Attributes:
        raw: the sections `grid`, `model`, `training`, `evaluation`, `toy`.
        seconds: of the whole run.
    """

    raw: dict[str, Any]
    seconds: float


def sizes(facts: Facts) -> tuple[dict[str, Any], int]:
    """The section `model`, and images in each step."""
    large = facts.pixels == "colour" or facts.height * facts.width > SMALL
    model = {
        "latent": 32 if large else 16,
        "width": 0.25,
        "pixelcnn_depth": 8 if facts.pixels == "binary" else 16,
        "pixelcnn_resnets": 1,
        "pseudo_inputs": min(32, facts.train),
    }
    # A small set still gives some steps an epoch; large images must fit into memory.
    batch = min(32, max(4, facts.train // 20), facts.train)
    return model, max(1, min(batch, 2**21 // facts.numbers))


def fit(facts: Facts, costs: Mapping[str, Cost], minutes: float, places: int) -> Study:
    """The fullest study that is done within a time, or the least one.

    Args:
        facts: of the images.
        costs: architecture (all of `ARCHITECTURES`) -> what it costs.
        minutes: for the whole run.
        places: cells that are computed at once.
    """
    model, batch = sizes(facts)
    steps = facts.train // batch
    most = _rounded(MOST_STEPS / steps)
    least = min(most, _rounded(STEPS / steps, up=True))
    for names, places_of_betas in GRIDS:
        betas = tuple(BETAS[facts.pixels][place] for place in places_of_betas)
        taking = {e: _seconds(facts, costs, names, betas, e, places) for e in EPOCHS if e <= most}
        epochs = max((e for e, seconds in taking.items() if seconds <= 60 * minutes), default=1)
        if epochs >= least and taking[epochs] <= 60 * minutes:
            break
    used = {"pixelcnn_depth", "pixelcnn_resnets"} if any(name[1] == "+" for name in names) else set()
    used |= {"pseudo_inputs"} if any(name[2] == "v" for name in names) else set()
    binary = facts.pixels == "binary"
    raw = {
        "grid": {"architectures": list(names), "beta": list(betas)},
        "model": {key: value for key, value in model.items() if key in ("latent", "width") or key in used},
        "training": {
            "epochs": epochs, "batch_size": batch, "learning_rate": 3e-3 if binary else 1e-3, "schedule": "cosine",
            "warmup_steps": min(200, epochs * steps // 10), "target_step": 0.01,
        },
        "evaluation": _evaluation(facts),
        "toy": {"seed": []},
    }  # fmt: skip
    return Study(raw, taking[epochs])


def _evaluation(facts: Facts) -> dict[str, Any]:
    few = max(4, min(500, facts.test))
    large = facts.numbers > 3 * SMALL
    return {
        "z_samples": 4, "batch_size": max(1, min(250, 2**20 // facts.numbers)), "mi_images": few,
        "iw_images": min(100, few), "unit_images": few, "probe_images": few, "gen_samples": 16 if large else 64,
    }  # fmt: skip


def _rounded(epochs: float, up: bool = False) -> int:
    """A number of epochs that one would write."""
    if up:
        return next((e for e in EPOCHS if e >= epochs), EPOCHS[-1])
    return max((e for e in EPOCHS if e <= epochs), default=EPOCHS[0])


def _seconds(
    facts: Facts, costs: Mapping[str, Cost], names: tuple[str, ...], betas: tuple[float, ...], epochs: int, places: int
) -> float:  # fmt: skip
    """How long a run takes: all cells, shared among the places, but no less than the longest takes alone."""
    cells = [_cell_seconds(facts, costs[name], epochs) for name in names for _ in betas]
    if places > 1:
        cells = [RESERVE * seconds for seconds in cells]
    rounds = math.ceil(len(cells) / places)
    return AROUND + max(sum(cells) / places, max(cells), min(cells) * rounds)


def _cell_seconds(facts: Facts, cost: Cost, epochs: int) -> float:
    """How long a cell takes: training, validation, measuring, and drawing for figures and measures."""
    asked, (_, batch) = _evaluation(facts), sizes(facts)
    training = epochs * (facts.train // batch * cost.step + 2 * facts.valid * cost.image)
    looks = 2 * asked["z_samples"] * facts.test + 16 * (asked["iw_images"] + asked["gen_samples"]) + asked["mi_images"]
    draws = 12 + asked["gen_samples"] / 8
    return START + training + looks * cost.image + draws * cost.draw
