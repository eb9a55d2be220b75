"""From a specification to the prepared file."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rdplane.data import own
from rdplane.data.download import fetch
from rdplane.data.identity import resolve
from rdplane.data.sources import DATASETS, File
from rdplane.data.store import save

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

    def get(file: File) -> bytes:
        return fetch(file.name, file.url, folder, file.check, mirror, timeout, retries)

    identity = resolve(spec)
    if spec.get("file") is not None:
        images = own.read(spec)
    else:
        dataset = DATASETS[identity["dataset"]]
        images = dataset.make(identity.get("seed", 0), get)
    save(output, dataclasses.replace(images, meta=images.meta | {"identity": identity}))
