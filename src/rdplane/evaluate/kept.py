"""What was measured of a cell before, kept in the cell's folder ``state/measures``. Needs no torch.

Of each measure ``<measure>.json`` holds a key, of everything that decides its numbers, and the numbers. A measure whose
key is the same is not computed again; whatever cannot be read is computed anew, and is no error. Where other measures
need its numbers per image, ``<measure>.npz`` beside it holds them in float64, and the JSON the checksum of that file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdplane.declare.kinds import Measure
from rdplane.errors import UserError
from rdplane.experiment.metrics import rules_of
from rdplane.files import atomic, read_json, sha256, write_json

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Kept"]

Columns = dict[str, Any]
"""Column -> number, text or None."""


class Kept:
    """The results of the measures of one cell.

    Args:
        folder: the cell's folder.
        point: of its curve, where it trained one: a folder of its own below.
    """

    def __init__(self, folder: Path, point: str = ""):
        self.folder = folder / "state" / "measures" / point

    def read(self, measure: Measure, key: Mapping[str, Any]) -> Columns | None:
        """The columns of a measure, if they were kept with an equal key and are whole; else None."""
        try:
            found = read_json(self.folder / f"{measure.name}.json")
            if found["key"] != key or not self._whole(measure, found["per_image"]):
                return None
            columns, rules = found["columns"], rules_of(measure)
            fitting = all(columns[name] is None or rule.accepts(columns[name]) for name, rule in rules.items())
        except (UserError, KeyError, TypeError, OSError):
            return None
        return columns if fitting and columns.keys() == rules.keys() else None

    def _whole(self, measure: Measure, checksum: str | None) -> bool:
        return checksum is None or sha256(self.folder / f"{measure.name}.npz") == checksum

    def per_image(self, measure: str) -> "dict[str, Tensor]":
        """What a measure kept for each image: name -> (N,) float64; `read` or `write` has found it whole."""
        import numpy as np
        import torch

        path = self.folder / f"{measure}.npz"
        if not path.exists():
            return {}
        with np.load(path, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays.files}

    def write(
        self, measure: Measure, key: Mapping[str, Any], columns: Columns, per_image: "Mapping[str, Tensor]"
    ) -> None:
        """Keep the columns of a measure, and its numbers per image, (N,) each, if it has any."""
        path, checksum = self.folder / f"{measure.name}.npz", None
        if not per_image:
            path.unlink(missing_ok=True)  # of a former version, which kept some
        else:
            import numpy as np

            arrays: dict[str, Any] = {name: values.double().cpu().numpy() for name, values in per_image.items()}
            with atomic(path) as stream:
                np.savez_compressed(stream, **arrays)
            checksum = sha256(path)
        write_json(self.folder / f"{measure.name}.json", {"key": key, "columns": columns, "per_image": checksum})
