"""What a finished training run left in its folder, read for comparison, and how the tests here train."""

from pathlib import Path

import pandas as pd
import safetensors.torch
import torch

COMPUTE = {"device": "cpu", "threads": 1, "checkpoint_seconds": 0}


def weights(folder):
    """All kept tensors by name."""
    return safetensors.torch.load_file(Path(folder) / "model.safetensors")


def same(a, b):
    """Whether two sets of tensors are equal bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def history(folder):
    """The history without what a clock decides."""
    return pd.read_csv(Path(folder) / "history.csv").drop(columns=["seconds", "images_per_second"])
