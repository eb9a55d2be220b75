"""Tiny cells on tiny images, made here, for the tests of training and of what surrounds it."""

import json

import numpy as np

from rdplane.data.prepare import prepare
from rdplane.experiment.cells import data_spec, expand
from rdplane.experiment.config import resolve_config
from rdplane.experiment.keys import sizes_of

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
        prepare(data_spec(self.config("---")), self.images)

    def config(self, architecture, grid=None, **training):
        return resolve_config({
            "dataset": "stripes", "data": {"file": str(self.file)},
            "model": {key: SIZES[key] for key in sizes_of(architecture, "binary")},
            "grid": {"architectures": [architecture], **(grid or {"beta": 0.5})},
            "training": {"epochs": 3, "batch_size": 20, "learning_rate": 0.01, **training},
        })  # fmt: skip

    def cell(self, architecture="-+v", grid=None, **training):
        """One resolved cell."""
        (cell,) = expand(self.config(architecture, grid, **training)).values()
        return cell

    def curve(self, architecture="-+v", **training):
        """One that trains a whole curve."""
        training = {"curve_widening": 0.5, **training}
        return self.cell(architecture, {"beta": [], "curve": [[0.1, 1.0]]}, **training)

    def arguments(self, cell, folder, **compute):
        """Command line of its training job."""
        compute = {"device": "cpu", "threads": 1, "checkpoint_seconds": 0, **compute}
        return [
            "train", "--cell", json.dumps(cell), "--images", str(self.images), "--folder", str(folder),
            "--compute", json.dumps(compute),
        ]  # fmt: skip
