"""The dataset patches: small pieces of two photographs that come with scikit-learn, colour without a download.

They are two photographs, of a temple and of a flower, and no more: enough to see that a model of colour images learns,
not to compare models. The test pieces come from another part of the same photographs.
"""

import hashlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rdplane.data.store import Images
from rdplane.declare import Dataset
from rdplane.errors import UserError

__all__ = ["SIDE", "cut", "make"]

DATASET = Dataset(
    name="patches", title="colour patches of two photographs that come with scikit-learn; no download", makes="make",
    seeded=False, pixels="colour",
)  # fmt: skip

SIDE = 32  # pixels of a patch
# The two photographs, (427, 640, 3) each, as bytes one after the other: the same patches on every machine.
_DIGEST = "99310b92a8963a4b9118f3a93695bf9d2f7c20a03361f1962972901ccd5560da"
# Columns of the photographs, and pixels between neighbouring patches. Those of validation and test do not overlap each
# other either, so that standard errors count each once.
_REGIONS = {"train": (0, 384, 8), "valid": (384, 512, SIDE), "test": (512, 640, SIDE)}


def make(seed: int, get: Callable[[str], bytes]) -> Images:
    """Patches (32, 32, 3): 4,500 that overlap, of the left 384 columns; 104 / 104 of the next 128 and the last 128."""
    from sklearn.datasets import load_sample_images

    photographs = np.stack(load_sample_images().images)
    found = hashlib.sha256(photographs.tobytes()).hexdigest()
    if found != _DIGEST:
        raise UserError(
            f"patches: the installed scikit-learn and Pillow give other photographs: expected SHA-256 {_DIGEST}, found "
            f'{found}; install the pinned ones with: pip install -c envs/constraints.txt "rdplane[workflow]"'
        )
    parts = {part: cut(photographs, *region) for part, region in _REGIONS.items()}
    return Images(
        name="patches",
        train=parts["train"],
        valid=parts["valid"],
        test=parts["test"],
        meta={
            "source": "sklearn.datasets.load_sample_images, two photographs",
            "files": {"photographs as bytes": {"SHA-256": found}},
            "seed": None,
            "binarisation": "none: colour of 3 x 8 bits",
            "split": "by columns of the photographs: " + ", ".join(
                f"{part} {start} to {end - 1}" for part, (start, end, _) in _REGIONS.items()
            ),
        },
        pixels="colour",
    )  # fmt: skip


def cut(photographs: NDArray[np.uint8], start: int, end: int, step: int) -> NDArray[np.uint8]:
    """The patches (N, 32, 32, 3) that lie whole in the columns from `start` up to `end` of photographs (P, H, W, 3).

    Args:
        step: pixels from one patch to the next, down and across.
    """
    region = photographs[:, :, start:end]
    windows = np.lib.stride_tricks.sliding_window_view(region, (SIDE, SIDE), axis=(1, 2))[:, ::step, ::step]
    return np.ascontiguousarray(windows.transpose(0, 1, 2, 4, 5, 3)).reshape(-1, SIDE, SIDE, 3)
