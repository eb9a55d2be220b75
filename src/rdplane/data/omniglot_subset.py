"""The dataset omniglot_subset: 28 of Omniglot's alphabets, for machines that have them at hand."""

from collections.abc import Callable

from rdplane.data.chardata import make_images
from rdplane.data.store import Images
from rdplane.declare import Dataset, File

__all__ = ["make"]

# Made from the published drawings in chardata.mat's layout; whoever has the file serves it as a mirror.
DATASET = Dataset(
    name="omniglot_subset", title="28 of Omniglot's alphabets, from a mirror only", makes="make",
    classes=False,  # the labels name alphabets
    files=(
        File(
            "omniglot_subset.mat", "",
            "SHA-256", "3cdf777ccd44a2d4b86de4453a507374812ac4b3ba90a2caa68746637e775a6c",
        ),
    ),
)  # fmt: skip


def make(seed: int, get: Callable[[str], bytes]) -> Images:
    """28 of Omniglot's alphabets in the same layout: 12,170 / 1,345 / 4,505."""
    (file,) = DATASET.files
    return make_images("omniglot_subset", file.name, file.url, 13_515, 4_505, seed, get(file.name))
