"""Finished cells without training: an untrained model's weights and the summary that training leaves beside them."""

import json

import numpy as np
import safetensors.torch
import torch

from rdplane.data.store import Images, save
from rdplane.declare.registry import declared, names_of_keys
from rdplane.models.build import build
from rdplane.models.conditioned import Conditioned

SIZES = {
    "latent": 3, "width": 0.1, "flow_steps": 1, "made_layers": 1, "made_units": 8, "pixelcnn_depth": 4,
    "pixelcnn_resnets": 1, "pseudo_inputs": 5, "code_levels": 3, "code_channels": 1, "code_depth": 4, "code_resnets": 1,
}  # fmt: skip
SMALL = {
    "z_samples": 2, "batch_size": 25, "mi_images": 20, "iw_images": 6, "iw_samples": 3, "unit_images": 10,
    "probe_images": 30, "probe_folds": 2, "gen_samples": 4,
}  # fmt: skip


def evaluation_of(average=False, pixels="binary", **changes):
    """What `rdplane.experiment.cells.evaluation_of` gives: every measure that is on, small; `changes` are settings.

    Those beside a known density are left out.
    """
    keys = {name: key.default for name, key in declared().keys.items()}
    settings = keys | SMALL | changes
    return {
        name: {key: settings[key] for key in names_of_keys(measure)} | {"version": "1"}
        for name, measure in declared().measures.items()
        if (not measure.off or settings[measure.off]) and (average or not measure.average) and not measure.density
        and (not measure.pixels or pixels in measure.pixels)
    }  # fmt: skip


def write_images(path, labels=True, seed=0):
    """40 test images of 8 x 8, with three classes."""
    bits = (np.random.default_rng(seed).random((3, 40, 8, 8)) < 0.4).astype(np.uint8)
    known = {"test": np.arange(40) % 3} if labels else None
    save(path, Images(train=bits[0], valid=bits[1], test=bits[2], labels=known, name="noise"))
    return path


def write_weights(folder, architecture, sizes=SIZES, seed=0):
    torch.manual_seed(seed)
    tensors = {key: value.contiguous() for key, value in build(architecture, (8, 8), sizes).state_dict().items()}
    (folder / "model.safetensors").write_bytes(safetensors.torch.save(tensors))


def write_curve(folder, architecture="---", spread=0.5):
    """A cell that trained a whole curve, from 0.05 to 1.25; its weights depend on beta as random numbers say."""
    objective = {"name": "curve", "value": [0.05, 1.25], "curve_widening": 0.5, "curve_power": 1.0}
    write_cell(folder, architecture, objective=objective)
    torch.manual_seed(0)
    model = Conditioned(build(architecture, (8, 8), SIZES), 0.05, 1.25)
    for parameter in [*model.gains, *model.shifts, *model.tilts]:
        torch.nn.init.normal_(parameter, 0, spread / parameter.shape[0] ** 0.5)
    tensors = {key: value.contiguous() for key, value in model.state_dict().items()}
    (folder / "model.safetensors").write_bytes(safetensors.torch.save(tensors))
    return folder


def write_cell(folder, architecture="---", sizes=SIZES, extensions=None, objective=None):
    folder.mkdir(parents=True)
    write_weights(folder, architecture, sizes)
    cell = {
        "architecture": architecture, "objective": objective or {"name": "beta", "value": 0.5}, "anneal": 0, "seed": 0,
        "data": {"dataset": "noise"}, "model": sizes, "training": {"epochs": 1}, "versions": {"training": "1"},
    }  # fmt: skip
    summary = {
        "cell": cell, "shape": [8, 8], "parameters": 9, "epochs": 1, "epoch": 1, "train_seconds": 1.5, "device": "cpu",
        "precision": "float32", "torch": torch.__version__, "threads": 1, "extensions": extensions or {},
    }  # fmt: skip
    (folder / "train.json").write_text(json.dumps(summary))
    return folder
