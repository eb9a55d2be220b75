"""The paper's names for what its examples do with their codes, against the rule."""

import math

import pandas as pd
import pytest

from rdplane.declare.registry import declared
from rdplane.table.category import CATEGORIES, category, rates, readable, with_category

MNIST, OMNIGLOT = 80.2, 90.37  # the paper's best -ELBO

# Figure, model, beta, R, D, and what the paper calls it: the headers of Figures 4 and 6 and the text of Appendix A.
PAPER = [
    ("4a", "-+v", 0.1, 156.0, 4.8, "autoencoder"),
    ("4a", "-+v", 0.15, 120.3, 8.1, "syntactic encoder"),
    ("4a", "-+v", 1.0, 6.2, 74.1, "semantic encoder"),
    ("4a", "-+v", 1.1, 0.0004, 80.6, "autodecoder"),
    ("4d", "++v", 1.0, 8.3, 71.9, "semantic encoder"),
    ("4d", "++v", 0.4, 2.8, 78.2, "autodecoder"),
    ("6", "+-v", 1.1, 24.0, 59.3, "syntactic encoder"),
    ("6", "-++", 1.0, 6.0, 74.4, "semantic encoder"),
    ("6", "++-", 0.8, 2.3, 78.7, "autodecoder"),
    ("6", "-++", 0.8, 1.7, 78.9, "autodecoder"),
    ("6", "++-", 1.0, 1.3, 79.7, "autodecoder"),
    ("6", "+++", 0.9, 0.2, 80.4, "autodecoder"),
    ("6", "+++", 1.0, 0.0, 80.5, "autodecoder"),
]


@pytest.mark.parametrize(("figure", "model", "beta", "rate", "distortion", "expected"), PAPER)
def test_every_example_of_the_paper_has_its_name(figure, model, beta, rate, distortion, expected):
    assert category(rate, distortion, MNIST, 10, 0.9) == expected


def test_the_papers_model_mismatch_is_no_semantic_encoder():
    assert category(10.5, 71.6, MNIST, 10, 0.9) != "semantic encoder"


def test_a_run_that_the_paper_calls_nearly_autodecoding_is_so_on_omniglot():
    assert category(0.77, 89.60, OMNIGLOT, 50, 0.1) == "autodecoder"


@pytest.mark.parametrize("classes", [2, 10, 26, 1000])
def test_the_rates_are_two_and_four_times_what_naming_a_class_takes(classes):
    assert rates(classes) == pytest.approx((2 * math.log(classes), 4 * math.log(classes)))


@pytest.mark.parametrize("classes", [2, 10, 26, 1000])
def test_a_class_is_readable_where_the_probe_errs_half_as_often_as_a_guess(classes):
    assert 1 - readable(classes) == pytest.approx((1 - 1 / classes) / 2)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_names_follow_one_another_along_the_rate(classes):
    semantic, syntactic = rates(classes)
    places = (0.0, 0.99 * semantic, 1.01 * semantic, 0.99 * syntactic, 1.01 * syntactic)
    found = [category(rate, 50.0, MNIST, classes, 0.99) for rate in places]
    assert found == ["autodecoder"] * 2 + ["semantic encoder"] * 2 + ["syntactic encoder"]


@pytest.mark.parametrize(("accuracy", "expected"), [(0.9, "semantic encoder"), (0.56, "semantic encoder"), (0.54, "")])
def test_a_code_of_middling_rate_is_semantic_if_the_class_can_be_read(accuracy, expected):
    assert category(8.0, 72.0, MNIST, 10, accuracy) == expected


@pytest.mark.parametrize("accuracy", [0.1, 0.99])
@pytest.mark.parametrize(("rate", "expected"), [(4.5, "autodecoder"), (30.0, "syntactic encoder")])
def test_the_probe_decides_only_between(rate, expected, accuracy):
    assert category(rate, 55.0, MNIST, 10, accuracy) == expected


def test_a_wasted_rate_does_not_make_an_autoencoder():
    assert category(150.0, 80.0, MNIST, 10, 0.1) == "syntactic encoder"


@pytest.mark.parametrize("rate", [0.0, 8.0, 30.0, 150.0])
@pytest.mark.parametrize(("classes", "accuracy"), [(None, None), (math.nan, math.nan), (10, None), (math.nan, 0.9)])
def test_without_labels_or_probe_there_is_no_name(rate, classes, accuracy):
    assert category(rate, 4.0, MNIST, classes, accuracy) == ""


def runs(dataset, classes=10.0):
    places = {"rate": [0.1, 8.0, 30.0], "distortion": [81.0, 72.2, 60.0], "probe_accuracy": [0.2, 0.9, 0.95]}
    table = pd.DataFrame({"dataset": dataset, **places, "probe_classes": classes, "dimensions": math.nan})
    return table.assign(neg_elbo=table["rate"] + table["distortion"])


def test_a_table_gets_its_names():
    expected = ["autodecoder", "semantic encoder", "syntactic encoder"]
    assert with_category(runs("mnist5k"))["category"].tolist() == expected
    assert set(expected) < set(CATEGORIES)


def test_a_table_of_more_classes_has_other_bounds():
    assert with_category(runs("mnist5k", 1000.0))["category"].tolist() == ["autodecoder"] * 2 + ["syntactic encoder"]


@pytest.mark.parametrize("dataset", ["omniglot", "omniglot_subset"])
def test_alphabets_are_no_classes(dataset):
    assert not declared().datasets[dataset].classes
    assert with_category(runs(dataset, 50.0))["category"].tolist() == ["", "", ""]


def test_unlabelled_images_of_ones_own_have_no_names():
    table = runs("photos").assign(probe_classes=math.nan, probe_accuracy=math.nan)
    assert with_category(table)["category"].tolist() == ["", "", ""]


def test_images_of_8_bits_have_no_names():
    # Thousands of nats of D say nothing of what a code of tens of nats holds.
    assert set(with_category(runs("photos").assign(dimensions=3072.0))["category"]) == {""}
