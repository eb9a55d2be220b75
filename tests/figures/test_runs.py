import numpy as np
import pandas as pd
import pytest
import synthetic

from rdplane.declare import declared
from rdplane.experiment.architectures import ARCHITECTURES
from rdplane.figures.runs import (
    absent,
    annealed,
    apart_by_annealing,
    counted_rows,
    curves,
    describe,
    footnotes,
    generative,
    in_grid_order,
    label,
    numbers,
    on_curves,
    overlays,
    per_setting,
    precisions,
    symbols,
    trainings,
)  # fmt: skip


def test_grid_order_is_that_of_the_architectures_and_betas_whatever_the_table():
    ordered = in_grid_order(synthetic.table().iloc[::-1])
    wanted = [(name, beta) for name in ARCHITECTURES for beta in (0.1, 0.5, 1.0)]
    assert list(zip(ordered["architecture"], ordered["beta"], strict=True)) == wanted


def test_the_error_of_one_run_is_over_images():
    table = synthetic.table()
    np.testing.assert_array_equal(per_setting(table)["rate_se"], table["rate_se"])


def test_the_error_of_several_seeds_is_over_seeds():
    table = synthetic.table(architectures=["-+v"], betas=[0.5], seeds=[0, 1, 2, 3])
    wanted = np.std(table["distortion"], ddof=1) / np.sqrt(4)
    np.testing.assert_allclose(per_setting(table)["distortion_se"], [wanted])


def test_settings_without_beta_are_kept():
    assert len(per_setting(synthetic.table(targets=(5, 10)))) == 12 * 5


def test_a_curve_joins_settings_of_one_architecture_by_beta():
    table = synthetic.table(betas=(1.0, 0.1, 0.5), anneals=(0, 4))
    found = curves(per_setting(table))
    assert len(found) == 24 and all(curve["beta"].tolist() == [0.1, 0.5, 1.0] for curve in found)


def test_missing_cells_are_counted_against_all():
    assert absent(synthetic.table(), ["a", "b", "c", "d"]) == ["4 of 40 cells missing: a, b, c, ..."]


def test_grid_order_is_beta_first_and_then_by_the_number_of_each_objective():
    table = synthetic.table(architectures=["---"], betas=(1.0, 0.1), targets=(20, 5), penalties=(9,))
    ordered = in_grid_order(table.iloc[::-1])
    wanted = [("beta", 0.1), ("beta", 1.0), ("rate_penalty", 9), ("rate_target", 5), ("rate_target", 20)]
    assert list(zip(ordered["objective"], numbers(ordered), strict=True)) == wanted


def test_labels_are_those_of_the_declarations():
    table = synthetic.table(architectures=["---"], betas=(0.1,), targets=(20,), penalties=(9.5,))
    assert [label(run) for _, run in table.iterrows()] == ["β 0.1", "R* 20", "R* 9.5, penalty"]


def test_numbers_are_named_without_their_values():
    table = synthetic.table(architectures=["---"], betas=(0.1,), targets=(20,), penalties=(9.5,))
    assert symbols(table) == "β or R*"
    assert symbols(table[table["objective"] != "beta"]) == "R*"


def test_only_objectives_that_anneal_are_said_to():
    table = synthetic.table(architectures=["---"], betas=(0.1,), targets=(20,))
    assert annealed(table) == "β"
    assert annealed(table[table["objective"] != "beta"]) == ""


def test_objectives_are_told_apart_by_what_is_drawn_over_their_marks():
    table = synthetic.table(architectures=["---"], targets=(20,), penalties=(9.5,))
    found = {mark: [objective.name for objective in those] for mark, those in overlays(table).items()}
    assert found == {"+": ["rate_penalty"], "x": ["rate_target"]}


def test_an_objective_of_a_user_counts_as_those_of_the_package(extension):
    table = synthetic.table(architectures=["tmg"], free_bits=(4, 12))
    assert [label(run) for _, run in table.iterrows()] == ["β 0.1", "β 0.5", "β 1", "λ 4", "λ 12"]
    assert symbols(table) == "β or λ"
    assert symbols(synthetic.table(architectures=["tmg"], targets=(5,), free_bits=(4,))) == "β, λ or R*"
    assert len(per_setting(table)) == 5 and len(curves(per_setting(table))) == 2
    assert [objective.name for objective in overlays(table)["x"]] == ["free_bits"]


def test_seeds_of_an_objective_of_a_user_are_one_setting(extension):
    table = synthetic.table(architectures=["tmg"], betas=(), free_bits=(4, 12), seeds=(0, 1, 2))
    assert per_setting(table)["runs"].tolist() == [3, 3]


def test_every_objective_has_a_label_that_takes_a_number():
    assert all("7" in objective.label.format(value=7.0) for objective in declared().objectives.values())


def test_precisions_are_counted_only_where_they_differ():
    table = synthetic.table()
    assert precisions(table) == [] == footnotes(table, [])
    table.loc[:0, "precision"] = "bfloat16"
    assert precisions(table) == ["1 run trained in bfloat16, 35 in float32"]
    assert footnotes(table, ["a"]) == [*absent(table, ["a"]), *precisions(table)]


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [(-5.0, -0.01, "below 0 to 0.0"), (0.0, 0.04, "0.0 to 0.0"), (float("nan"), -1.0, "up to 0.0")],
)
def test_no_bound_on_the_generative_information_is_shown_below_0(lower, upper, expected):
    assert generative({"gen_lower": lower, "gen_upper": upper}) == expected


def both(**options):
    """Twelve curves of eleven points, and separate runs of the same architectures."""
    return pd.concat([synthetic.curves(), synthetic.table(**options)], ignore_index=True)


def test_points_of_curves_are_told_from_separate_runs():
    table = both()
    assert on_curves(table).sum() == 12 * 11 and not on_curves(table[table["objective"] == "beta"]).any()


def test_a_curve_is_one_training_whatever_its_points():
    assert len(trainings(both())) == 12 + 36


def test_a_point_of_a_curve_and_a_separate_run_of_its_beta_are_two_settings():
    settings = per_setting(both())
    assert len(settings) == 12 * 11 + 36 and (settings["runs"] == 1).all()


def test_seeds_of_a_curve_are_one_setting_at_each_beta():
    table = synthetic.curves(architectures=["---"], seeds=(0, 1, 2))
    settings = per_setting(table)
    assert settings["runs"].tolist() == [3] * 11
    np.testing.assert_allclose(settings["rate"], table.groupby("beta")["rate"].mean())


def test_seeds_searched_for_one_rate_are_one_setting_at_their_geometric_mean():
    table = synthetic.curves(architectures=["---"], seeds=(0, 1, 2), betas=(0.1, 1.0), rates=(30,))
    betas = table["beta"][table["rate_target"] == 30]
    [curve] = curves(per_setting(table))
    assert betas.nunique() == 3 and curve["runs"].tolist() == [3, 3, 3]
    np.testing.assert_allclose(curve["beta"], [0.1, np.exp(np.log(betas).mean()), 1.0])


def test_two_ranges_of_one_architecture_are_two_curves():
    each = [synthetic.curves(architectures=["---"], ends=ends) for ends in ((0.05, 1.25), (0.09, 2))]
    settings = per_setting(pd.concat(each, ignore_index=True))
    assert [len(curve) for curve in curves(settings)] == [11, 11] and (settings["runs"] == 1).all()


def test_a_searched_beta_is_labelled_with_three_digits():
    curve = synthetic.curves(architectures=["---"], betas=(), rates=(30,)).assign(beta=0.0837214)
    assert label(curve.iloc[0]) == "β 0.0837"


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (synthetic.table(), "12 architectures, 36 runs,"),
        (synthetic.curves(), "12 architectures, 12 curves,"),
        (both(), "12 architectures, 12 curves and 36 separate runs,"),
        (synthetic.curves(architectures=["---"]), "1 architecture, 1 curve,"),
        (synthetic.curves(architectures=["---"], seeds=(0, 1)), "1 architecture, 2 curves,"),
    ],
)
def test_trainings_are_counted_not_rows(table, expected):
    assert expected in describe(table)


def test_missing_cells_are_counted_against_trainings():
    assert absent(both(), ["a"]) == ["1 of 49 cells missing: a"]


def test_precisions_count_trainings():
    table = both()
    table.loc[on_curves(table), "precision"] = "bfloat16"
    assert precisions(table) == ["12 runs trained in bfloat16, 36 in float32"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (slice(0, 0), "0 runs"), (slice(0, 1), "1 point of a curve"), (slice(0, 2), "2 points of curves"),
        (slice(131, 133), "1 run and 1 point of a curve"), (slice(130, 135), "3 runs and 2 points of curves"),
        (slice(132, 135), "3 runs"),
    ],
)  # fmt: skip
def test_rows_are_named_for_what_they_are(rows, expected):
    assert counted_rows(both().iloc[rows]) == expected


def test_curves_do_not_tell_annealed_runs_apart():
    assert apart_by_annealing(both(anneals=(4,))).empty
    assert len(apart_by_annealing(both(anneals=(0, 4)))) == 36
