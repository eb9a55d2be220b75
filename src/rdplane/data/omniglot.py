"""The dataset omniglot: the paper's, as Burda et al. (2015) reduced it."""

from collections.abc import Callable

from rdplane.data.chardata import make_images
from rdplane.data.store import Images
from rdplane.declare import Dataset, File

__all__ = ["make"]

DATASET = Dataset(
    name="omniglot", title="Omniglot, the 28x28 version of Burda et al.", makes="make",
    classes=False,  # the labels name alphabets
    files=(
        File(
            "chardata.mat", "https://github.com/yburda/iwae/raw/master/datasets/OMNIGLOT/chardata.mat",
            "git blob id", "016a3536ffe5e1d38e42563a18d7a78bfaf643ec",
        ),
    ),
)  # fmt: skip


def make(seed: int, get: Callable[[str], bytes]) -> Images:
    """Omniglot as Burda et al. (2015) reduced it: 23,000 / 1,345 / 8,070."""
    (file,) = DATASET.files
    return make_images("omniglot", file.name, file.url, 24_345, 8_070, seed, get(file.name))
