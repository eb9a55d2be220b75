"""Made-up metrics of cells; no number here is a measurement."""

import copy
import json

from rdplane.experiment.metrics import measured

EVALUATION = {"rate_distortion": {"z_samples": 4, "version": "1"}, "units": {"unit_images": 9, "version": "1"}}


def metrics(**changes):
    """Valid metrics.json, with the values at dotted paths replaced: ``**{"cell.seed": 4}``."""
    made = {
        "schema": 2,
        "cell": {
            "architecture": "-+v",
            "objective": {"name": "beta", "value": 0.5},
            "anneal": 0,
            "seed": 3,
            "data": {"dataset": "mnist5k"},
            "model": {"latent": 16},
            "training": {"epochs": 6},
            "versions": {"training": "1"},
        },
        "evaluation": copy.deepcopy(EVALUATION),
        **dict.fromkeys(measured()),
        "rate": 20.1,
        "rate_se": 0.3,
        "distortion": 70.2,
        "distortion_se": 0.9,
        "neg_elbo": 90.3,
        "neg_elbo_se": 1.0,
        "images": 500,
        "z_samples": 4,
        "active_units": 7,
        "parameters": 123456,
        "epochs": 6,
        "epoch": 6,
        "train_seconds": 31.25,
        "device": "cpu",
        "precision": "float32",
        "torch": "2.11.0",
    }
    for path, value in changes.items():
        *folders, key = path.split(".")
        place = made
        for folder in folders:
            place = place[folder]
        place[key] = value
    return made


def write_cell(folder, **changes):
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(metrics(**changes)))
    return folder


MINE = """
from rdplane.declare import Column, Measure, Objective, Part

OBJECTIVE = Objective(
    name="free_nats", text="nats of rate that cost nothing", title="free nats", label="free {value:g}", slug="free",
    builds="Nothing", unit="nats",
)
MEASURE = Measure(
    name="ink", title="ink", computes="ink",
    columns=(
        Column("ink", "white pixels per image", unit="", error=True),
        Column("ink_images", "images for it", unit="", type="int64"),
        Column("ink_word", "a word for it", unit="", type="str"),
    ),
)
DECODER = Part(kind="decoder", symbol="m", title="linear", builds="Nothing", sizes=("latent",))
"""
