"""The note that figures carry where the configuration has none of its own: what was smaller than in the paper.

It is made of the cells themselves, so that it is true whatever the configuration was before. Needs no torch.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from rdplane.declare.registry import declared
from rdplane.experiment.architectures import ARCHITECTURES, parse
from rdplane.experiment.keys import TRAINING

__all__ = ["note_of", "warning_of"]

_PAPER_EPOCHS = next(key.default for key in TRAINING if key.name == "epochs")


def note_of(cells: Iterable[Mapping[str, Any]]) -> str | None:
    """What cells have less of than the paper: epochs, and sizes of the networks; None where they have no less.

    Args:
        cells: resolved ones, such as `rdplane.experiment.cells.expand` makes or a `metrics.json` holds; at least their
            `training` or their `model`.
    """
    found = list(cells)
    epochs = sorted({cell["training"]["epochs"] for cell in found if "training" in cell})
    said = []
    if epochs and epochs[0] < _PAPER_EPOCHS:
        spelled = f"{epochs[0]:,}" + (f" to {epochs[-1]:,}" if len(epochs) > 1 else "")
        said.append(f"{spelled} epoch{'' if epochs == [1] else 's'} (the paper: {_PAPER_EPOCHS})")
    smaller = [cell for cell in found if _is_smaller(cell.get("model", {}))]
    if smaller:
        said.append(f"{'' if len(smaller) == len(found) else 'some '}networks smaller than the paper's")
    return ", ".join(said) or None


def warning_of(cells: Mapping[str, Mapping[str, Any]]) -> str | None:
    """A line for whoever starts cells of the paper's sizes and length on CPU cores, perhaps for want of any setting.

    Args:
        cells: folder name -> cell, those of a configuration.

    Returns:
        None where no cell has so much to do.
    """
    large = [cell for cell in cells.values() if note_of([cell]) is None]
    if not large:
        return None
    epochs = max(cell["training"]["epochs"] for cell in large)
    return (
        f"warning: {len(large)} of {len(cells)} cells train networks of the paper's sizes for up to {epochs} epochs, "
        "and no GPU is found: of 5,000 digits each takes a CPU core hours to days. Set smaller sizes (model) and "
        "training.epochs, or let `rdplane init FOLDER --images PATH` choose them"
    )


def _is_smaller(sizes: Mapping[str, Any]) -> bool:
    """Whether one of the sizes that the paper's architectures have is below its default, which is the paper's."""
    registry = declared()
    parts = {registry.parts[kind][symbol] for name in ARCHITECTURES for kind, symbol in parse(name).symbols.items()}
    names = {size for part in parts for size in registry.sizes(part)}
    return any(
        isinstance(value, int | float) and value < registry.keys[name].default
        for name, value in sizes.items() if name in names and registry.keys[name].default is not None
    )  # fmt: skip
