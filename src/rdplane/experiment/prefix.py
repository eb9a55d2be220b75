"""Which cells have a prefix code, and what its table depends on. Needs no torch."""

from collections.abc import Mapping
from typing import Any

from rdplane.declare.registry import declared
from rdplane.experiment import versions
from rdplane.experiment.cells import is_measured

__all__ = ["ALONE", "prefix_cells", "prefix_settings"]

ALONE = "0+-"
"""The architecture without a code: a PixelCNN++ alone, which is a prefix code as well."""

_LABELS = "label_information"  # the measure that reads the class out of the pixels as well


def prefix_cells(cells: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of the cells that have a prefix code, in their order.

    Args:
        cells: folder name -> resolved cell.
    """
    return [name for name, cell in cells.items() if cell["architecture"] == ALONE]


def prefix_settings(config: dict[str, Any]) -> dict[str, Any]:
    """What the prefix code of a trained cell depends on: keys of the section `evaluation`, and a version.

    `probe_images` is 0 where the class is not to be read out of the pixels.
    """
    keys = ("batch_size", "probe_images", "probe_folds", "seed")
    found = {key: config["evaluation"][key] for key in keys}
    if not is_measured(config, declared().measures[_LABELS], [(ALONE, "beta")]):
        found["probe_images"] = 0
    return found | {"version": versions.version("prefix code")}
