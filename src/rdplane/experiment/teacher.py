"""The data set `teacher`: images drawn from a trained, unconditional PixelCNN++, so that their density is known.

The teacher is an ordinary cell of the architecture ``0+-``, trained on a data set that is named in the section
`teacher`. Its configuration follows from that section; what it is, and how many images are drawn with which seed, is
the identity of the drawn images. Needs no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rdplane.errors import UserError
from rdplane.experiment.config import resolve_config

__all__ = ["COUNTS", "TEACHER", "Teacher", "teacher_of"]

TEACHER = "teacher"
"""Name of the data set."""

ARCHITECTURE = "0+-"
COUNTS = ("train", "valid", "test")
WARMUP_STEPS = 20  # few, so that a teacher of few images can be trained, too
_MODEL = ("pixelcnn_depth", "pixelcnn_resnets")
_TRAINING = ("epochs", "batch_size", "learning_rate")


@dataclass(frozen=True)
class Teacher:
    """A teacher, and what is drawn from it.

    Attributes:
        config: the resolved configuration whose one cell it is.
        counts: images drawn for 'train', 'valid' and 'test'.
        seed: of the draws.
    """

    config: dict[str, Any]
    counts: dict[str, int]
    seed: int


def teacher_of(config: Mapping[str, Any]) -> Teacher:
    """The teacher that the sections `teacher`, `data` and `compute` of a resolved configuration describe.

    Raises:
        UserError: the section contradicts itself, or names images that are not binary.
    """
    section = config[TEACHER]
    _check_images(section["dataset"], config["data"])
    own = {
        "experiment": TEACHER,
        "extensions": config["extensions"],  # to resolve a configuration puts these into use, and no others
        "dataset": section["dataset"],
        "data": config["data"],
        "grid": {"architectures": [ARCHITECTURE], "beta": [1.0], "seed": [section["seed"]]},
        "model": {key: section[key] for key in _MODEL},
        # By the recipe that was best (docs/benchmarks.md); an average of the weights is smoother than the last ones.
        "training": {
            **{key: section[key] for key in _TRAINING}, "schedule": "cosine", "average": 0.999, "keep": "average",
            "warmup_steps": WARMUP_STEPS,
        },
        "compute": config["compute"],
    }  # fmt: skip
    counts = dict(zip(COUNTS, section["images"], strict=True))
    return Teacher(resolve_config(own, "the section teacher"), counts, section["seed"])


def _check_images(dataset: str, settings: Mapping[str, Any]) -> None:
    """A teacher draws bits, and the logarithm of their density is that of bits."""
    from rdplane import data

    try:
        pixels = data.pixels_of({**settings, "dataset": dataset})
    except UserError as error:
        raise UserError(f"teacher.dataset is {dataset!r}, from whose images the teacher learns: {error}") from None
    if pixels != "binary":
        raise UserError(
            f"teacher.dataset is {dataset!r}, whose images are {pixels}; expected binary images, for a teacher draws 0 "
            "and 1: choose mnist5k, say, or binarise grey images of your own (data.binarise)"
        )
