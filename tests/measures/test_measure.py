import subprocess
import sys

import linear_gaussian as lg
import numpy as np
import pytest
import torch

from rdplane.measures.columns import COLUMNS, DEFAULTS
from rdplane.measures.measure import measure
from rdplane.models import ARCHITECTURES, build

SMALL = {**DEFAULTS, "mi_images": 20, "iw_images": 6, "iw_samples": 3, "probe_images": 30, "probe_folds": 2}
SMALL |= {"unit_images": 10, "gen_samples": 4}
LABELS = np.arange(40) % 3
OFF = {key: 0 for key in ("mi_images", "iw_images", "unit_images", "probe_images", "gen_samples")}
OWN = {
    "mi_images": ["mi_lower", "mi_lower_se", "mi_upper", "mi_upper_se", "mi_images"],
    "iw_images": ["nll_iw", "nll_iw_se", "iw_samples", "iw_images"],
    "unit_images": ["active_units"],
    "probe_images": ["probe_accuracy", "probe_accuracy_se"],
    "gen_samples": ["gen_lower", "gen_lower_se", "gen_upper", "gen_upper_se", "gen_samples"],
}


@pytest.fixture
def x():
    return lg.images(40)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_measure_of_every_architecture_is_a_finite_number(architecture):
    sizes = {"latent": 3, "width": 0.1, "flow_steps": 2, "made_layers": 2, "made_units": 8}
    sizes |= {"pixelcnn_depth": 4, "pixelcnn_resnets": 1, "pseudo_inputs": 5}
    binary = torch.bernoulli(torch.full((40, 8, 8), 0.4)).to(torch.uint8)
    results = measure(build(architecture, (8, 8), sizes), binary, LABELS, SMALL)
    assert list(results) == list(COLUMNS) and all(np.isfinite(value) for value in results.values())


def test_the_same_seed_gives_the_same_numbers(x):
    first = measure(lg.model(), x, LABELS, SMALL)
    torch.manual_seed(99)
    assert measure(lg.model(), x, LABELS, SMALL) == first


def test_another_seed_gives_other_numbers(x):
    first, second = (measure(lg.model(), x, LABELS, SMALL | {"seed": seed}) for seed in (0, 1))
    assert first["mi_lower"] != second["mi_lower"] and first["gen_upper"] != second["gen_upper"]


@pytest.mark.parametrize("key", OFF)
def test_a_measure_alone_gives_the_numbers_that_it_gives_among_all(x, key):
    every, alone = (
        measure(lg.model(), x, LABELS, SMALL),
        measure(lg.model(), x, LABELS, SMALL | OFF | {key: SMALL[key]}),
    )
    assert {name: alone[name] for name in OWN[key]} == {name: every[name] for name in OWN[key]}


@pytest.mark.parametrize("key", OFF)
def test_a_measure_switched_off_leaves_its_columns_empty(x, key):
    results = measure(lg.model(), x, LABELS, SMALL | {key: 0})
    assert [name for name, value in results.items() if value is None] == OWN[key]


def test_without_labels_there_is_no_probe(x):
    results = measure(lg.model(), x, None, SMALL)
    assert [name for name, value in results.items() if value is None] == OWN["probe_images"]


def test_a_smaller_test_set_is_used_whole(x):
    results = measure(lg.model(), x, LABELS, SMALL | {"mi_images": 1000, "iw_images": 1000})
    assert results["mi_images"] == results["iw_images"] == 40


@pytest.mark.parametrize("module", ["columns", "gap", "category"])
def test_what_works_on_tables_imports_no_torch(module):
    code = f"import sys, rdplane.measures.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
