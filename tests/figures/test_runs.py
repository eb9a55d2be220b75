import numpy as np
import pytest
import synthetic

from rdplane.architectures import ARCHITECTURES
from rdplane.figures.runs import absent, curves, in_grid_order, per_setting, published_points


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
