"""Smooth lines of curves that one training gave."""

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
import synthetic

from rdplane.figures.curve_lines import draw_curves, entries, lines, smooth


def nearest(line, places):
    """How far each of the places is from the corners of a line."""
    return np.hypot(*(line[:, None] - places[None]).T).min(axis=1)


def test_a_smooth_line_goes_through_its_points():
    curve = synthetic.curves(architectures=["---"], rates=(40,))
    line = smooth(curve, "beta", "rate", "distortion")
    assert nearest(line, curve[["rate", "distortion"]].to_numpy()).max() < 1e-9


@pytest.mark.parametrize("architecture", ["---", "-+v"])
def test_a_line_through_monotone_points_is_monotone(architecture):
    rate, distortion = smooth(synthetic.curves(architectures=[architecture]), "beta", "rate", "distortion").T
    assert (np.diff(rate) <= 1e-12).all() and (np.diff(distortion) >= -1e-12).all()


def test_through_few_points_a_line_is_straight():
    curve = synthetic.curves(architectures=["---"], betas=(0.1, 0.3, 0.5, 0.7, 1.0))
    assert len(smooth(curve, "beta", "rate", "distortion")) == 5


def test_a_line_keeps_to_a_collapse():
    """Three points at R = 0: none of the line between them leaves it."""
    curve = pd.DataFrame({"beta": [0.1, 0.3, 0.5, 0.9, 1.0, 1.1], "rate": [40.0, 30.0, 20.0, 0.0, 0.0, 0.0]})
    line = smooth(curve.assign(distortion=[50.0, 55.0, 60.0, 80.0, 80.0, 80.0]), "beta", "rate", "distortion")
    assert line[:, 0].min() == 0.0 and (line[line[:, 1] == 80.0, 0] == 0.0).all()


def test_a_line_is_near_the_curve_between_its_points():
    few, many = (synthetic.curves(architectures=["---"], betas=np.geomspace(0.1, 1.1, count)) for count in (11, 101))
    line = smooth(few, "beta", "rate", "distortion")
    assert np.abs(np.interp(many["rate"], *line[::-1].T) - many["distortion"]).max() < 0.05


def test_the_order_of_the_rows_does_not_matter():
    curve = synthetic.curves(architectures=["---"])
    backwards = smooth(curve[::-1], "beta", "rate", "distortion")
    np.testing.assert_array_equal(smooth(curve, "beta", "rate", "distortion"), backwards)


def test_points_without_a_value_are_left_out():
    curve = synthetic.curves(architectures=["---"]).assign(probe_accuracy=0.5)
    curve.loc[3, "probe_accuracy"] = np.nan
    line = smooth(curve, "beta", "rate", "probe_accuracy")
    assert np.isfinite(line).all() and curve["rate"][3] not in line[:, 0]


def test_two_points_of_one_number_are_one():
    curve = synthetic.curves(architectures=["---"])
    doubled = smooth(pd.concat([curve, curve]), "beta", "rate", "distortion")
    np.testing.assert_array_equal(smooth(curve, "beta", "rate", "distortion"), doubled)


@pytest.mark.parametrize("count", [0, 1])
def test_a_single_point_has_no_line(count):
    assert smooth(synthetic.curves().iloc[:count], "beta", "rate", "distortion").shape == (count, 2)


def test_a_line_of_several_seeds_is_their_mean():
    table = synthetic.curves(architectures=["---"], seeds=(0, 1, 2))
    [(_, line)] = lines(table, table["distortion"].to_numpy())
    means = table.groupby("beta")[["rate", "distortion"]].mean().to_numpy()
    assert nearest(line, means).max() < 1e-9


def line_of(table):
    [(_, line)] = lines(table, table["distortion"].to_numpy())
    return line


def test_rates_that_were_searched_do_not_bend_the_mean_of_several_seeds():
    """A rate that one seed alone reaches among them: the line is that through the betas, which all seeds have."""
    table = synthetic.curves(architectures=["+++"], rates=(10, 20, 30, 48), seeds=(0, 1, 2))
    assert (table["rate_target"] == 48).sum() == 1
    np.testing.assert_array_equal(line_of(table), line_of(table[table["rate_target"].isna()]))


def test_the_line_of_one_seed_goes_through_the_rates_that_were_searched():
    table = synthetic.curves(architectures=["---"], rates=(25, 40))
    searched = table[table["rate_target"].notna()]
    assert len(searched) == 2 and nearest(line_of(table), searched[["rate", "distortion"]].to_numpy()).max() < 1e-9


def test_a_beta_that_some_seeds_lack_is_not_on_their_line():
    table = synthetic.curves(architectures=["---"], seeds=(0, 1))
    shared = table[table["beta"] != 0.25]
    partial = table.drop(index=table.index[(table["seed"] == 1) & (table["beta"] == 0.25)])
    np.testing.assert_array_equal(line_of(partial), line_of(shared))


def test_a_seed_of_another_range_does_not_count_for_a_curve():
    near = synthetic.curves(architectures=["---"], rates=(40,))
    far = synthetic.curves(architectures=["---"], seeds=(1,), ends=(0.09, 2))
    table = pd.concat([near, far], ignore_index=True)
    [(_, line), _] = lines(table, table["distortion"].to_numpy())
    np.testing.assert_array_equal(line, line_of(near))


def test_ranges_of_one_architecture_are_lines_of_their_own():
    near, far = (synthetic.curves(architectures=["---"], ends=ends) for ends in ((0.05, 1.25), (0.09, 2)))
    table = pd.concat([near, far], ignore_index=True)
    assert len(lines(table, table["distortion"].to_numpy())) == 2


def drawn(table):
    axes = matplotlib.figure.Figure().add_subplot()
    draw_curves(axes, table, table["distortion"].to_numpy())
    return axes


def test_every_point_of_a_curve_is_a_dot_and_every_curve_has_one_mark():
    axes = drawn(pd.concat([synthetic.curves(), synthetic.table()], ignore_index=True))
    counts = sorted(len(collection.get_offsets()) for collection in axes.collections)
    assert len(axes.get_lines()) == 12 and counts == [*[1] * 12, 12 * 11]


def test_the_mark_is_where_the_curve_begins():
    table = synthetic.curves(architectures=["++v"])
    places = [c.get_offsets()[0] for c in drawn(table).collections if len(c.get_offsets()) == 1]
    np.testing.assert_allclose(places, [table.loc[table["beta"].idxmin(), ["rate", "distortion"]].astype(float)])


def test_the_key_tells_curves_from_separate_runs_only_where_there_are_both():
    curves, separate = synthetic.curves(), synthetic.table()
    both = pd.concat([curves, separate], ignore_index=True)
    texts = [[text.replace("\n", " ") for _, text in entries(table)] for table in (separate, curves, both)]
    assert texts[0] == [] and len(texts[1]) == 1 and len(texts[2]) == 2
    assert texts[1][0].startswith("a curve: one training for every β, measured at the dots")
    assert texts[2][1] == "a mark alone: a training of its own"


def test_the_key_says_that_a_curve_is_a_mean():
    [(_, text)] = entries(synthetic.curves(architectures=["---"], seeds=(0, 1)))
    assert "the mean of its seeds" in text.replace("\n", " ")
