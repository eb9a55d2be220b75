"""Short tables: what they select from rd.csv."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest

from rdplane.errors import UserError
from rdplane.layout import TABLES
from rdplane.tables import with_category, write_tables

spec = importlib.util.spec_from_file_location("synthetic_table", Path(__file__).parent / "figures/synthetic.py")
synthetic = importlib.util.module_from_spec(spec)
spec.loader.exec_module(synthetic)


@pytest.fixture
def folder(tmp_path):
    synthetic.table(betas=(0.1, 0.5, 1.0), targets=(5.0,)).to_csv(tmp_path / "rd.csv", index=False)
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


def test_category_of_every_run():
    table = with_category(synthetic.table())
    assert set(table.category) <= {"autoencoder", "syntactic encoder", "semantic encoder", "autodecoder"}


def test_empty_table_is_one_line(tmp_path):
    synthetic.table().head(0).to_csv(tmp_path / "rd.csv", index=False)
    with pytest.raises(UserError, match="has no rows"):
        write_tables(tmp_path)
