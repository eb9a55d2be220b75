"""Short tables: what they select from rd.csv."""

import json

import made
import pandas as pd
import pytest

from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.experiment.layout import TABLES
from rdplane.experiment.metrics import measured
from rdplane.table.category import with_category
from rdplane.table.rd import aggregate, read_table
from rdplane.table.short import columns, write_tables

RUNS = [  # architecture, objective, its number, rate, distortion
    ("---", "beta", 0.1, 60.0, 50.0),
    ("---", "beta", 1.0, 20.0, 80.0),
    ("---", "rate_target", 5.0, 5.0, 93.0),
    ("-+v", "beta", 0.1, 40.0, 55.0),
    ("-+v", "beta", 1.0, 0.1, 89.0),
    ("-+v", "rate_penalty", 8.0, 8.1, 83.0),
    ("++v", "beta", 0.5, 21.0, 67.0),
]


def write_runs(folder, runs=RUNS):
    cells = []
    for place, (architecture, objective, value, rate, distortion) in enumerate(runs):
        cell = {"cell.architecture": architecture, "cell.objective": {"name": objective, "value": value}}
        place_on_plane = {"rate": rate, "distortion": distortion, "neg_elbo": rate + distortion}
        probe = {"probe_accuracy": 0.25, "probe_accuracy_se": 0.01, "probe_classes": 10} if place % 2 else {}
        cells.append(made.write_cell(folder / f"cells/{place}", **cell, **place_on_plane, **probe))
    aggregate("e", cells, folder / "rd.csv")


@pytest.fixture
def folder(tmp_path):
    write_runs(tmp_path)
    write_tables(tmp_path)
    return tmp_path


def read(folder, name):
    return pd.read_csv(folder / "tables" / f"{name}.csv", dtype={"architecture": str})


def test_best_elbo_is_the_lowest_sum(folder):
    (best,) = read(folder, "best_elbo").itertuples()
    assert best.neg_elbo == pd.read_csv(folder / "rd.csv").neg_elbo.min()


def test_pareto_falls_in_distortion_as_it_rises_in_rate(folder):
    front = read(folder, "pareto")
    assert front.rate.is_monotonic_increasing and front.distortion.is_monotonic_decreasing
    assert front.rate.tolist() == [0.1, 8.1, 20.0, 21.0, 40.0, 60.0]


def test_each_architecture_has_its_lowest_sum(folder):
    best = read(folder, "best_by_architecture").set_index("architecture").neg_elbo
    pd.testing.assert_series_equal(
        best.sort_index(), pd.read_csv(folder / "rd.csv").groupby("architecture").neg_elbo.min(), check_names=False
    )


@pytest.mark.parametrize("name", TABLES)
def test_markdown_has_a_row_a_run(folder, name):
    lines = (folder / "tables" / f"{name}.md").read_text().splitlines()
    assert len(lines) == 2 + len(read(folder, name))
    assert len({line.count("|") for line in lines}) == 1


@pytest.mark.parametrize("name", TABLES)
def test_every_objective_has_a_column(folder, name):
    table = read(folder, name)
    assert list(table.columns) == columns() and {each.holds for each in declared().objectives.values()} <= set(
        columns()
    )


def test_a_run_is_called_as_its_objective_says(folder):
    lines = (folder / "tables/pareto.md").read_text().splitlines()[2:]
    labels = [line.split(" | ")[1] for line in lines]
    assert labels == ["β 1", "R* 8, penalty", "β 1", "β 0.5", "β 0.1", "β 0.1"]


@pytest.fixture
def with_curve(tmp_path):
    """A training for beta 1, and a curve with a point at this beta and one whose beta was searched for 10 nats."""
    whole = {"name": "curve", "value": [0.05, 1.25], "curve_widening": 0.5}
    found = made.metrics(**{"cell.architecture": "---", "cell.objective": whole})
    shared = {name: found.pop(name) for name in measured()}
    points = [
        {**shared, "beta": beta, "rate_target": target, "rate": rate, "distortion": distortion,
         "neg_elbo": rate + distortion}
        for beta, target, rate, distortion in [(0.30078125, 10.0, 10.2, 80.0), (1.0, None, 5.0, 89.0)]
    ]  # fmt: skip
    curve = tmp_path / "cells/whole"
    curve.mkdir(parents=True)
    (curve / "metrics.json").write_text(
        json.dumps(found | {"asked": {"betas": [1.0], "rates": [10.0]}, "points": points})
    )
    alone = {"rate": 4.0, "distortion": 91.0, "neg_elbo": 95.0}
    one = {"cell.architecture": "---", "cell.objective": {"name": "beta", "value": 1.0}}
    cells = [made.write_cell(tmp_path / "cells/alone", **one, **alone), curve]
    aggregate("e", cells, tmp_path / "rd.csv")
    write_tables(tmp_path)
    return tmp_path


def test_a_point_of_a_curve_is_called_one_with_the_digits_that_are_known(with_curve):
    lines = (with_curve / "tables/pareto.md").read_text().splitlines()[2:]
    assert [line.split(" | ")[1] for line in lines] == ["β 1", "curve, β 1", "curve, β 0.301"]


def test_points_of_a_curve_and_separate_runs_have_objective_and_cell(with_curve):
    front = read(with_curve, "pareto")
    assert front.columns[1] == "objective" and front.columns[-1] == "cell"
    assert front.objective.tolist() == ["beta", "curve", "curve"]
    assert front.cell.tolist() == ["alone", "whole@1", "whole@rate10"]


def test_a_beta_that_was_searched_keeps_all_its_digits_in_the_csv(with_curve):
    assert read(with_curve, "pareto").beta.tolist() == [1.0, 1.0, 0.30078125]


def test_an_accuracy_that_is_not_there_is_empty(folder):
    lines = (folder / "tables/best_by_architecture.md").read_text().splitlines()[2:]
    assert {line.split(" | ")[7] for line in lines} <= {"", "25.0%"}


def test_an_objective_of_ones_own_has_a_column_and_a_label(tmp_path, extension):
    extension(made.MINE)
    write_runs(tmp_path, [("-m-", "free_nats", 3.0, 20.0, 60.0)])
    write_tables(tmp_path)
    assert read(tmp_path, "best_elbo").free_nats.tolist() == [3.0]
    assert "| `-m-` | free 3 |" in (tmp_path / "tables/best_elbo.md").read_text()


def test_category_of_every_run_is_empty_where_none_applies(folder):
    table = with_category(read_table(folder / "rd.csv"))
    named = dict(zip(table.rate, table.category, strict=True))
    # Four runs have no probe; that at 8.1 nats has one that reads a quarter of ten classes.
    assert named == {60: "", 20: "syntactic encoder", 5: "", 40: "syntactic encoder", 0.1: "", 8.1: "", 21: ""}
    assert read(folder, "pareto").category.isna().tolist() == [True, True, False, True, False, True]


def test_empty_table_is_one_line(tmp_path):
    aggregate("e", [], tmp_path / "rd.csv")
    with pytest.raises(UserError, match="has no rows"):
        write_tables(tmp_path)
