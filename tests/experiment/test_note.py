"""The note that is made of cells says what they have less of than the paper, and nothing else."""

import pytest

from rdplane.experiment.cells import expand
from rdplane.experiment.config import load_config, resolve_config
from rdplane.experiment.layout import Layout
from rdplane.experiment.note import note_of

SMALL = {"latent": 16, "width": 0.25, "pixelcnn_depth": 8, "pixelcnn_resnets": 1}


def cells(**sections):
    return expand(resolve_config({"grid": {"architectures": ["---", "-+-"], "beta": 1}, **sections})).values()


@pytest.mark.parametrize("preset", ["paper_mnist", "paper_omniglot", "paper_mnist_curves", "paper_omniglot_curves"])
def test_the_papers_grids_have_none(request, preset):
    root = request.config.rootpath
    assert Layout(load_config(root / f"workflow/presets/{preset}.yaml")).note is None


@pytest.mark.parametrize(
    ("sections", "note"),
    [
        ({}, None),
        ({"dataset": "omniglot", "training": {"epochs": 300}}, None),
        ({"training": {"epochs": 1}}, "1 epoch (the paper: 200)"),
        ({"training": {"epochs": 2000}, "model": SMALL}, "networks smaller than the paper's"),
        ({"model": {"pixelcnn_depth": 8}}, "some networks smaller than the paper's"),
        ({"model": {"latent": 128}}, None),
        (
            {"training": {"epochs": 4}, "overrides": {"?+?": {"training": {"epochs": 3}}}, "model": SMALL},
            "3 to 4 epochs (the paper: 200), networks smaller than the paper's",
        ),
    ],
)
def test_note(sections, note):
    assert note_of(cells(**sections)) == note


def test_a_note_of_ones_own_counts_and_an_empty_one_is_none():
    small = {"training": {"epochs": 1}, "grid": {"architectures": "---"}}
    noted = {note: Layout(resolve_config(small | {"figures": {"note": note}})).note for note in ("mine", "", None)}
    assert noted == {"mine": "mine", "": "", None: "1 epoch (the paper: 200)"}
