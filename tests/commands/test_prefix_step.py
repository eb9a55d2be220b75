"""The prefix code without Snakemake: in a batch, by `rdplane evaluate`, gathered, and in published copies."""

import importlib.util
import tarfile
from pathlib import Path

import pytest

from rdplane.commands import cli, steps
from rdplane.commands.batch import pack, run_batch
from rdplane.commands.publish import publish
from rdplane.errors import UserError
from rdplane.experiment.config import resolve_config
from rdplane.experiment.layout import Layout
from rdplane.experiment.prefix import prefix_cells
from rdplane.table.prefix import read_prefix

spec = importlib.util.spec_from_file_location("tiny_cells", Path(__file__).parents[1] / "train/tiny_cells.py")
tiny_cells = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiny_cells)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A batch of two cells, one of them a PixelCNN++ alone."""
    folder = tmp_path_factory.mktemp("batch")
    tiny = tiny_cells.Tiny(folder)
    config = resolve_config({
        "experiment": "tiny", "dataset": "stripes", "data": {"file": str(tiny.file)},
        "model": {key: tiny_cells.SIZES[key] for key in ("latent", "width", "pixelcnn_depth", "pixelcnn_resnets")},
        "grid": {"architectures": ["---"], "beta": [1], "extra": [{"architecture": ["0+-"], "beta": 1}]},
        "training": {"epochs": 1, "batch_size": 20, "learning_rate": 0.01}, "compute": {"device": "cpu"},
        "evaluation": {"gen_samples": 0, "mi_images": 0, "iw_images": 0},
    })  # fmt: skip
    layout = Layout(config, folder / "results")
    layout.images.parent.mkdir(parents=True)
    tiny.images.rename(layout.images)
    assert set(run_batch(layout, [], minutes=5, together=1).values()) == {"done"}
    steps.aggregate(layout.config, layout.results)
    steps.tables(layout.folder, list(layout.tables))
    return layout


def test_a_batch_measures_it_of_the_model_alone(finished):
    (alone,) = prefix_cells(finished.cells)
    assert [path.parent.name for path in finished.folder.glob("cells/*/prefix.json")] == [alone]
    points = read_prefix(finished.folder / "tables/prefix.csv")
    total = points["rate"] + points["distortion"]
    assert total.to_numpy() == pytest.approx(total[0]) and points["pixels"].iloc[-1] == 64
    assert points["label_information"].isna().all()  # images of one's own have no classes
    assert (finished.folder / "tables/prefix.md").exists() and "label_information" not in finished.plots


def test_a_batch_makes_it_again_where_it_is_gone_and_packs_it(finished, tmp_path):
    (alone,) = prefix_cells(finished.cells)
    path = finished.cell(alone) / "prefix.json"
    before = path.read_bytes()
    path.unlink()
    run_batch(finished, [], minutes=5, together=1)
    assert path.read_bytes() == before
    (archive,) = pack(finished, tmp_path)
    with tarfile.open(archive) as packed:
        assert [name for name in packed.getnames() if name.endswith("prefix.json")]


def test_the_command_evaluate_makes_it(finished, monkeypatch):
    (alone,) = prefix_cells(finished.cells)
    path = finished.cell(alone) / "prefix.json"
    path.unlink()
    monkeypatch.setattr(cli, "_layout", lambda options: finished)
    assert cli.main(["evaluate", "--only=---"]) == 0 and not path.exists()
    assert cli.main(["evaluate"]) == 0 and path.exists()


def test_a_published_copy_has_it(finished, tmp_path):
    folder = publish(finished, tmp_path / "published")
    assert len(read_prefix(folder / "tables/prefix.csv")) > 2
    assert "## The prefix code" in (folder / "README.md").read_text()


def test_source_that_was_edited_meanwhile_is_refused(finished):
    (alone,) = prefix_cells(finished.cells)
    arguments = steps.arguments_of(finished, alone, "prefix")
    arguments["settings"] = arguments["settings"] | {"version": "edited-12345678"}
    with pytest.raises(UserError, match="source was edited"):
        steps.prefix(**arguments)
