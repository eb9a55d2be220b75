"""metrics.json: what is in it, and the one line for whatever should not be."""

import json
import math
import subprocess
import sys

import made
import pytest

from rdplane.errors import UserError
from rdplane.experiment.metrics import measured, read_metrics


def write(folder, metrics):
    path = folder / "metrics.json"
    path.write_text(json.dumps(metrics))
    return path


def test_valid_metrics_are_returned_as_written(tmp_path):
    assert read_metrics(write(tmp_path, made.metrics())) == made.metrics()


BAD = {
    "schema": 1,
    "cell": [],
    "cell.architecture": "-+x",
    "cell.objective": "beta",
    "cell.objective.name": "elbo",
    "cell.objective.value": -0.5,
    "cell.anneal": 1.5,
    "cell.seed": True,
    "cell.data.dataset": None,
    "evaluation": None,
    "rate": math.nan,
    "distortion": math.inf,
    "rate_se": -1.0,
    "neg_elbo": 95.0,
    "images": 0,
    "epoch": -1,
    "device": "",
    "precision": None,
    "train_seconds": "31",
    "mi_lower": math.inf,
    "mi_lower_se": -0.1,
    "active_units": 2.5,
}


@pytest.mark.parametrize("path", BAD)
def test_a_bad_value_is_named(tmp_path, path):
    file = write(tmp_path, made.metrics(**{path: BAD[path]}))
    with pytest.raises(UserError) as error:
        read_metrics(file)
    assert str(file) in str(error.value) and f" {path} is " in str(error.value) and "expected" in str(error.value)


@pytest.mark.parametrize("value", [None, "0.5", True, math.nan, [0.5]])
def test_the_number_of_an_objective_is_a_number(tmp_path, value):
    with pytest.raises(UserError, match=r"cell\.objective\.value is .*, expected a finite number of at least 0"):
        read_metrics(write(tmp_path, made.metrics(**{"cell.objective.value": value})))


@pytest.mark.parametrize("path", ["torch", "rate", "active_units", "precision", "cell.seed", "cell.versions"])
def test_a_missing_key_is_named(tmp_path, path):
    metrics = made.metrics()
    del (metrics["cell"] if "." in path else metrics)[path.split(".")[-1]]
    with pytest.raises(UserError, match=f"{path} is missing"):
        read_metrics(write(tmp_path, metrics))


@pytest.mark.parametrize("path", ["elbo", "cell.sead"])
def test_an_unknown_key_is_named(tmp_path, path):
    with pytest.raises(UserError, match=f"unknown key {path}"):
        read_metrics(write(tmp_path, made.metrics(**{path: 1})))


@pytest.mark.parametrize("column", [c for c in measured() if c not in ("rate", "distortion", "neg_elbo")])
def test_measures_that_may_be_off_may_be_empty_and_others_not(tmp_path, column):
    file = write(tmp_path, made.metrics(**{column: None}))
    if column in ("rate_se", "distortion_se", "neg_elbo_se", "images", "z_samples"):
        with pytest.raises(UserError, match=f"{column} is None"):
            read_metrics(file)
    else:
        assert read_metrics(file)[column] is None


def test_metrics_of_a_measure_of_ones_own_are_checked(tmp_path, extension):
    extension(made.MINE)
    good = {"ink": 3.5, "ink_se": 0.1, "ink_images": 7, "ink_word": "blue", "cell.architecture": "-mv"}
    good["cell.objective"] = {"name": "free_nats", "value": 3}
    assert read_metrics(write(tmp_path, made.metrics(**good)))["ink_word"] == "blue"
    for name, value in {"ink": "3.5", "ink_se": -1, "ink_images": 7.5, "ink_word": 4}.items():
        with pytest.raises(UserError, match=f"{name} is "):
            read_metrics(write(tmp_path, made.metrics(**good | {name: value})))


def test_a_measure_that_was_declared_after_the_metrics_were_made_is_empty(tmp_path, extension):
    file = write(tmp_path, made.metrics())
    extension(made.MINE)
    assert read_metrics(file)["ink"] is None


def test_a_measure_that_was_asked_for_must_be_there(tmp_path, extension):
    file = write(tmp_path, made.metrics(**{"evaluation.ink": {"version": "1"}}))
    extension(made.MINE)
    with pytest.raises(UserError, match=r"ink is missing, .* evaluate this cell anew"):
        read_metrics(file)


@pytest.mark.parametrize("name", ["rate_se", "ink_se", "evaluation", "torch", "schema"])
def test_a_column_whose_name_is_taken_is_refused(tmp_path, extension, name):
    path = extension(made.MINE.replace('"ink_images"', f'"{name}"'))
    with pytest.raises(UserError) as error:
        read_metrics(write(tmp_path, made.metrics()))
    assert str(path) in str(error.value) and f"{name!r}" in str(error.value)


def test_a_column_of_an_unknown_type_is_refused(tmp_path, extension):
    extension(made.MINE.replace('"int64"', '"whole"'))
    with pytest.raises(UserError, match=r"mine\.py: the type of the column ink_images is 'whole', expected one of"):
        read_metrics(write(tmp_path, made.metrics()))


@pytest.mark.parametrize("module", ["experiment.metrics", "table.rd", "table.gap", "table.category"])
def test_what_works_on_tables_imports_no_torch(module):
    code = f"import sys, rdplane.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
