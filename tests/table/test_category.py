import pytest

from rdplane.table.category import category

MNIST, OMNIGLOT = 80.2, 90.37  # the paper's best -ELBO


@pytest.mark.parametrize(
    ("rate", "distortion", "expected"),
    [
        (156.0, 4.8, "autoencoder"),
        (120.3, 8.1, "autoencoder"),
        (27.1, 60.0, "syntactic encoder"),
        (25.8, 57.7, "syntactic encoder"),
        (24.0, 59.3, "syntactic encoder"),
        (8.3, 71.9, "semantic encoder"),
        (6.0, 74.4, "semantic encoder"),
        (2.8, 78.2, "semantic encoder"),
        (2.3, 78.7, "autodecoder"),
        (1.3, 79.7, "autodecoder"),
        (0.0004, 80.6, "autodecoder"),
    ],
)
def test_the_papers_examples_on_mnist_have_its_names(rate, distortion, expected):
    assert category(rate, distortion, MNIST) == expected


@pytest.mark.parametrize(
    ("rate", "distortion", "expected"),
    [(105.7, 9.8, "autoencoder"), (27.0, 66.3, "syntactic encoder"), (0.2, 90.3, "autodecoder")],
)
def test_examples_on_omniglot(rate, distortion, expected):
    assert category(rate, distortion, OMNIGLOT) == expected


@pytest.mark.parametrize(
    ("accuracy", "expected"), [(0.9, "semantic encoder"), (0.5, "semantic encoder"), (0.3, "syntactic encoder")]
)
def test_a_code_of_middling_rate_is_semantic_if_the_class_can_be_read(accuracy, expected):
    assert category(8.0, 72.0, MNIST, accuracy) == expected


@pytest.mark.parametrize("accuracy", [None, 0.1, 0.99])
def test_a_code_that_cannot_name_a_class_is_an_autodecoder(accuracy):
    assert category(2.2, 79.0, MNIST, accuracy) == "autodecoder"


@pytest.mark.parametrize("accuracy", [None, 0.1, 0.99])
def test_a_code_that_holds_how_a_digit_is_written_is_syntactic(accuracy):
    assert category(30.0, 55.0, MNIST, accuracy) == "syntactic encoder"


def test_a_wasted_rate_does_not_make_an_autoencoder():
    assert category(150.0, 80.0, MNIST) == "syntactic encoder"


def test_a_nan_accuracy_of_a_table_counts_as_none():
    assert category(8.0, 72.0, MNIST, float("nan")) == "semantic encoder"
