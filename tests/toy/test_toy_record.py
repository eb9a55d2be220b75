import csv

import numpy as np
import pytest

from rdplane.errors import UserError
from rdplane.toy import optimal, record, source, summary
from rdplane.toy.record import Record
from rdplane.toy.train import Objective, train


@pytest.fixture(scope="module")
def runs():
    data = source.solve()
    made = [Record("optimal", None, None, 0, data.joint, optimal.build(data))]
    for name, value in (("beta", 1.0), ("rate_penalty", 0.5)):
        for seed in (0, 1):
            trained = train(data, Objective(name, value), seed, steps=200)
            made.append(Record(name, value, seed, 200, data.joint, trained))
    return made


@pytest.fixture(scope="module")
def table(runs, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "toy.csv"
    record.write_table(runs, path)
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("index", range(3))
def test_record_comes_back_with_the_same_quantities(runs, tmp_path, index):
    record.save(runs[index], tmp_path / "run.npz")
    assert record.load(tmp_path / "run.npz").row() == runs[index].row()


def test_same_record_gives_the_same_bytes(runs, tmp_path):
    for name in ("a", "b"):
        record.save(runs[1], tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_file_needs_no_pickle_and_holds_the_quantities(runs, tmp_path):
    record.save(runs[1], tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz", allow_pickle=False) as archive:
        assert float(archive["rate"]) == runs[1].quantities()["rate"]


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04broken"])
def test_damaged_file_is_named(tmp_path, content):
    (tmp_path / "run.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"run\.npz is not a result"):
        record.load(tmp_path / "run.npz")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        record.load(tmp_path / "run.npz")


def test_beta_is_empty_for_rate_penalty_runs(table):
    assert {row["beta"] for row in table if row["objective"] == "rate_penalty"} == {""}


def test_rate_penalty_is_empty_for_beta_runs(table):
    assert {row["rate_penalty"] for row in table if row["objective"] == "beta"} == {""}


def test_reported_rate_does_not_contain_beta():
    data = source.solve()
    made = optimal.build(data)
    rates = {Record("beta", beta, 0, 1, data.joint, made).quantities()["rate"] for beta in (0.1, 1.0, 10.0)}
    assert len(rates) == 1


def test_summary_has_one_row_an_objective(runs):
    assert [row["runs"] for row in summary.summarise(runs)] == [1, 2, 2]


def test_summary_counts_the_hand_built_clusters(runs):
    assert summary.summarise(runs)[0]["clusters_found"] == 1


def test_summary_brackets_every_run(runs):
    row = summary.summarise(runs)[2]
    rates = [run.quantities()["rate"] for run in runs[3:]]
    assert (row["rate_min"], row["rate_max"]) == (min(rates), max(rates))
