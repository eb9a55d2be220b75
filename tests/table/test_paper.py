"""The paper's printed points, and which runs stand beside them."""

import numpy as np
import pandas as pd
import pytest

from rdplane.experiment.architectures import ARCHITECTURES
from rdplane.experiment.config import resolve_config
from rdplane.experiment.layout import PAPER, Layout
from rdplane.table.paper import beside, markdown, published_points
from rdplane.table.rd import columns


def run(architecture="-+v", beta=1.0, anneal=0, objective="beta", rate=5.0, distortion=75.0, **changes):
    """A row of rd.csv."""
    known = {
        "dataset": "binarized_mnist", "architecture": architecture, "objective": objective, "beta": beta,
        "anneal": anneal, "seed": 0, "epochs": 6, "parameters": 4_800_000, "rate": rate, "rate_se": 0.1,
        "distortion": distortion, "distortion_se": 0.2, "neg_elbo": rate + distortion, "neg_elbo_se": 0.25,
        "train_seconds": 31.4, "device": "a machine", "cell": "vae_curve@1" if objective == "curve" else "vae",
    }  # fmt: skip
    return {name: np.nan for name in columns()} | known | changes


def table(*rows):
    return pd.DataFrame(rows, columns=list(columns()))


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


@pytest.mark.parametrize(
    ("changes", "betas_and_annealing"),
    [
        ({}, ["false"]),
        ({"anneal": 3}, ["true"]),
        ({"objective": "curve"}, ["false", "true"]),
        ({"architecture": "++v", "anneal": 3}, ["not printed"]),
        ({"architecture": "++v"}, ["false", "not printed"]),
        ({"beta": 0.3}, []),
        ({"dataset": "mnist5k"}, []),
        ({"objective": "curve", "rate_target": 10.0}, []),
        ({"objective": "rate_target"}, []),
    ],
)
def test_a_run_stands_beside_the_points_of_its_setting(changes, betas_and_annealing):
    assert beside(table(run(**changes)))["annealed"].tolist() == betas_and_annealing


def test_differences_are_ours_minus_the_papers():
    found = beside(table(run(anneal=3))).iloc[0]  # printed: (6.2, 74.1), 80.3
    differences = [found[f"{name}_difference"] for name in ("rate", "distortion", "neg_elbo")]
    np.testing.assert_allclose(differences, [-1.2, 0.9, -0.3])
    assert found["j_difference"] == pytest.approx(-0.3)
    assert found["neg_elbo_se"] == 0.25


def test_the_objective_is_weighed_by_beta():
    found = beside(table(run(beta=0.1, anneal=3, rate=146.0, distortion=6.8))).iloc[0]  # printed: (156.0, 4.8)
    assert found["j_difference"] == pytest.approx(2.0 - 0.1 * 10.0)


def test_a_line_of_the_table_holds_both():
    line = markdown(beside(table(run(anneal=3)))).splitlines()[2]
    assert line == (
        "| `-+v` | 1, annealed | 6.2, 74.1, 80.3 | 5.00, 75.00, 80.00 | -0.3 | annealed | 6 | 4.8 M | 31 | a machine |"
    )


@pytest.mark.parametrize(
    ("dataset", "published", "expected"),
    [("binarized_mnist", True, True), ("binarized_mnist", False, False), ("mnist5k", True, False)],
)
def test_the_table_is_made_where_figures_show_the_points(dataset, published, expected):
    layout = Layout(resolve_config({"dataset": dataset, "figures": {"published": published}}))
    assert (PAPER in layout.tables) == expected
