"""The data set `teacher`: images drawn from a trained, unconditional PixelCNN++, so that their density is known.

The teacher is an ordinary cell of the architecture ``0+-``, trained on a data set that is named in the section
`teacher`. Its configuration follows from that section; what it is, and how many images are drawn with which seed, is
the identity of the drawn images. Needs no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
        UserError: the section contradicts itself.
    """
    section = config[TEACHER]
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
