"""Which dataset a specification means, without preparing it."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

from rdplane.data import own
from rdplane.declare.kinds import Dataset
from rdplane.declare.registry import declared
from rdplane.errors import UserError

__all__ = ["labelled", "pixels_of", "resolve"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def resolve(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The canonical identity of the prepared data: equal for two specifications exactly if they mean the same bits.

    A built-in dataset is `dataset` and, where it decides anything, `seed`. A user's own images, recognised by `file`,
    are `dataset`, `file_sha256` (of a folder `folder_sha256`), `binarise` and, where they matter, `threshold`, `split`
    and `seed`; `pixels` unless they are binary, and `labels` if there are any. Needs no network.

    Args:
        spec: `dataset`; `seed`; and for own images `file` (or a folder), `binarise` ('none', 'bernoulli' or
            'threshold'), `threshold` (a fraction of white), `split` (fractions of train, valid and test). None counts
            as missing.

    Raises:
        UserError: an unknown or unusable name, a missing file, or a setting that matters is missing or wrong.
    """
    dataset = _declared(spec)
    if dataset is None:
        return own.identify(spec)
    return {"dataset": dataset.name} | ({"seed": own.seed(spec)} if dataset.seeded else {})


def pixels_of(spec: Mapping[str, Any]) -> str:
    """What the pixels of the images are that a specification means, 'binary', 'grey' or 'colour'; none are prepared.

    Of a user's own images a file is looked at, once in a process until it changes.

    Raises:
        UserError: see `resolve`; or the file cannot be read.
    """
    dataset = _declared(spec)
    return own.pixels(spec) if dataset is None else dataset.pixels


def labelled(spec: Mapping[str, Any]) -> bool:
    """Whether images can have labels: a user's own have them if the file says so, others are asked once prepared.

    Raises:
        UserError: see `resolve`; or the file cannot be read.
    """
    return _declared(spec) is not None or own.labelled(spec)


def _declared(spec: Mapping[str, Any]) -> Dataset | None:
    """The dataset that a specification names; None for a user's own images."""
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
        return None
    if name not in datasets:
        close = difflib.get_close_matches(name, datasets, n=1)
        guess = f"did you mean {close[0]!r}? " if close else ""
        raise UserError(
            f"dataset {name!r} is unknown; {guess}expected {', '.join(datasets)}, "
            "or your own images with their file in data.file"
        )
    return datasets[name]
