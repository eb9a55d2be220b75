"""The configuration: closed, typed, and its errors name the key, the value and what was expected."""

import copy
from pathlib import Path

import pytest

from rdplane.errors import UserError
from rdplane.experiment.config import load_config, resolve_config

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", ["config.yaml", *map(str, sorted(ROOT.glob("workflow/presets/*.yaml")))])
def test_shipped_configurations_resolve(path):
    load_config(ROOT / path)


def test_resolving_twice_changes_nothing():
    once = load_config(ROOT / "config.yaml")
    assert resolve_config(copy.deepcopy(once)) == once


@pytest.mark.parametrize("spelling", [1, 1.0, "1e0", "1.0"])
def test_one_spelling_of_a_number(spelling):
    assert resolve_config({"grid": {"beta": [spelling]}})["grid"]["beta"] == [1.0]


BAD = [
    ({"gird": {}}, "unknown key gird; did you mean grid?"),
    ({"training": {"epoch": 3}}, "unknown key training.epoch; did you mean epochs?"),
    ({"training": {"epochs": "many"}}, "training.epochs is 'many', expected a whole number of at least 1"),
    ({"training": {"epochs": 2.5}}, "training.epochs is 2.5, expected a whole number"),
    ({"training": {"epochs": True}}, "training.epochs is True, expected a whole number"),
    ({"grid": {"beta": [-0.1]}}, "grid.beta is [-0.1], expected a finite number of at least 0"),
    ({"grid": {"beta": [float("nan")]}}, "expected a finite number of at least 0"),
    ({"grid": {"seed": []}}, "expected a list of at least 1 value"),
    (
        {"grid": {"architectures": ["-+x"]}},
        "one symbol each of encoder - + 0 (in 0+- alone) q (in q?q alone), decoder - +, "
        "marginal - + q (in q?q alone) v, such as",
    ),
    ({"grid": {"extra": [{"beta": 1}]}}, "that each name architecture"),
    ({"grid": {"exclude": [{"betas": 1}]}}, "not 'betas'"),
    ({"experiment": "../elsewhere"}, "experiment is '../elsewhere', expected a name"),
    ({"dataset": "/etc"}, "dataset is '/etc', expected a name"),
    ({"data": {"split": [0.5, 0.5, 0.5]}}, "three shares (train, valid, test) that sum to 1"),
    ({"compute": {"device": "gpu"}}, "compute.device is 'gpu', expected one of auto, cpu, cuda, mps"),
    ({"training": {"device": "cpu"}}, "unknown key training.device; it stands under compute"),
    (
        {"grid": {"architectures": "---"}, "model": {"pseudo_inputs": 3}},
        "model.pseudo_inputs is set, but no architecture of the grid that it concerns has such a size (it belongs to "
        "marginal v)",
    ),
    (
        {
            "overrides": {"?-?": {"model": {"pixelcnn_depth": 64}}}
        },  # not even the default, which asks for something here
        "overrides.?-?.model.pixelcnn_depth is set, but no architecture of the grid that it concerns has such a size",
    ),
    (
        {"overrides": {"?-?": {"model": {"pixelcnn_depth": 3}}}},
        "overrides.?-?.model.pixelcnn_depth is set, but no architecture of the grid that it concerns has such a size",
    ),
    ({"overrides": {"---": {"grid": {}}}}, "unknown key overrides.---.grid; known keys: compute, model, training"),
    ({"extensions": [3]}, "extensions is [3], expected a list of Python files"),
    ({"extensions": "absent.py"}, "absent.py does not exist; expected a Python file"),
    ({"extensions": "no.such.module"}, "no module no.such.module is installed; expected a Python file"),
    ({"training": {"normalise_gradients": "yes"}}, "expected true or false"),
    ({"training": 3}, "training is 3, expected a mapping"),
    ({"overrides": {"?+?": {"training": {"epoch": 1}}}}, "unknown key overrides.?+?.training.epoch"),
    ({"overrides": {"+": {}}}, "a key of overrides is '+', expected a pattern that some architecture matches"),
    ({"experiment": "data"}, "experiment is 'data', expected another name"),
    ({"toy": {"means": ["x", 2]}}, "toy.means is ['x', 2], expected a finite number"),
    ({"overrides": {"xyz": {}}}, "a key of overrides is 'xyz'"),
    (
        {"overrides": {"curve x": {}}},
        "a key of overrides is 'curve x', expected a pattern that some architecture matches",
    ),
    ({"overrides": {"---": {}, "curve ?+?": {"model": {}}}}, "unknown key overrides.curve ?+?.model"),
    ({"overrides": {"curve": {"model": {"latent": 3}}}}, "unknown key overrides.curve.model; known keys: training"),
    ({"grid": {"curve": [0.05]}}, "grid.curve is [0.05], expected two numbers above 0, the second larger"),
    ({"grid": {"curve": "15"}}, "grid.curve is '15', expected two numbers above 0"),
    ({"grid": {"curve": {"low": 1}}}, "expected two numbers above 0"),
    ({"grid": {"curve": [[1.25, 0.05]]}}, "expected two numbers above 0, the second larger, such as [0.05, 1.25]"),
    ({"grid": {"curve": [[0, 1]]}}, "expected two numbers above 0"),
    (
        {"grid": {"curve": [[0.1, 1]]}, "evaluation": {"curve_points": [0.5, 2]}},
        "evaluation.curve_points is 2.0, expected numbers within a range that is trained, [0.1, 1]: remove it, or "
        "widen grid.curve",
    ),
    ({"training": {"epochs": 3, "constant_epochs": 5}}, "training.constant_epochs is 5, expected at most"),
    (
        {"training": {"schedule": "cosine", "constant_epochs": 5}},
        "training.constant_epochs is 5, expected null with training.schedule: cosine, which has no constant part: "
        "remove it",
    ),
    (
        {"training": {"warmup_steps": 100}},
        "training.warmup_steps is 100, expected null with training.schedule: paper, which has no warm-up: remove it",
    ),
    ({"training": {"schedule": "linear"}}, "training.schedule is 'linear', expected one of paper, cosine"),
    ({"training": {"average": 1}}, "training.average is 1, expected a finite number of at least 0 and at most 0.99999"),
    (
        {"training": {"keep": "average"}},
        "training.keep is 'average', expected last or best where training.average is 0: set training.average to 0.999",
    ),
    ({"figures": {"sample_grids": {"a/b": {}}}}, "figures.sample_grids is"),
    (["grid"], "expected a mapping of keys to values, found list"),
]


@pytest.mark.parametrize(("raw", "message"), BAD)
def test_bad_value_is_one_line_that_says_what_was_expected(raw, message):
    with pytest.raises(UserError) as caught:
        resolve_config(raw)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_problems_at_once():
    with pytest.raises(UserError, match=r"2 problems: \(1\) .*nope.* \(2\) .*epochs"):
        resolve_config({"nope": 1, "training": {"epochs": 0}})


def test_broken_yaml_names_the_file(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("grid: [")
    with pytest.raises(UserError, match=r"broken\.yaml is not valid YAML"):
        load_config(path)


def test_yaml_cannot_make_objects(tmp_path):
    path = tmp_path / "evil.yaml"
    path.write_text("experiment: !!python/object/apply:os.system ['true']")
    with pytest.raises(UserError, match="is not valid YAML"):
        load_config(path)


def test_a_size_at_its_default_may_stand_where_no_architecture_has_it():
    stated = {"grid": {"architectures": "---"}, "model": {"pixelcnn_depth": 64, "code_levels": 8}}
    assert resolve_config(stated)["model"] == resolve_config({"grid": {"architectures": "---"}})["model"]
