"""Which dataset a specification means, without preparing it."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from rdplane.data import own
from rdplane.declare.registry import declared
from rdplane.errors import UserError

__all__ = ["resolve"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def resolve(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The canonical identity of the prepared data: equal for two specifications exactly if they mean the same bits.

    A built-in dataset is `dataset` and, where it decides anything, `seed`. A user's own images, recognised by `file`,
    are `dataset`, `file_sha256`, `binarise` and, where they matter, `threshold`, `split` and `seed`. Needs no network.

    Args:
        spec: `dataset`; `seed`; and for own images `file`, `binarise` ('none', 'bernoulli' or 'threshold'),
            `threshold` (a fraction of white), `split` (fractions of train, valid and test). None counts as missing.

    Raises:
        UserError: an unknown or unusable name, a missing file, or a setting that matters is missing or wrong.
    """
    name, datasets = spec.get("dataset"), declared().datasets
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UserError(
            f"dataset is {name!r}; expected {', '.join(datasets)}, or a name for your own images that begins with a "
            "letter or digit and has only letters, digits, '_', '.' and '-'"
        )
    if spec.get("file") is not None:
        if name in datasets:
            raise UserError(
                f"dataset {name!r} is built in, but data.file is {str(spec['file'])!r}; "
                "give your own images another name, or remove data.file"
            )
        return own.identify(spec)
    if name not in datasets:
        close = difflib.get_close_matches(name, datasets, n=1)
        guess = f"did you mean {close[0]!r}? " if close else ""
        raise UserError(
            f"dataset {name!r} is unknown; {guess}expected {', '.join(datasets)}, "
            "or your own images with their file in data.file"
        )
    return {"dataset": name} | ({"seed": own.seed(spec)} if datasets[name].seeded else {})
