"""From a specification to the prepared file."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rdplane.data import own
from rdplane.data.download import Checksum, fetch
from rdplane.data.identity import resolve
from rdplane.data.store import Images, save
from rdplane.declare.kinds import Dataset
from rdplane.declare.objects import explained, imported
from rdplane.declare.registry import declared
from rdplane.errors import UserError

__all__ = ["prepare"]


def prepare(
    spec: Mapping[str, Any],
    output: Path,
    mirror: str | None = None,
    cache: Path | None = None,
    timeout: float = 30,
    retries: int = 3,
) -> None:
    """Make the dataset that `spec` means and write it to `output`, whole or not at all.

    The same specification gives the same bits on every machine. Source, checksums, seed and binarisation are kept
    in the file (`Images.meta`).

    Args:
        spec: see `rdplane.data.resolve`.
        output: the one file to write.
        mirror: folder or http(s) address that is tried before upstream; None means RDPLANE_MIRROR, if set.
        cache: where verified downloads are kept; None means the folder ``raw`` beside `output`.
        timeout: seconds without an answer before a try is given up.
        retries: further tries of a download after the first.

    Raises:
        UserError: the specification is wrong, a file cannot be had or is not what it should be, or `output` cannot
            be written.
    """
    output = Path(output)
    folder = output.parent / "raw" if cache is None else Path(cache)

    identity = resolve(spec)
    if spec.get("file") is not None:
        images = own.read(spec)
    else:
        dataset = declared().datasets[identity["dataset"]]
        files = {file.name: file for file in dataset.files}

        def get(name: str) -> bytes:
            file = files[name]
            check = Checksum(file.kind, file.digest, file.size)
            return fetch(name, file.url or None, folder, check, mirror, timeout, retries)

        images = _made(dataset, identity.get("seed", 0), get)
        if files:
            checksums = {name: {file.kind: file.digest} for name, file in files.items()}
            images = dataclasses.replace(images, meta=images.meta | {"files": checksums})
    save(output, dataclasses.replace(images, meta=images.meta | {"identity": identity}))


def _made(dataset: Dataset, seed: int, get: Callable[[str], bytes]) -> Images:
    """The images of a dataset; what goes wrong in a user's own becomes one line."""
    with explained(f"the images of the dataset {dataset.name} cannot be made", dataset):
        images = imported(dataset)(seed, get)
    if dataset.source.startswith("rdplane."):
        return images
    if not isinstance(images, Images):
        raise UserError(
            f"{dataset.source}: {dataset.makes} returned {type(images).__name__}, expected rdplane.data.Images"
        )
    return dataclasses.replace(
        own.check(images, f"{dataset.source}: dataset {dataset.name}", dataset.pixels), name=dataset.name
    )
