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

    The note (JSON: position, history) travels in the safetensors header, so one rename replaces everything.

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
    """The newest whole checkpoint: tensors, note, and a line for each file that was found damaged and passed over."""
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
