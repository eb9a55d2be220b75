"""The Methods paragraph: every number of a configuration as its cells have it."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils.core import publish_parts
from jinja2 import Template

from rdplane.experiment.cells import expand
from rdplane.experiment.config import load_config, resolve_config
from rdplane.experiment.methods import epochs, methods

ROOT = Path(__file__).parents[2]


def described(**sections):
    config = resolve_config({"dataset": "mnist5k", **sections})
    return methods(config, expand(config))


def test_runs_architectures_and_seeds_are_those_of_the_cells():
    text = described(grid={"architectures": ["---", "-+v"], "beta": [0.1, 1.0], "seed": [0, 1],
                           "exclude": [{"decoder": "+", "beta": 1.0}]})  # fmt: skip
    assert text.startswith("6 training runs of 2 architectures with 2 seeds on the dataset mnist5k.")


def test_parts_are_named_as_far_as_they_occur():
    text = described(grid={"architectures": ["--v", "-+v"]})
    assert "encoder (``-`` Gaussian), decoder (``-`` deconvolution, ``+`` PixelCNN++) and marginal (``v`` " in text


def test_numbers_of_every_objective_are_said():
    text = described(grid={"beta": [0.1, 1.0], "rate_target": [5], "rate_penalty": [20, 30]})
    for expected in ("beta 0.1 and 1.0 (weights", "rate_target 5.0 (target rates", "rate_penalty 20.0 and 30.0 ("):
        assert expected in text


@pytest.mark.parametrize(
    ("anneal", "expected"),
    [
        ([0], "beta R), without annealing."),
        ([5], "beta R), with the weight climbing from 0 over the first 5 epochs."),
        ([0, 1], "beta R), without annealing and with the weight climbing from 0 over the first epoch."),
    ],
)
def test_annealing_is_said_as_it_is(anneal, expected):
    text = described(grid={"anneal": anneal})
    assert expected in text and "0 over 0" not in text


def test_an_objective_that_does_not_anneal_is_not_said_to():
    assert "annealing" not in described(grid={"beta": [], "rate_target": [5]})


def test_cells_beside_the_product_are_said():
    line = {"architecture": ["-+v", "++v"], "beta": 0.5, "anneal": 1, "seed": 3}
    text = described(grid={"extra": [line]})
    expected = (
        "Beside these: ``-+v``, ``++v`` with beta 0.5, with the weight climbing from 0 over the first epoch, seed 3."
    )
    assert expected in text


def test_an_objective_of_cells_beside_the_product_alone_is_explained():
    text = described(grid={"extra": [{"architecture": "---", "rate_target": 5}]})
    assert "Beside these: ``---`` with rate_target 5.0 (target rates sigma" in text


def test_cells_left_out_of_the_product_are_said():
    text = described(grid={"beta": [0.5, 0.7, 1.0], "exclude": [{"decoder": "+", "marginal": "v", "beta": [0.5, 0.7]}]})
    assert "Left out of the product: decoder ``+``, marginal ``v``, beta 0.5 or 0.7." in text


def test_epochs_are_those_of_each_architecture():
    config = resolve_config(
        {"dataset": "mnist5k", "training": {"epochs": 4}, "overrides": {"?+?": {"training": {"epochs": 3}}}}
    )
    assert epochs(expand(config)) == "4 epochs (decoder ``+``: 3 epochs)"


def test_architectures_without_a_part_of_their_own_are_named():
    text = described(training={"epochs": 4}, overrides={"--v": {"training": {"epochs": 1}}})
    assert "Each run had 4 epochs (``--v``: 1 epoch) of batches" in text


def test_sizes_and_learning_rates_of_some_architectures_are_said():
    text = described(
        training={"epochs": 4}, model={"latent": 16}, overrides={"-??": {"model": {"latent": 8}}, "?+?": {"training":
        {"learning_rate": 0.001}}}
    )  # fmt: skip
    assert "latent 8 (encoder ``+``: 16)" in text
    assert (
        "a learning rate of 3.0e-4 for 2 epochs (decoder ``+``: 1.0e-3 for 2 epochs), then falling linearly to 0;"
        in text
    )


def test_another_schedule_is_said():
    text = described(training={"schedule": "cosine", "warmup_steps": 30, "learning_rate": 0.002})
    assert "a learning rate climbing to 2.0e-3 over 30 steps, then half a cosine to 0;" in text
    text = described(training={"epochs": 4}, overrides={"?+?": {"training": {"schedule": "cosine"}}})
    assert "for 2 epochs, then falling linearly to 0 (decoder ``+``: a learning rate climbing to 3.0e-4 over" in text


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({"schedule": "cosine", "warmup_steps": 0}, "a learning rate falling from 3.0e-4 along half a cosine to 0;"),
        ({"epochs": 4, "constant_epochs": 4}, "a learning rate of 3.0e-4 throughout;"),
        ({"epochs": 1}, "a learning rate falling linearly from 3.0e-4 to 0;"),
    ],
)
def test_a_part_of_the_schedule_that_takes_no_time_is_not_said(training, expected):
    assert expected in described(training=training)


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        ({}, "the weights of the last epoch are"),
        ({"keep": "best"}, "the weights of the epoch that was best on the validation images are"),
        ({"keep": "average", "average": 0.99}, "moving averages of the weights with decay 0.99 are"),
    ],
)
def test_the_weights_that_are_evaluated_are_said(training, expected):
    assert f"; {expected} evaluated." in described(training=training)


@pytest.mark.parametrize("path", ["config.yaml", "workflow/presets/quick_targets.yaml"])
def test_the_report_says_it_in_a_paragraph(path):
    config = load_config(ROOT / path)
    words = {"methods": methods(config, expand(config)), "epochs": epochs(expand(config))}
    template = (ROOT / "workflow/report/methods.rst").read_text()
    text = Template(template).render(snakemake=SimpleNamespace(config={**config, "words": words}))
    html = publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]
    (paragraph,) = (part for part in html.split("<p>") if "Methods." in part)
    assert "training runs of" in paragraph and "-ELBO is R + D" in paragraph
    assert "``" not in html and "\\" not in html


def test_curves_are_explained_and_have_their_own_epochs():
    text = described(
        grid={"architectures": ["---"], "beta": [1], "curve": [[0.05, 1.25]]}, training={"epochs": 4},
        overrides={"curve": {"training": {"epochs": 12}}}, evaluation={"curve_rates": [5, 20]},
    )  # fmt: skip
    assert "curve 0.05 to 1.25 (ranges of beta" in text
    assert "Each run had 4 epochs (curves: 12 epochs) of batches" in text
    assert re.search(r"evenly over the range, which opens from its low end over the first \d+% of training", text)
    assert "the rate of validation images is 5.0 and 20.0 nats" in text


def test_nothing_is_said_of_curves_where_there_are_none():
    assert "curve" not in described(training={"epochs": 4})
