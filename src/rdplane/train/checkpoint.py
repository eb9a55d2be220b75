"""Checkpoints that are whole or absent: tensors and a JSON note, sealed with a SHA-256, two kept."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from rdplane.files import atomic

__all__ = ["load_checkpoint", "save_checkpoint"]

SEAL = 32  # bytes of SHA-256 behind the tensors


def save_checkpoint(folder: Path, tensors: Mapping[str, Tensor], note: dict[str, Any]) -> None:
    """Write `folder/checkpoint`, keeping the one before it as `folder/previous`.

    The note travels in the header of the safetensors file, so that one rename replaces everything.

    Args:
        folder: where the checkpoints of a cell lie.
        tensors: by name, on any device.
        note: what else there is to know (see `rdplane.train.position.Position.state`), as JSON can hold it.

    Raises:
        UserError: the folder cannot be written or the disk is full; the older checkpoints stay.
    """
    plain = {key: value.detach().to("cpu").contiguous() for key, value in tensors.items()}
    content = safetensors.torch.save(plain, metadata={"note": json.dumps(note)})
    latest = folder / "checkpoint"
    with atomic(folder / "next") as stream:
        stream.write(content)
        stream.write(hashlib.sha256(content).digest())
    if latest.exists():
        os.replace(latest, folder / "previous")
    os.replace(folder / "next", latest)


def load_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any], list[str]] | None:
    """Read the newest checkpoint that is whole.

    Args:
        folder: where the checkpoints of a cell lie.

    Returns:
        Tensors by name, on the CPU; the note; and a line for each damaged file that was passed over. Tensors and note
        are empty where every file is damaged. None where there is no file.
    """
    damaged: list[str] = []
    for name in ("next", "checkpoint", "previous"):
        path = folder / name
        try:
            raw = path.read_bytes()
        except OSError:
            continue
        content, seal = raw[:-SEAL], raw[-SEAL:]
        try:
            if hashlib.sha256(content).digest() != seal:
                raise ValueError("its checksum is wrong")
            tensors = safetensors.torch.load(content)
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
            return tensors, json.loads(header["__metadata__"]["note"]), damaged
        except (ValueError, KeyError, SafetensorError) as error:
            damaged.append(f"{path} is cut short or damaged ({error}); using an older one")
    return None if not damaged else ({}, {}, damaged)
