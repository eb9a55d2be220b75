"""Versions of the source: what counts as an edit, and what it touches, tried for every module of the package."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rdplane.declare import declared
from rdplane.experiment import versions
from rdplane.experiment.architectures import ARCHITECTURES
from rdplane.experiment.cells import versions_of

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src/rdplane"
# Rooms in which something is computed or drawn; `jobs` and the others of `versions.SILENT` must not.
COMPUTING = ("data", "models", "train", "evaluate", "table", "figures", "page", "toy")


def dump(source):
    return versions.dump(ast.parse(source))


def test_lock_matches_the_source():
    """Fails after an undeclared edit: run `rdplane code accept` (no number changes) or `rdplane code bump`."""
    assert versions.changed() == []


def test_lock_knows_nothing_that_is_gone():
    assert set(json.loads(versions.LOCK.read_text())) == set(versions.versioned())


def test_comments_layout_and_docstrings_do_not_count():
    plain = "def f(x):\n    return x + 1\n"
    assert dump('def f(x):  # why\n\n    """What."""\n    return (x\n        + 1)\n') == dump(plain)


def test_declarations_do_not_count():
    assert dump('DECODER = Part(title="a")\nx = 1\n') == dump('DECODER = Part(title="b", mark="dark")\nx = 1\n')


@pytest.mark.parametrize(
    "edit", ["def f(x):\n    return x + 2\n", "def f(x):\n    return x - 1\n", "def g(x):\n    return x + 1\n"]
)
def test_an_edit_counts(edit):
    assert dump(edit) != dump("def f(x):\n    return x + 1\n")


def test_a_string_that_is_no_docstring_counts():
    assert dump("x = 'a'") != dump("x = 'b'")


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, "q-q"])
def test_a_cell_depends_on_its_own_parts_and_objective_only(architecture):
    parts = {f"encoder {architecture[0]}", f"decoder {architecture[1]}", f"marginal {architecture[2]}"}
    assert set(versions_of(architecture, "beta", "binary")) == parts | {"training", "objective beta"}


@pytest.mark.parametrize("pixels", ["grey", "colour"])
def test_a_cell_of_images_of_8_bits_depends_on_their_likelihood_besides(pixels):
    more = set(versions_of("---", "beta", pixels)) - set(versions_of("---", "beta", "binary"))
    assert more == {"likelihood logistic_mixture"}


@pytest.mark.parametrize("room", versions.SILENT)
def test_where_no_number_is_made_nothing_is_imported_that_computes(room):
    files = [PACKAGE / f"{room}.py"] if (PACKAGE / f"{room}.py").exists() else sorted((PACKAGE / room).glob("*.py"))
    for file in files:
        for node in ast.parse(file.read_text()).body:  # at the top: what a command needs at last it imports late
            names = [alias.name for alias in getattr(node, "names", [])] + [getattr(node, "module", None) or ""]
            found = [name for name in names if name.split(".")[0] in ("torch", "numpy", "pandas", "scipy")]
            assert not found, (file, found)


# --- what an edit touches. Each module -> the cells, evaluations, samples, figures, ... that use it, as a person would
# say it who knows what the module is for; the test then edits every module and looks at what gets a new identity.

ALL, NONE = "...", ""
CELLS = {  # by architecture: a pattern; by objective where it is one's
    "models/conv_encoder.py": ALL, "models/flow_encoder.py": "[+]..", "models/deconv_decoder.py": ".-.",
    "models/pixelcnn.py": ".[+].", "models/causal.py": ".[+].", "models/gaussian_marginal.py": "..[-+]",
    "models/flow_marginal.py": "..[+]", "models/vamp_prior.py": "..v", "models/flow.py": "[+]..|..[+]",
    "models/made.py": "[+]..|..[+]", "models/gated.py": ALL, "models/densities.py": ALL, "models/encoder.py": ALL,
    "models/latent.py": ALL, "models/vae.py": ALL, "models/build.py": ALL, "models/likelihood.py": ALL,
    "models/bernoulli.py": ALL,
    "train/loop.py": ALL, "train/task.py": ALL, "train/finished.py": ALL, "train/position.py": ALL,
    "train/gradient.py": ALL, "train/graphs.py": ALL, "train/compiled.py": ALL,
    "train/checkpoint.py": ALL, "train/average.py": ALL, "train/optimiser.py": ALL, "train/schedule.py": ALL,
    "train/loss.py": ALL,
    "device.py": ALL, "data/store.py": ALL, "data/binarise.py": ALL, "data/mnist5k.py": ALL,
    "data/mnist5k_digits.py": ALL,
}  # fmt: skip
OBJECTIVES = {f"train/objectives/{name}.py": {name} for name in ("beta", "curve", "rate_penalty", "rate_target")}
OBJECTIVES["models/conditioned.py"] = {"curve"}
MEASURES = {  # those whose own file, or a helper's, it is; of a decoder's sampler, those that draw
    "evaluate/rate_distortion.py": {"rate_distortion", "importance", "average"},
    "evaluate/average.py": {"average"}, "evaluate/information.py": {"information"},
    "evaluate/jackknife.py": {"information"}, "evaluate/confusion.py": {"information"},
    "evaluate/importance.py": {"importance", "generative"}, "evaluate/units.py": {"units"},
    "evaluate/probe.py": {"probe"}, "evaluate/generative.py": {"generative"},
    "evaluate/label_information.py": {"label_information"}, "models/pixelcnn_sampler.py": {"generative"},
}  # fmt: skip

MACHINERY = {f"evaluate/{name}.py" for name in ("run", "given", "call", "kept", "load", "points")}

PROBE = """
import json, sys, time
from pathlib import Path
from rdplane.declare import declared
from rdplane.experiment import versions
from rdplane.experiment.cells import evaluation_of, expand, sampling_settings
from rdplane.experiment.config import resolve_config
from rdplane.experiment.layout import Layout

raw = {
    "grid": {"beta": [1], "curve": [[0.1, 2]], "rate_target": [5], "rate_penalty": [5]}, "data": {"seed": 0},
    "training": {"average": 0.9},
}

def look():
    layout = Layout(resolve_config(raw))
    cells = {f"{c['architecture']} {c['objective']['name']}": name for name, c in layout.cells.items()}
    names = {name.split()[0] for name in cells}
    measured = {f"{a} {m}": e["version"] for a in names for m, e in evaluation_of(layout.config, a, "beta").items()}
    samples = {a: sampling_settings(layout.config, a)["version"] for a in names}
    figures = {name: versions.fingerprint(versions.of(figure)) for name, figure in declared().figures.items()}
    others = {name: versions.fingerprint(name) for name in (*versions.CHEAP, "toy")}
    return dict(cells=cells, measured=measured, samples=samples, figures=figures, others=others)

root, before, changes = Path(sys.argv[1]), look(), {}
for path in sorted(root.rglob("*.py")):
    text = path.read_text()
    path.write_text(text + "\\n\\nEDITED = True\\n")
    after = look()
    path.write_text(text)
    changes[str(path.relative_to(root))] = {
        kind: sorted(key for key, value in found.items() if before[kind].get(key) != value)
        for kind, found in after.items()
    }
assert look() == before
print(json.dumps(changes))
"""


@pytest.fixture(scope="module")
def changes(tmp_path_factory):
    """Module -> what its edit gives a new identity, by kind."""
    copy = tmp_path_factory.mktemp("edited") / "rdplane"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    run = subprocess.run(
        [sys.executable, "-c", PROBE, str(copy)], env={"PYTHONPATH": str(copy.parent)}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


MODULES = [str(p.relative_to(PACKAGE)) for p in sorted(PACKAGE.rglob("*.py")) if p.name != "__init__.py"]


@pytest.mark.parametrize("module", MODULES)
def test_an_edit_trains_exactly_the_cells_that_use_it(changes, module):
    objectives = OBJECTIVES.get(module, set(declared().objectives))
    pattern = ALL if module in OBJECTIVES else CELLS.get(module, NONE)
    names = [f"{a} {o}" for a in ARCHITECTURES for o in declared().objectives if o in objectives]
    assert changes[module]["cells"] == sorted(name for name in names if pattern and re.match(pattern, name))


@pytest.mark.parametrize("module", MODULES)
def test_an_edit_measures_exactly_what_uses_it_again(changes, module):
    """Beyond the cells that train again, whose every measure is new."""
    found = {name.split()[1] for name in changes[module]["measured"]}
    if module in MEASURES:
        assert found == MEASURES[module]
        with_decoder = {name.split()[0][1] for name in changes[module]["measured"]}
        assert with_decoder == ({"+"} if module == "models/pixelcnn_sampler.py" else {"-", "+"})
    elif module in MACHINERY:
        measures = declared().measures.items()
        assert found == {name for name, measure in measures if not (measure.density or measure.pixels)}
    elif found:  # a helper of several measures, or a part of every model
        assert module in CELLS or module in ("evaluate/codes.py", "evaluate/estimate.py")


@pytest.mark.parametrize("module", [module for module in MODULES if module.startswith("figures/")])
def test_an_edited_figure_redraws_what_it_draws(changes, module):
    found, own = set(changes[module]["figures"]), {
        name for name, figure in declared().figures.items() if figure.source == f"rdplane.figures.{Path(module).stem}"
    }  # fmt: skip
    assert own <= found
    if own and module != "figures/samples.py":
        assert found == own
    assert not changes[module]["cells"] and not changes[module]["measured"] and not changes[module]["samples"]


@pytest.mark.parametrize("module", [m for m in MODULES if m.split("/")[0].removesuffix(".py") in versions.SILENT])
def test_an_edit_where_no_number_is_made_changes_nothing(changes, module):
    assert changes[module] == {"cells": [], "measured": [], "samples": [], "figures": [], "others": []}


def test_an_edited_category_evaluates_nothing(changes):
    found = changes["table/category.py"]
    assert not found["cells"] and not found["measured"] and not found["samples"] and found["figures"]


def test_the_sampler_concerns_samples_of_its_decoder_only(changes):
    assert changes["models/pixelcnn_sampler.py"]["samples"] == sorted(a for a in ARCHITECTURES if a[1] == "+")


def test_every_module_of_a_room_that_computes_counts_somewhere(changes):
    ignored = {  # who calls, and decides no number
        "data/prepare.py", "data/identity.py", "train/job.py", "models/properties.py", "figures/draw.py",
        "table/reference.py", "toy/report.py", "train/trial.py",
    }  # fmt: skip
    modules = [m for m in MODULES if m.split("/")[0] in COMPUTING and m not in ignored]
    nowhere = [m for m in modules if not any(changes[m].values())]
    others = {"data/download.py", "data/own.py", "data/binarized_mnist.py", "data/chardata.py", "data/omniglot.py"}
    others |= {"data/arrangement.py", "data/arrays.py", "data/own_file.py", "data/own_folder.py"}  # of own images
    others |= {"data/cifar10.py", "data/fashion_mnist.py", "data/mnist5k_grey.py", "data/patches.py"}
    others |= {"data/omniglot_subset.py", "evaluate/exact.py", "evaluate/teacher.py", "evaluate/prefix.py"}
    others |= {"models/no_encoder.py"}
    others |= {"evaluate/bits.py", "models/logistic_mixture.py"}
    others |= {f"models/{name}.py" for name in ("fsq_encoder", "discrete_encoder", "code_marginal", "levels")}
    assert set(nowhere) <= others  # of datasets, architectures and pixels that this configuration does not use
