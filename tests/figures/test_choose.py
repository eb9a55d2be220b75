"""Choice of the runs in sample grids."""

import itertools

import numpy as np
import pytest
import synthetic

from rdplane.figures.choose import along_betas, at_one_beta, at_one_elbo, on_frontier
from rdplane.frontier import pareto


@pytest.fixture
def table():
    return synthetic.table()


def test_along_betas_is_one_model(table):
    chosen = along_betas(table)
    assert len(chosen[["architecture", "anneal", "seed"]].drop_duplicates()) == 1


def test_along_betas_spans_the_widest_range_of_rates(table):
    spans = table.groupby(["architecture", "anneal", "seed"])["rate"].agg(np.ptp)
    assert np.ptp(along_betas(table)["rate"]) == pytest.approx(spans.max())


def test_along_betas_keeps_both_ends_when_thinned(table):
    chosen, every = along_betas(table, most=2), along_betas(table, most=99)
    assert set(chosen["rate"]) == {every["rate"].min(), every["rate"].max()}


def test_at_one_beta_has_every_architecture_once(table):
    chosen = at_one_beta(table)
    assert sorted(chosen["architecture"]) == sorted(table["architecture"].unique())
    assert set(chosen["beta"]) == {1.0}


def test_at_one_beta_prefers_the_nearest_to_one_that_all_share(table):
    assert set(at_one_beta(table[table["beta"] != 1.0])["beta"]) == {0.5}


def test_on_frontier_has_only_undominated_runs(table):
    best = table.iloc[pareto(table["rate"], table["distortion"])]
    assert set(on_frontier(table)["cell"]) <= set(best["cell"])


def test_at_one_elbo_spans_the_rates(table):
    chosen = at_one_elbo(table)
    edges = np.linspace(table["rate"].min(), table["rate"].max(), 5)
    assert all(((chosen["rate"] >= a) & (chosen["rate"] <= b)).any() for a, b in itertools.pairwise(edges))


def test_at_one_elbo_differs_least_of_all_such_choices(table):
    few = table.iloc[::3]
    chosen = at_one_elbo(few, count=3)
    edges = np.linspace(few["rate"].min(), few["rate"].max(), 4)
    band = np.clip(np.searchsorted(edges, few["rate"], side="right") - 1, 0, 2)
    values = [few["neg_elbo"].to_numpy()[band == number] for number in range(3)]
    least = min(np.ptp(choice) for choice in itertools.product(*(v for v in values if len(v))))
    assert np.ptp(chosen["neg_elbo"]) == pytest.approx(least)
