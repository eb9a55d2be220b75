"""The shipped grids: as large as is said of them, and with the runs that the paper shows."""

import csv
import re
from pathlib import Path

import pytest

from rdplane.experiment.architectures import ARCHITECTURES
from rdplane.experiment.cells import expand, points_of, select
from rdplane.experiment.config import load_config

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT / "src/rdplane/table/paper.csv"
PAPER = ["paper_mnist", "paper_omniglot"]
CURVES = ["paper_mnist_curves", "paper_omniglot_curves"]
QUICKER = ["mnist_laptop", "mnist_gpu"]
SAID = [  # a text, and what stands before the number of cells of a preset in it
    *((f"workflow/presets/{name}.yaml", name, r"\A(?:#.*\n)*?#.*?") for name in [*PAPER, *CURVES, "quick_targets"]),
    *((text, name, rf"{name}\.yaml +# ") for text in ("README.md", "docs/usage.md") for name in PAPER),
]


@pytest.fixture(scope="module")
def presets():
    """The resolved configuration and the cells of each preset, by its name."""
    configs = {path.stem: load_config(path) for path in (ROOT / "workflow/presets").glob("*.yaml")}
    return {name: (config, expand(config)) for name, config in configs.items()}


def shown(dataset, *figures):
    """(architecture, beta, anneal) of the runs that figures of the paper print; anneal is None where they do not."""
    with PUBLISHED.open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return [
        (row["architecture"], float(row["beta"]), {"true": 100, "false": 0}.get(row["anneal"]))
        for row in rows
        if row["dataset"] == dataset and row["beta"] and (not figures or row["figure"] in figures)
    ]


@pytest.mark.parametrize(("text", "preset", "before"), SAID, ids=lambda value: value if "\\" not in value else "")
def test_the_number_of_cells_that_is_said_is_true(presets, text, preset, before):
    (number,) = re.findall(before + r"(\d+) (?:runs|cells)\b", (ROOT / text).read_text())
    assert int(number) == len(presets[preset][1])


def test_the_number_of_cells_of_the_quick_run_is_true():
    (number,) = re.findall(r"The quick run: (\d+) cells", (ROOT / "README.md").read_text())
    assert int(number) == len(expand(load_config(ROOT / "config.yaml")))


@pytest.mark.parametrize("preset", PAPER)
def test_every_run_that_the_paper_prints_is_in_the_grid(presets, preset):
    config, cells = presets[preset]
    for architecture, beta, anneal in shown(config["dataset"]):
        wanted = {"architecture": [architecture], "beta": [beta], "anneal": [0, 100] if anneal is None else [anneal]}
        assert select(cells, wanted), f"{preset} lacks {architecture} with beta {beta:g}, anneal {anneal}"


def test_the_grid_reaches_the_middle_of_figure_3a(presets):
    # Its clusters at R 55 to 75 and 90 to 118 lie where the curves' slopes are about 0.55 and 0.22; its points of
    # deconvolutional decoders at R 21 need a beta of about 1.5.
    assert {0.2, 0.3, 0.5, 0.6, 1.5} <= set(presets["paper_mnist"][0]["grid"]["beta"])


@pytest.mark.parametrize(("preset", "figure"), [("paper_mnist", "4ab"), ("paper_omniglot", "8")])
def test_the_sample_grid_of_annealed_betas_shows_the_runs_of_the_papers_figure(presets, preset, figure):
    config, cells = presets[preset]
    names = select(cells, config["figures"]["sample_grids"]["annealed_betas"])
    found = [(cells[n]["architecture"], cells[n]["objective"]["value"], cells[n]["anneal"]) for n in names]
    assert sorted(found) == sorted(shown(config["dataset"], figure))


@pytest.mark.parametrize("preset", CURVES)
def test_curves_are_measured_at_the_papers_betas_within_their_range(presets, preset):
    config, cells = presets[preset]
    (objective,) = [cell["objective"] for cell in cells.values() if cell["architecture"] == "---" and not_beta(cell)]
    low, high = objective["value"]
    wanted = {beta for beta in presets[preset.removesuffix("_curves")][0]["grid"]["beta"] if low <= beta <= high}
    assert wanted <= set(points_of(config, objective)["betas"])


def not_beta(cell):
    return cell["objective"]["name"] != "beta"


@pytest.mark.parametrize("preset", [*CURVES, *QUICKER])
def test_every_architecture_has_one_curve(presets, preset):
    curves = [cell["architecture"] for cell in presets[preset][1].values() if not_beta(cell)]
    assert sorted(curves) == sorted(ARCHITECTURES)


@pytest.mark.parametrize("preset", QUICKER)
def test_the_quicker_presets_hold_what_they_say(presets, preset):
    """12 curves and 26 separate trainings; a curve takes two to three times the epochs of one."""
    epochs = {}
    for cell in presets[preset][1].values():
        epochs.setdefault(cell["architecture"], {}).setdefault(not_beta(cell), []).append(cell["training"]["epochs"])
    assert sum(len(found[True]) for found in epochs.values()) == 12
    assert sum(len(found[False]) for found in epochs.values()) == 26
    assert all(2 <= found[True][0] / max(found[False]) <= 3 for found in epochs.values())


@pytest.mark.parametrize("preset", [*PAPER, *CURVES])
def test_the_papers_size_comes_with_enough_generated_images(presets, preset):
    # With 64 the bounds move by more than half a nat from seed to seed.
    assert presets[preset][0]["evaluation"]["gen_samples"] == 500
