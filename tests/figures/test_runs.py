import numpy as np
import pytest
import synthetic

from rdplane.architectures import ARCHITECTURES
from rdplane.errors import UserError
from rdplane.figures.runs import absent, curves, per_setting, published_points, select_cells


def test_a_scalar_and_a_list_of_one_select_the_same():
    table = synthetic.table()
    assert select_cells(table, {"beta": 1}).equals(select_cells(table, {"beta": [1.0]}))


def test_all_keys_must_match():
    chosen = select_cells(synthetic.table(), {"decoder": "-", "marginal": ["+", "v"], "beta": [0.1, 1.0]})
    assert len(chosen) == 2 * 2 * 2 and set(chosen["decoder"]) == {"-"} and "-" not in set(chosen["marginal"])


def test_selected_runs_are_in_grid_order_whatever_the_table():
    table = synthetic.table()
    chosen = select_cells(table.iloc[::-1], {"beta": [1.0, 0.1]})
    wanted = [(name, beta) for name in ARCHITECTURES for beta in (0.1, 1.0)]
    assert list(zip(chosen["architecture"], chosen["beta"], strict=True)) == wanted


def test_rate_targets_are_selected_among_betas():
    chosen = select_cells(synthetic.table(targets=(5, 10)), {"rate_target": 10})
    assert set(chosen["objective"]) == {"target_rate"} and len(chosen) == 12


def test_an_unknown_key_is_named():
    with pytest.raises(UserError, match="unknown key 'betta'"):
        select_cells(synthetic.table(), {"betta": 1})


def test_a_value_that_no_run_has_is_named_with_those_there_are():
    with pytest.raises(UserError, match=r"no cell has beta 0.3; the table holds 0.1, 0.5, 1$"):
        select_cells(synthetic.table(), {"beta": 0.3})


def test_values_that_never_meet_are_an_error():
    with pytest.raises(UserError, match="no cell has all of"):
        select_cells(synthetic.table(), {"architecture": "-+v", "encoder": "+"})


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


@pytest.mark.parametrize(("dataset", "count"), [("binarized_mnist", 25), ("omniglot", 15), ("mnist5k", 0)])
def test_published_points_belong_to_their_data_set(dataset, count):
    assert len(published_points(dataset)) == count


@pytest.mark.parametrize("dataset", ["binarized_mnist", "omniglot"])
def test_published_sums_agree_unless_the_paper_errs(dataset):
    points = published_points(dataset)
    differs = (points["rate"] + points["distortion"] - points["neg_elbo"]).abs() > 0.15
    assert points[differs]["note"].str.contains("162.0|0.9").all()


def test_published_architectures_are_known():
    names = set(published_points("binarized_mnist")["architecture"]) | set(published_points("omniglot")["architecture"])
    assert names <= set(ARCHITECTURES)
