"""The prefix code: exact sums over the pixels of a PixelCNN++ alone."""

import itertools

import numpy as np
import pytest
import torch
from finished import write_cell, write_images

from rdplane.errors import UserError
from rdplane.evaluate.given import Given
from rdplane.evaluate.label_information import of_codes
from rdplane.evaluate.prefix import evenly, pixel_nll, prefix, rows
from rdplane.files import read_json
from rdplane.models.build import build

SETTINGS = {"batch_size": 7, "probe_images": 30, "probe_folds": 2, "seed": 0, "version": "1"}
SIZES = {"pixelcnn_depth": 4, "pixelcnn_resnets": 1}


def alone(shape=(8, 8)):
    torch.manual_seed(0)
    return build("0+-", shape, SIZES).double().eval()


def images(count=40, shape=(8, 8)):
    return torch.from_numpy((np.random.default_rng(0).random((count, *shape)) < 0.4).astype(np.uint8))


def given(labels=None, **changes):
    return Given(alone(), images(), labels, SETTINGS | changes)


def test_rate_and_distortion_add_up_to_the_nll_for_every_k():
    nll = -alone().log_likelihood(images().double(), torch.zeros(40, 0)).mean().item()
    found = rows(given())
    assert [row["rate"] + row["distortion"] for row in found] == pytest.approx([nll] * len(found), abs=1e-9)


def test_at_its_ends_it_is_the_autodecoder_and_the_copy():
    first, *_, last = rows(given())
    assert first["pixels"] == 0 and first["rate"] == first["rate_se"] == 0
    assert last["pixels"] == 64 and last["distortion"] == pytest.approx(0, abs=1e-12)


def test_the_rate_of_k_pixels_is_their_own_density():
    """p(x_1 ... x_k) is the sum of p(x) over all images that begin so."""
    model, k = alone((4, 4)), 6
    start = torch.tensor([1, 0, 0, 1, 1, 0])
    every = torch.tensor(list(itertools.product((0, 1), repeat=10)))
    whole = torch.cat((start.expand(len(every), -1), every), 1).view(-1, 4, 4)
    density = model.log_likelihood(whole.double(), torch.zeros(len(every), 0)).logsumexp(0).item()
    assert pixel_nll(model, whole[:1], 100)[0, :k].sum().item() == pytest.approx(-density, abs=1e-9)


def test_a_pixel_costs_what_those_before_it_say():
    """Changing a later pixel changes no cost before it."""
    model, x = alone(), images(3)
    other = x.clone()
    other[:, 4, 3] = 1 - other[:, 4, 3]
    first, second = pixel_nll(model, x, 2), pixel_nll(model, other, 2)
    place = 4 * 8 + 3
    torch.testing.assert_close(first[:, :place], second[:, :place])
    assert (first[:, place] != second[:, place]).all()


def test_errors_are_those_of_a_mean_over_images():
    nll = pixel_nll(alone(), images(), 100).numpy()
    for row in rows(given()):
        rate = nll[:, : row["pixels"]].sum(1)
        assert row["rate"] == pytest.approx(rate.mean())
        assert row["rate_se"] == pytest.approx(rate.std(ddof=1) / 40**0.5)


def test_points_are_spread_evenly_in_rate():
    costs = np.random.default_rng(0).random(400)
    chosen = evenly(costs.tolist())
    assert chosen[0] == 0 and chosen[-1] == 400 and len(chosen) == 13
    places = np.append(0, costs.cumsum())[chosen]
    np.testing.assert_allclose(places, np.linspace(0, costs.sum(), 13), atol=0.5)


@pytest.mark.parametrize("costs", [[0.0, 0.0, 5.0, 0.0], [0.0] * 4, [1.0] * 4])
def test_points_are_distinct_and_reach_from_nothing_to_everything(costs):
    chosen = evenly(costs)
    assert chosen == sorted(set(chosen)) and chosen[0] == 0 and chosen[-1] == 4


def test_the_class_is_read_out_of_the_pixels_of_the_probes_images():
    labels = np.arange(40) % 3
    known = given(labels)
    chosen = known.choose(30).numpy()
    found = rows(known)
    assert found[0]["label_information"] == found[0]["label_information_se"] == 0  # exactly
    for row in found[1:]:
        pixels = images()[chosen].flatten(1)[:, : row["pixels"]].double().numpy()
        told = of_codes(pixels, labels[chosen], 2, 0)
        assert (row["label_information"], row["label_information_se"]) == tuple(told)


@pytest.mark.parametrize("known", [given(), given(np.arange(40) % 3, probe_images=0), given(np.zeros(40, int))])
def test_without_classes_nothing_is_said_of_them(known):
    assert {row["label_information"] for row in rows(known)} == {None}


@pytest.fixture
def cell(tmp_path):
    return write_cell(tmp_path / "cell", "0+-"), write_images(tmp_path / "images.npz")


def test_the_file_is_written_and_its_numbers_are_kept(cell, tmp_path, monkeypatch):
    folder, stored = cell
    first, again, other = (tmp_path / name for name in ("a.json", "b.json", "c.json"))
    prefix(folder, stored, first, SETTINGS, "cpu")
    found = read_json(first)
    assert found["settings"] == SETTINGS and found["rows"][0]["pixels"] == 0
    assert found["rows"][-1]["label_information"] is not None

    def fail(*arguments):
        raise AssertionError("computed again")

    monkeypatch.setattr("rdplane.evaluate.prefix._computed", fail)
    prefix(folder, stored, again, SETTINGS, "cpu")
    assert again.read_bytes() == first.read_bytes()
    with pytest.raises(AssertionError, match="again"):
        prefix(folder, stored, other, SETTINGS | {"probe_folds": 3}, "cpu")
    (folder / "state/prefix.json").write_text("damaged")
    with pytest.raises(AssertionError, match="again"):
        prefix(folder, stored, other, SETTINGS, "cpu")


def test_a_model_with_a_code_has_none(tmp_path):
    folder, stored = write_cell(tmp_path / "cell", "-+-"), write_images(tmp_path / "images.npz")
    with pytest.raises(UserError, match="has a code of its own"):
        prefix(folder, stored, tmp_path / "prefix.json", SETTINGS, "cpu")
    assert not (tmp_path / "prefix.json").exists()


def test_a_cell_that_is_not_trained_is_one_line(tmp_path):
    with pytest.raises(UserError, match="train the cell first"):
        prefix(tmp_path, tmp_path / "images.npz", tmp_path / "prefix.json", SETTINGS, "cpu")


@pytest.mark.parametrize("pixels", ["grey", "colour"])
def test_of_images_of_8_bits_the_pixels_add_up_as_well(pixels):
    torch.manual_seed(0)
    shape = (5, 6, 3) if pixels == "colour" else (5, 6)
    model = build("0+-", shape, SIZES, pixels=pixels).double().eval()
    stored = torch.randint(256, (20, *shape), dtype=torch.uint8)
    found = pixel_nll(model, stored, 7)
    expected = -model.log_likelihood(model.images(stored), torch.zeros(20, 0, dtype=torch.float64))
    assert found.shape == (20, 30)
    torch.testing.assert_close(found.sum(1), expected)
    told = rows(Given(model, stored, np.arange(20) % 2, SETTINGS))
    assert told[-1]["pixels"] == 30 and told[-1]["label_information"] is not None
