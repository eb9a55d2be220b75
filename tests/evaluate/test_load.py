"""A trained cell as a Python object, parts of one's own included."""

import json
import shutil

import finished
import numpy as np
import pytest
import torch

import rdplane
from rdplane.declare.registry import declared, files, use
from rdplane.errors import UserError
from rdplane.evaluate.samples import sample
from rdplane.experiment import versions

DECODER = """
from torch import nn

from rdplane.declare import Key, Part, Whole
from rdplane.models.densities import bernoulli_log_prob

DECODER = Part(
    kind="decoder", symbol="m", title="linear", builds="Linear", sizes=("latent", Key("spare", Whole(1), 2, "of it")),
)


class Linear(nn.Module):
    def __init__(self, shape, latent, spare):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(latent, spare), nn.Linear(spare, shape[0] * shape[1]))
        self.shape = shape

    def logits(self, z):
        return self.body(z).unflatten(1, self.shape)

    def log_prob(self, x, z):
        return bernoulli_log_prob(x, self.logits(z))

    def sample(self, z):
        return self.logits(z).sigmoid().bernoulli()
"""
MEASURE = """
from rdplane.declare import Column, Measure

MEASURE = Measure(name="ink", title="ink", computes="ink", columns=(Column("ink", "ink"),))


def ink(given):
    return {"ink": 1.0}
"""


@pytest.fixture(autouse=True)
def no_extensions():
    yield
    use([])


@pytest.fixture
def own(tmp_path):
    """A cell whose decoder stands in a file beside it; no extension is in use any more."""
    path = tmp_path / "mine.py"
    path.write_text(DECODER)
    use([str(path)])
    cell = finished.write_cell(tmp_path / "cell", "-m-", {"latent": 3, "width": 0.1, "spare": 4}, record())
    use([])
    return cell, path


def record():
    """What training writes down."""
    return {source: str(path) for source, path in files().items()}


def works(model):
    x = torch.bernoulli(torch.full((5, 8, 8), 0.4))
    with torch.no_grad():
        rate, distortion = model.rate_distortion(x)
    return rate.shape == distortion.shape == (5,) and model.generate(2).shape == (2, 8, 8)


@pytest.mark.parametrize("architecture", ["---", "++v"])
def test_a_loaded_model_is_ready_to_use(tmp_path, architecture):
    model = rdplane.load(finished.write_cell(tmp_path / "cell", architecture))
    assert works(model) and not model.training and model.cell["architecture"] == architecture


def test_weights_are_those_of_the_cell(tmp_path):
    cell = finished.write_cell(tmp_path / "cell")
    first = rdplane.load(str(cell)).state_dict()
    finished.write_weights(cell, "---", seed=1)
    second = rdplane.load(cell).state_dict()
    assert first.keys() == second.keys() and not all(torch.equal(first[key], second[key]) for key in first)


def test_a_decoder_of_ones_own_is_found_again(own):
    cell, _ = own
    model = rdplane.load(cell)
    assert works(model) and type(model.decoder).__name__ == "Linear"
    assert model.decoder.body[0].out_features == 4  # the cell's size, not the default


def test_a_decoder_of_ones_own_that_is_gone_is_named(own):
    cell, path = own
    path.unlink()
    with pytest.raises(UserError) as error:
        rdplane.load(cell)
    assert str(path) in str(error.value) and "pass extensions=[...]" in str(error.value)


def test_a_decoder_of_ones_own_that_moved_can_be_given(own, tmp_path):
    cell, path = own
    moved = tmp_path / "elsewhere" / "other_name.py"
    moved.parent.mkdir()
    shutil.move(path, moved)
    assert works(rdplane.load(cell, extensions=[moved]))


def test_a_relative_path_can_be_given(own, tmp_path, monkeypatch):
    cell, path = own
    monkeypatch.chdir(tmp_path)
    assert works(rdplane.load(cell, extensions=["mine.py"]))
    assert declared().parts["decoder"]["m"].source == str(path)


def test_only_the_extensions_that_the_model_needs_matter(own, tmp_path):
    cell, _ = own
    gone = tmp_path / "gone.py"
    summary = json.loads((cell / "train.json").read_text())
    summary["extensions"][str(gone)] = str(gone)
    (cell / "train.json").write_text(json.dumps(summary))
    assert works(rdplane.load(cell))
    plain = finished.write_cell(tmp_path / "plain", extensions={str(gone): str(gone)})
    assert works(rdplane.load(plain))


def test_what_is_in_use_stays_where_it_suffices(own, tmp_path):
    cell, path = own
    (tmp_path / "measure.py").write_text(MEASURE)
    use([str(path), str(tmp_path / "measure.py")])
    assert works(rdplane.load(cell)) and "ink" in declared().measures


def test_a_namesake_in_use_is_not_mistaken_for_the_part(own, tmp_path):
    cell, _ = own
    other = tmp_path / "other.py"
    other.write_text(DECODER.replace("class Linear", "class Other").replace('"Linear"', '"Other"'))
    use([str(other)])
    assert type(rdplane.load(cell).decoder).__name__ == "Linear"


@pytest.mark.parametrize(
    "summary",
    [
        {},
        {"cell": {}, "shape": [8, 8]},
        {"cell": {"architecture": "---", "model": {}}, "shape": [8]},
        {"cell": {"architecture": 3, "model": {}}, "shape": [8, 8]},
        {"cell": {"architecture": "---", "model": {"latent": "many"}}, "shape": [8, 8]},
        {"cell": {"architecture": "---", "model": {}}, "shape": [8, 8], "extensions": 3},
    ],
)
def test_a_damaged_summary_is_one_line(tmp_path, summary):
    cell = finished.write_cell(tmp_path / "cell")
    (cell / "train.json").write_text(json.dumps(summary))
    with pytest.raises(UserError) as error:
        rdplane.load(cell)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"x" * 100, None])
def test_damaged_weights_are_one_line(tmp_path, content):
    cell = finished.write_cell(tmp_path / "cell")
    path = cell / "model.safetensors"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(UserError, match=r"model\.safetensors cannot be loaded .*train it anew"):
        rdplane.load(cell)


def test_weights_of_another_model_are_one_line(tmp_path):
    cell = finished.write_cell(tmp_path / "cell")
    finished.write_weights(cell, "--+")
    with pytest.raises(UserError, match="cannot be loaded"):
        rdplane.load(cell)


def test_samples_are_without_tf32(tmp_path):
    torch.backends.cudnn.conv.fp32_precision = "tf32"
    cell, images = finished.write_cell(tmp_path / "cell"), finished.write_images(tmp_path / "images.npz")
    sample(cell, images, tmp_path / "samples.npz", {"images": 2, "draws": 2, "seed": 0, "version": "1"}, "cpu")
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"


def test_samples_of_a_cell_with_a_decoder_of_ones_own(own, tmp_path):
    cell, path = own
    images = finished.write_images(tmp_path / "images.npz")
    use([str(path)])
    sample(cell, images, tmp_path / "samples.npz", {"images": 3, "draws": 2, "seed": 0, "version": "1"}, "cpu")
    with np.load(tmp_path / "samples.npz") as arrays:
        shapes = {name: arrays[name].shape for name in arrays.files}
    assert shapes.pop("draws") == shapes.pop("levels") == ()
    assert set(shapes.values()) == {(3, 8, 8)} and len(shapes) == 5


def test_a_part_whose_source_has_changed_is_refused(own):
    cell, path = own
    use([str(path)])
    summary = json.loads((cell / "train.json").read_text())
    summary["cell"]["versions"]["decoder m"] = versions.version("decoder m")
    (cell / "train.json").write_text(json.dumps(summary))
    assert works(rdplane.load(cell))
    summary["cell"]["versions"]["decoder m"] = "own-00000000"
    (cell / "train.json").write_text(json.dumps(summary))
    with pytest.raises(UserError, match=r"mine\.py has changed since this cell was trained \(decoder m was own-0000"):
        rdplane.load(cell)


def test_one_extension_may_be_named_by_itself(own):
    cell, path = own
    assert works(rdplane.load(cell, extensions=path)) and works(rdplane.load(cell, extensions=str(path)))
