"""Which of the arrays in a file are images and which are labels, by their names."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rdplane.data.store import SPLITS
from rdplane.errors import UserError

__all__ = ["ONE", "Arrangement", "arrange"]

ONE = ("",)
"""The parts of images that are not split yet."""

_IMAGES, _LABELS = "images", "labels"
# What 'valid' is called too; Keras has no name for it.
_NAMES = {"train": ("train",), "valid": ("valid", "val"), "test": ("test",)}
_EXPECTED = (
    "a single one, or one named images, or train, valid and test, or x_train and x_test, or train_images and "
    "test_images; with labels in labels, or "
    "train_labels, valid_labels and test_labels, or y_train and y_test"
)


@dataclass(frozen=True)
class Arrangement:
    """Where the images and labels of each part are.

    Attributes:
        images: part -> name. The parts are '' alone (to be split in three), train and test (train to be split in two),
            or all three.
        labels: part -> name, for the parts that have labels.
    """

    images: dict[str, str]
    labels: dict[str, str] = field(default_factory=dict)


def arrange(names: Iterable[str], where: str) -> Arrangement:
    """What the arrays of these names are; others beside them are left alone.

    Args:
        names: of the arrays; an .npy has one, called ''.
        where: what a message calls the file.

    Raises:
        UserError: it is not clear which are the images.
    """
    names = list(names)
    for naming in ("{}", "x_{}", "{}_images"):
        images = {part: name for part in SPLITS if (name := _first(names, [naming.format(n) for n in _NAMES[part]]))}
        if images.keys() >= {"train", "test"}:
            ends = {part: _NAMES[part] for part in images}
            labels = {
                part: name
                for part in images
                if (name := _first(names, [f"y_{end}" for end in ends[part]] + [f"{end}_labels" for end in ends[part]]))
            }
            return Arrangement(images, labels)
    labels = {"": _LABELS} if _LABELS in names else {}
    if _IMAGES in names:
        return Arrangement({"": _IMAGES}, labels)
    others = [name for name in names if name != _LABELS]
    if len(others) == 1:
        return Arrangement({"": others[0]}, labels)
    raise UserError(f"{where} holds the arrays {', '.join(names) or '(none)'}; expected {_EXPECTED}")


def _first(names: list[str], among: list[str]) -> str:
    return next((name for name in among if name in names), "")
