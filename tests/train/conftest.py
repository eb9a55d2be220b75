"""Tiny cells on tiny images, made here."""

import json

import numpy as np
import pytest

from rdplane import data
from rdplane.cell import data_spec, expand
from rdplane.config import resolve_config

SIZES = {
    "latent": 2, "width": 0.1, "flow_steps": 1, "made_layers": 1, "made_units": 8, "pixelcnn_depth": 2,
    "pixelcnn_resnets": 1, "pseudo_inputs": 3,
}  # fmt: skip


class Tiny:
    """Prepared 8x8 images and cells for them."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "stripes.npy"
        images = np.random.default_rng(0).random((120, 8, 8)) < np.linspace(0.1, 0.9, 8)
        np.save(self.file, images.astype(np.uint8))
        self.images = folder / "images.npz"
        data.prepare(data_spec(self.config("---")), self.images)

    def config(self, architecture, **training):
        return resolve_config({
            "dataset": "stripes", "data": {"file": str(self.file)}, "model": SIZES,
            "grid": {"architectures": [architecture], "beta": 0.5},
            "training": {"epochs": 3, "batch_size": 20, "learning_rate": 0.01, **training},
        })  # fmt: skip

    def cell(self, architecture="-+v", **training):
        """One resolved cell."""
        (cell,) = expand(self.config(architecture, **training)).values()
        return cell

    def arguments(self, cell, folder, **runtime):
        """Command line of its training job."""
        runtime = {"device": "cpu", "threads": 1, "checkpoint_seconds": 0, **runtime}
        return [
            "train", "--cell", json.dumps(cell), "--images", str(self.images), "--folder", str(folder),
            "--runtime", json.dumps(runtime),
        ]  # fmt: skip


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return Tiny(tmp_path_factory.mktemp("tiny"))
