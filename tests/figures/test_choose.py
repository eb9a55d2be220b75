"""Choice of the runs in sample grids."""

import numpy as np
import pytest
import synthetic

from rdplane.figures.choose import along_betas, at_one_beta, at_one_elbo, on_frontier
from rdplane.figures.runs import published_points
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


def test_at_one_elbo_is_within_two_percent(table):
    chosen = at_one_elbo(table)
    assert len(chosen) == 4
    assert np.ptp(chosen["neg_elbo"]) <= 0.02 * table["neg_elbo"].min()


def test_at_one_elbo_spans_the_widest_range_of_rates_of_any_such_window(table):
    width = 0.02 * table["neg_elbo"].min()
    windows = [table[table["neg_elbo"].between(low, low + width)] for low in table["neg_elbo"]]
    widest = max(np.ptp(window["rate"]) for window in windows if len(window) >= 4)
    assert np.ptp(at_one_elbo(table)["rate"]) == pytest.approx(widest)


def test_at_one_elbo_on_the_papers_points():
    points = published_points("binarized_mnist")
    chosen = at_one_elbo(points)
    assert len(chosen) == 4
    assert np.ptp(chosen["neg_elbo"]) <= 0.02 * 80.2
    assert np.ptp(chosen["rate"]) > 5
