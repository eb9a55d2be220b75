import copy
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdplane.aggregate import COLUMNS, aggregate, read_metrics, read_table
from rdplane.errors import UserError
from rdplane.measures.columns import COLUMNS as MEASURES

METRICS = {
    "schema": 1,
    "cell": {
        "architecture": "-+v",
        "objective": {"name": "beta", "beta": 0.5},
        "anneal": 0,
        "seed": 3,
        "data": {"dataset": "mnist5k"},
        "model": {"latent": 16},
        "training": {"epochs": 6},
        "code": {"train": "1"},
    },
    "evaluation": {"z_samples": 4},
    "rate": 20.1,
    "rate_se": 0.3,
    "distortion": 70.2,
    "distortion_se": 0.9,
    "neg_elbo": 90.3,
    "neg_elbo_se": 1.0,
    "images": 500,
    "z_samples": 4,
    "parameters": 123456,
    "epochs": 6,
    "epoch": 6,
    "train_seconds": 31.25,
    "device": "cpu",
    "torch": "2.11.0",
    **dict.fromkeys(MEASURES),
}


def changed(path, value):
    """METRICS with the value at a dotted path replaced."""
    metrics = copy.deepcopy(METRICS)
    *folders, key = path.split(".")
    place = metrics
    for folder in folders:
        place = place[folder]
    place[key] = value
    return metrics


def write_cell(folder, metrics=METRICS):
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def test_valid_metrics_are_returned_as_written(tmp_path):
    assert read_metrics(write_cell(tmp_path / "a") / "metrics.json") == METRICS


BAD = {
    "schema": 2,
    "cell": [],
    "cell.architecture": "-+x",
    "cell.objective": "beta",
    "cell.objective.name": "elbo",
    "cell.objective.beta": -0.5,
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
    "train_seconds": "31",
}


@pytest.mark.parametrize("path", BAD)
def test_a_bad_value_is_named(tmp_path, path):
    file = write_cell(tmp_path / "a", changed(path, BAD[path])) / "metrics.json"
    with pytest.raises(UserError) as error:
        read_metrics(file)
    assert str(file) in str(error.value) and f" {path} is " in str(error.value) and "expected" in str(error.value)


@pytest.mark.parametrize("path", ["torch", "rate", "cell.seed", "cell.code"])
def test_a_missing_key_is_named(tmp_path, path):
    metrics = copy.deepcopy(METRICS)
    del (metrics["cell"] if "." in path else metrics)[path.split(".")[-1]]
    with pytest.raises(UserError, match=f"{path} is missing"):
        read_metrics(write_cell(tmp_path / "a", metrics) / "metrics.json")


@pytest.mark.parametrize("path", ["elbo", "cell.sead"])
def test_an_unknown_key_is_named(tmp_path, path):
    with pytest.raises(UserError, match=f"unknown key {path}"):
        read_metrics(write_cell(tmp_path / "a", changed(path, 1)) / "metrics.json")


def test_columns_are_written_in_order(tmp_path):
    aggregate("e", [write_cell(tmp_path / "a")], tmp_path / "rd.csv")
    assert (tmp_path / "rd.csv").read_text().splitlines()[0].split(",") == list(COLUMNS)


def test_signs_are_read_as_text(tmp_path):
    aggregate("e", [write_cell(tmp_path / "a", changed("cell.architecture", "---"))], tmp_path / "rd.csv")
    row = read_table(tmp_path / "rd.csv").iloc[0]
    assert [row[key] for key in ("architecture", "encoder", "decoder", "marginal")] == ["---", "-", "-", "-"]


def test_numbers_have_the_types_of_their_columns(tmp_path):
    aggregate("e", [write_cell(tmp_path / "a")], tmp_path / "rd.csv")
    types = read_table(tmp_path / "rd.csv").dtypes.astype(str)
    expected = {key: "float64" if key in MEASURES else kind for key, kind in COLUMNS.items() if kind != "str"}
    assert {key: types[key] for key in expected} == expected


def test_text_that_looks_like_a_missing_value_stays_text(tmp_path):
    aggregate("null", [write_cell(tmp_path / "nan")], tmp_path / "rd.csv")
    row = read_table(tmp_path / "rd.csv").iloc[0]
    assert (row["experiment"], row["cell"]) == ("null", "nan")


@settings(max_examples=20, deadline=None)
@given(rate=st.floats(0, 200))
def test_every_digit_survives_the_table(tmp_path_factory, rate):
    folder = tmp_path_factory.mktemp("digits")
    metrics = {**METRICS, "rate": rate, "neg_elbo": rate + METRICS["distortion"]}
    aggregate("e", [write_cell(folder / "a", metrics)], folder / "rd.csv")
    assert read_table(folder / "rd.csv")["rate"].iloc[0] == rate


def test_a_beta_cell_has_no_rate_target(tmp_path):
    aggregate("e", [write_cell(tmp_path / "a")], tmp_path / "rd.csv")
    row = read_table(tmp_path / "rd.csv").iloc[0]
    assert row["beta"] == 0.5 and np.isnan(row["rate_target"])


def test_a_target_rate_cell_has_no_beta(tmp_path):
    metrics = changed("cell.objective", {"name": "target_rate", "rate": 10})
    aggregate("e", [write_cell(tmp_path / "a", metrics)], tmp_path / "rd.csv")
    row = read_table(tmp_path / "rd.csv").iloc[0]
    assert row["rate_target"] == 10.0 and np.isnan(row["beta"])


def test_rows_keep_the_order_of_the_cells(tmp_path):
    cells = [write_cell(tmp_path / name) for name in ("b", "a", "c")]
    aggregate("e", cells, tmp_path / "rd.csv")
    assert read_table(tmp_path / "rd.csv")["cell"].tolist() == ["b", "a", "c"]


def test_missing_cells_stop_a_full_table(tmp_path):
    cells = [write_cell(tmp_path / "a"), *(tmp_path / f"gone{i}" for i in range(5))]
    with pytest.raises(UserError, match=r"5 of 6 cells: gone0, gone1, gone2, \.\.\.;"):
        aggregate("e", cells, tmp_path / "rd.csv")
    assert not (tmp_path / "rd.csv").exists()


def test_a_partial_table_returns_the_missing_cells(tmp_path):
    cells = [tmp_path / "gone", write_cell(tmp_path / "a")]
    assert aggregate("e", cells, tmp_path / "rd.csv", partial=True) == [tmp_path / "gone"]
    assert read_table(tmp_path / "rd.csv")["cell"].tolist() == ["a"]


def test_a_table_of_no_cells_can_be_read(tmp_path):
    aggregate("e", [tmp_path / "gone"], tmp_path / "rd.csv", partial=True)
    assert read_table(tmp_path / "rd.csv").empty


def test_another_evaluation_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"cell a .*snakemake --forcerun evaluate"):
        aggregate("e", [write_cell(tmp_path / "a")], tmp_path / "rd.csv", evaluation={"z_samples": 8})


def test_the_same_evaluation_is_accepted_in_any_order_of_keys(tmp_path):
    cell = write_cell(tmp_path / "a", changed("evaluation", {"b": 1, "a": 2}))
    assert aggregate("e", [cell], tmp_path / "rd.csv", evaluation={"a": 2, "b": 1}) == []


def test_a_table_without_a_column_is_refused(tmp_path):
    (tmp_path / "rd.csv").write_text("experiment,dataset\ne,mnist5k\n")
    with pytest.raises(UserError, match="column architecture is missing"):
        read_table(tmp_path / "rd.csv")


@pytest.mark.parametrize("column", ["rate", "seed"])
def test_a_table_with_text_for_a_number_is_refused(tmp_path, column):
    aggregate("e", [write_cell(tmp_path / "a")], tmp_path / "rd.csv")
    head, row = (line.split(",") for line in (tmp_path / "rd.csv").read_text().splitlines())
    row[head.index(column)] = "many"
    (tmp_path / "rd.csv").write_text("\n".join(",".join(line) for line in (head, row)))
    with pytest.raises(UserError, match=f"column {column}: .*'many'"):
        read_table(tmp_path / "rd.csv")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00"])
def test_a_file_that_is_no_table_is_refused(tmp_path, content):
    (tmp_path / "rd.csv").write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as a table"):
        read_table(tmp_path / "rd.csv")


def test_neither_torch_nor_pandas_is_imported(tmp_path):
    check = "import sys, rdplane.aggregate; sys.exit(any(name in sys.modules for name in ('torch', 'pandas')))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
