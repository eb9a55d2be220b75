"""Sample grids: which runs each shows, and how they are drawn."""

import itertools

import numpy as np
import pandas as pd
import pytest
import synthetic
from reading import assert_readable, written

from rdplane.errors import UserError
from rdplane.figures.samples import PointMissing, draw_grid, read_samples
from rdplane.figures.samples_betas import along_betas, draw_samples_betas
from rdplane.figures.samples_curve import along_curve, draw_samples_curve
from rdplane.figures.samples_equal_elbo import at_one_elbo, draw_samples_equal_elbo, one_of_each
from rdplane.figures.samples_frontier import draw_samples_frontier, on_frontier
from rdplane.figures.samples_models import at_one_beta, draw_samples_models
from rdplane.figures.samples_selected import draw_samples_selected
from rdplane.table.frontier import pareto
from rdplane.table.paper import published_points

FIGURES = {
    "betas": draw_samples_betas, "models": draw_samples_models, "frontier": draw_samples_frontier,
    "equal_elbo": draw_samples_equal_elbo,
}  # fmt: skip


def stored(cell, **options):
    """Made-up samples of a cell, others for every cell."""
    return synthetic.samples(seed=sum(cell.encode()), **options)


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


@pytest.mark.parametrize("most", [2, 3, 9])
def test_on_frontier_has_the_run_of_best_elbo(table, most):
    assert table["neg_elbo"].min() in set(on_frontier(table, most)["neg_elbo"])


def places(rates, neg_elbos):
    """Runs at these rates of these -ELBOs."""
    table = synthetic.table(betas=np.linspace(0.1, 1, len(rates)), architectures=["---"])
    table = table.assign(rate=rates, neg_elbo=neg_elbos)
    return table.assign(distortion=table["neg_elbo"] - table["rate"])


def test_at_one_elbo_shows_equal_elbos_at_no_rate_and_at_seven():
    """The quick run: the best -ELBO at R = 0, one nat more at 7; those at 17 to 39 have others."""
    rates = [0.0, 0.0, 0.2, 0.9, 5.7, 6.8, 7.5, 17.5, 25.0, 28.0, 38.6]
    chosen = at_one_elbo(places(rates, [92.0, 92.5, 93.2, 92.9, 92.95, 92.8, 92.9, 115.0, 112.5, 106.0, 114.6]))
    assert chosen["rate"].max() == 7.5 or chosen["rate"].max() == 6.8
    assert chosen["rate"].min() == 0.0 and chosen["neg_elbo"].min() == 92.0
    assert np.ptp(chosen["neg_elbo"]) <= 1


def test_at_one_elbo_has_the_best(table):
    assert table["neg_elbo"].min() in set(at_one_elbo(table)["neg_elbo"])


def test_at_one_elbo_has_very_different_rates(table):
    chosen = at_one_elbo(table)
    assert 2 <= len(chosen) <= 4 and np.ptp(chosen["rate"]) >= 5 and (np.diff(chosen["rate"]) <= -1).all()


def test_at_one_elbo_looks_further_where_near_runs_are_alike_in_rate():
    chosen = at_one_elbo(places([20.0, 20.2, 20.4, 28.0, 60.0], [90.0, 90.1, 90.2, 92.5, 130.0]))
    assert chosen["rate"].tolist() == [28.0, 20.0]


def test_at_one_elbo_of_runs_of_one_rate_is_the_best():
    assert at_one_elbo(places([0.0, 0.0, 0.1], [91.0, 90.0, 93.0]))["neg_elbo"].tolist() == [90.0]


def test_at_one_elbo_on_the_papers_points():
    chosen = at_one_elbo(published_points("binarized_mnist"))
    assert len(chosen) == 4
    assert np.ptp(chosen["neg_elbo"]) <= 1
    assert chosen["rate"].max() == 8.3 and chosen["rate"].min() < 0.5


def test_models_of_one_elbo_are_one_point_of_each_curve_the_best():
    curves = synthetic.curves()
    chosen = one_of_each(pd.concat([curves, synthetic.table()])).query("objective == 'curve'")
    assert sorted(chosen["neg_elbo"]) == sorted(curves.groupby("architecture")["neg_elbo"].min())


def test_models_of_one_elbo_of_a_single_curve_are_its_points():
    assert len(one_of_each(synthetic.curves(architectures=["-+v"]))) == 11


def test_the_tolerance_is_said(table):
    shown = at_one_elbo(table)
    text = written(draw_samples_equal_elbo(table, stored)).replace("\n", " ")
    assert f"differ by up to {np.ptp(shown['neg_elbo']):.1f} nats" in text and "standard error" in text


@pytest.mark.parametrize(
    ("lower", "expected"), [(-510.3, "I_d below 0 to 6.1"), (1.26, "I_d 1.3 to 6.1"), (np.nan, "I_d up to 6.1")]
)
def test_a_generative_bound_below_no_information_is_only_said_to_be(table, lower, expected):
    shown = written(draw_samples_betas(table.assign(gen_lower=lower, gen_upper=6.08), stored))
    assert expected in shown.split("\n") and "510" not in shown
    assert "I_d: bounds on the nats" in shown.replace("\n", " ")


def test_generative_bounds_that_were_not_measured_are_not_shown(table):
    assert "I_d" not in written(draw_samples_betas(table, stored))


def test_runs_without_a_category_have_no_line_for_it(table):
    named = table.assign(category=["semantic encoder", *[""] * (len(table) - 1)])
    assert_readable(draw_grid(named.iloc[:3], stored, "A grid"))
    bare, empty = (draw_grid(t.iloc[:3], stored, "A grid") for t in (table, table.assign(category="")))
    assert bare.get_size_inches().tolist() == empty.get_size_inches().tolist()


@pytest.mark.parametrize("figure", FIGURES)
def test_every_choice_is_readable(table, figure):
    assert_readable(FIGURES[figure](table.assign(category="syntactic encoder"), stored, note="a small run"))


def test_without_a_beta_all_models_at_one_says_so():
    table = synthetic.table(betas=(), targets=(5, 20))
    assert "No run was trained with a beta." in written(draw_samples_models(table, stored))


@pytest.mark.parametrize("count", [1, 5, 12])
def test_sample_grids_are_readable(count):
    table = synthetic.table(betas=[1.0], anneals=[100], seeds=[0, 1]).iloc[:count]
    assert_readable(draw_grid(table, stored, "A grid", note="a small run"))


def test_sample_grids_are_readable_with_long_labels():
    table = synthetic.table(architectures=["---", "-+v"], betas=[0.125], anneals=[0, 100], penalties=[12.25])
    table.loc[::2, "precision"] = "bfloat16"
    assert_readable(draw_grid(table.iloc[:6], stored, "A grid"))


@pytest.mark.parametrize(("height", "width"), [(28, 56), (56, 28), (8, 8)])
def test_sample_grids_are_readable_for_other_shapes(height, width):
    shown = synthetic.table().iloc[:3]
    assert_readable(draw_grid(shown, lambda cell: stored(cell, height=height, width=width), "A grid"))


def test_a_sample_grid_shows_the_stored_pixels():
    arrays = synthetic.samples()
    figure = draw_grid(synthetic.table().iloc[:1], lambda cell: arrays, "A grid", images=2)
    shown = [np.asarray(image.get_array()) for axes in figure.axes for image in axes.get_images()]
    for name in ("data", "reconstruction_sample", "reconstruction_mean", "generation_sample", "generation_mean"):
        for picture in arrays[name][:2]:
            assert any(np.array_equal(picture, image) for image in shown)


def test_a_sample_grid_asks_for_the_cells_that_it_shows_and_no_others(table):
    asked = []
    draw_samples_betas(table, lambda cell: asked.append(cell) or stored(cell))
    assert asked == along_betas(table)["cell"].tolist()


def test_a_sample_grid_without_runs_is_refused(table):
    with pytest.raises(UserError, match="no cell that is finished"):
        draw_samples_selected(table, stored, ["another cell"])


def test_selected_cells_are_shown_in_the_order_of_the_table(table):
    cells = table["cell"].iloc[[7, 2]].tolist()
    shown = written(draw_samples_selected(table, stored, cells))
    headers = [line for line in shown.split("\n") if "β" in line]
    assert [line[:3].replace("−", "-") for line in headers] == table["architecture"].iloc[[2, 7]].tolist()


def test_precisions_of_all_runs_are_counted_and_those_shown_told_apart(table):
    table["precision"] = list(itertools.islice(itertools.cycle(["bfloat16", "float32"]), len(table)))
    shown = written(draw_samples_betas(table, stored))
    assert "18 runs trained in bfloat16, 18 in float32" in shown
    assert {"bfloat16", "float32"} <= set(shown.split("\n"))


@pytest.fixture
def cell(tmp_path):
    """The folder of the cell `mine` of an experiment in `tmp_path`."""
    folder = tmp_path / "cells" / "mine"
    folder.mkdir(parents=True)
    return folder


def test_samples_are_read_back(tmp_path, cell):
    arrays = synthetic.samples()
    np.savez_compressed(cell / "samples.npz", **arrays)
    read = read_samples(tmp_path, "mine")
    assert all(np.array_equal(read[name], arrays[name]) for name in arrays)


def test_samples_of_a_point_are_those_of_its_row(tmp_path, cell):
    stored = synthetic.samples_of_points(["0.1", "rate10", "1"])
    np.savez_compressed(cell / "samples.npz", **stored)
    read = read_samples(tmp_path, "mine@rate10")
    assert np.array_equal(read["data"], stored["data"])
    assert np.array_equal(read["generation_mean"], stored["generation_mean"][1])


def test_samples_of_a_point_that_is_not_there_are_refused(tmp_path, cell):
    np.savez_compressed(cell / "samples.npz", **synthetic.samples_of_points(["0.1", "1"]))
    with pytest.raises(PointMissing, match=r"has no point 0\.5, expected 0\.1, 1"):
        read_samples(tmp_path, "mine@0.5")


def test_samples_that_lack_an_array_are_damaged_for_every_point(tmp_path, cell):
    arrays = synthetic.samples_of_points(["0.1", "1"])
    del arrays["generation_mean"]
    np.savez_compressed(cell / "samples.npz", **arrays)
    with pytest.raises(UserError, match="array generation_mean is missing"):
        read_samples(tmp_path, "mine@0.5")


def test_samples_without_an_array_are_refused(tmp_path, cell):
    arrays = synthetic.samples()
    del arrays["generation_mean"]
    np.savez_compressed(cell / "samples.npz", **arrays)
    with pytest.raises(UserError, match="array generation_mean is missing"):
        read_samples(tmp_path, "mine")


@pytest.mark.parametrize("keep", [0, 10, 1000])
def test_samples_cut_short_are_refused(tmp_path, cell, keep):
    np.savez_compressed(tmp_path / "whole.npz", **synthetic.samples())
    (cell / "samples.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:keep])
    with pytest.raises(UserError, match=r"samples\.npz cannot be read"):
        read_samples(tmp_path, "mine")


def test_along_curve_is_one_training_from_end_to_end_of_its_rates():
    table = synthetic.curves(seeds=(0, 1), rates=(20, 40))
    chosen = along_curve(table)
    cells = chosen["cell"].str.split("@").str[0]
    whole = table[table["cell"].str.startswith(cells.iloc[0])]
    assert cells.nunique() == 1 and len(chosen) == 7
    assert {chosen["rate"].min(), chosen["rate"].max()} == {whole["rate"].min(), whole["rate"].max()}


def test_along_curve_spans_the_widest_range_of_rates():
    table = synthetic.curves()
    spans = table.groupby("architecture")["rate"].agg(np.ptp)
    assert np.ptp(along_curve(table)["rate"]) == pytest.approx(spans.max())


def test_along_curve_goes_from_high_rate_to_low():
    chosen = along_curve(synthetic.curves(rates=(20, 40)))
    assert (np.diff(chosen["rate"]) < 0).all() and (np.diff(chosen["beta"]) > 0).all()


def test_along_curve_shows_no_separate_run():
    wide = synthetic.table().assign(rate=lambda table: 10 * table["rate"])
    assert set(along_curve(pd.concat([wide, synthetic.curves()]))["objective"]) == {"curve"}


def test_the_samples_of_a_curve_stand_side_by_side():
    table, asked = synthetic.curves(), []
    drawn = draw_samples_curve(table, lambda row: asked.append(row) or stored(row), note="a small run")
    assert_readable(drawn)
    assert asked == along_curve(table)["cell"].tolist()
    tops = {text.get_position()[1] for text in drawn.texts if "β " in text.get_text() and len(text.get_text()) < 20}
    assert len(tops) == 1 and "only β changes" in written(drawn).replace("\n", " ")


def test_all_models_at_one_beta_are_points_of_curves_where_only_these_share_it():
    curves = synthetic.curves(rates=(10,))
    assert len(at_one_beta(curves)) == 12 and set(at_one_beta(curves)["beta"]) == {1.0}
    few = pd.concat([curves, synthetic.table(architectures=["---"])], ignore_index=True)
    assert set(at_one_beta(few)["objective"]) == {"curve"}


def test_all_models_at_one_beta_are_separate_runs_where_these_share_it():
    chosen = at_one_beta(pd.concat([synthetic.curves(), synthetic.table()], ignore_index=True))
    assert len(chosen) == 12 and set(chosen["objective"]) == {"beta"}


def test_no_model_is_shown_at_a_beta_that_was_searched():
    table = synthetic.curves(architectures=["---"], betas=(0.1,), rates=(25,))
    assert at_one_beta(table)["rate_target"].isna().all()


def test_a_point_of_a_curve_and_a_separate_run_are_told_apart():
    each = synthetic.curves(architectures=["---"]), synthetic.table(architectures=["---"])
    shown = [written(draw_grid(table.iloc[:12], stored, "A grid")) for table in (*each, pd.concat(each))]
    assert ["on a curve" in text for text in shown] == [False, False, True]
    assert "separate run" in shown[2]


def test_along_betas_shows_no_point_of_a_curve():
    wide = synthetic.curves().assign(rate=lambda table: 10 * table["rate"])
    assert set(along_betas(pd.concat([wide, synthetic.table()]))["objective"]) == {"beta"}
