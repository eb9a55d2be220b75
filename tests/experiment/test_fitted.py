"""What a first study of images is: the fullest that is done in a time, from what a step costs."""

import pytest

from rdplane.experiment.config import resolve_config
from rdplane.experiment.fitted import ARCHITECTURES, EPOCHS, Cost, Facts, fit, sizes

DIGITS = Facts("binary", 28, 28, 4000, 500, 500)
PHOTOS = Facts("colour", 128, 96, 900, 100, 100)
FEW = Facts("grey", 9, 7, 6, 2, 2)


def costs(seconds):
    return {name: Cost(seconds, seconds / 100, seconds) for name in ARCHITECTURES}


@pytest.mark.parametrize("facts", [DIGITS, PHOTOS, FEW])
@pytest.mark.parametrize("minutes", [0.1, 5, 30, 600])
@pytest.mark.parametrize("places", [1, 2, 64])
def test_it_is_a_configuration_that_takes_no_longer_where_anything_does(facts, minutes, places):
    study = fit(facts, costs(0.05), minutes, places)
    resolved = resolve_config({"experiment": "one", **study.raw})
    assert resolved["training"]["epochs"] in EPOCHS
    steps = facts.train // resolved["training"]["batch_size"] * resolved["training"]["epochs"]
    assert resolved["training"]["warmup_steps"] < steps
    least = fit(facts, costs(0.05), 0.001, places).seconds
    assert study.seconds <= max(60 * minutes, least)


@pytest.mark.parametrize("facts", [DIGITS, PHOTOS, FEW])
def test_a_longer_time_never_gives_less(facts):
    studies = [fit(facts, costs(0.05), minutes, 2).raw for minutes in (1, 4, 16, 64, 256)]
    amounts = [len(raw["grid"]["architectures"]) * len(raw["grid"]["beta"]) for raw in studies]
    assert amounts == sorted(amounts) and amounts[-1] == 9


def test_slower_steps_give_fewer_epochs_and_then_fewer_cells():
    quick, slow, slowest = (fit(DIGITS, costs(seconds), 30, 2).raw for seconds in (0.02, 0.1, 1))
    assert quick["training"]["epochs"] > slow["training"]["epochs"]
    assert len(quick["grid"]["architectures"]) == len(slow["grid"]["architectures"]) == 3
    assert len(slowest["grid"]["architectures"]) < 3


@pytest.mark.parametrize("facts", [DIGITS, PHOTOS, FEW])
def test_sizes_fit_the_images(facts):
    model, batch = sizes(facts)
    assert 1 <= batch <= facts.train and batch * facts.numbers <= 2**21
    assert model["pseudo_inputs"] <= facts.train
