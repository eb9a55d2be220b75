"""Published copies: they hold what their figures need, only grow, and say what made their cells."""

import csv
import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from rdplane.commands import steps
from rdplane.commands.publish import publish
from rdplane.errors import UserError
from rdplane.experiment.layout import Layout
from rdplane.table.rd import read_table

spec = importlib.util.spec_from_file_location("tiny_cells", Path(__file__).parents[1] / "train/tiny_cells.py")
tiny_cells = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiny_cells)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Two cells, of which the first is trained, measured and drawn from."""
    folder = tmp_path_factory.mktemp("experiment")
    tiny = tiny_cells.Tiny(folder)
    config = tiny.config("---", epochs=1)
    config["compute"]["device"] = "cpu"
    config["grid"]["beta"] = [0.5, 1.0]
    layout = Layout(config, folder / "results")
    layout.images.parent.mkdir(parents=True)
    tiny.images.rename(layout.images)
    finish(layout, next(iter(layout.cells)))
    return layout


def finish(layout, cell):
    for step in ("train", "evaluate", "sample"):
        getattr(steps, step)(**steps.arguments_of(layout, cell, step))


@pytest.fixture
def layout(experiment, tmp_path):
    shutil.copytree(experiment.results, tmp_path / "results")
    return Layout(experiment.config, tmp_path / "results")


def cells_of(folder):
    with (folder / "cells.csv").open(newline="") as stream:
        return {row["cell"]: row for row in csv.DictReader(stream)}


def test_a_copy_holds_numbers_and_figures_but_no_weights(layout, tmp_path):
    folder = publish(layout, tmp_path / "published")
    first, second = layout.cells
    assert folder == tmp_path / "published" / layout.config["experiment"]
    assert read_table(folder / "rd.csv")["cell"].tolist() == [first]
    assert second in (folder / "missing.csv").read_text()
    assert {path.name for path in (folder / "cells" / first).iterdir()} == {
        "train.json", "history.csv", "metrics.json", "samples.npz"
    }  # fmt: skip
    assert (folder / "figures/rd_plane.png").exists() and not list(folder.rglob("*.safetensors"))
    assert "Training runs: 1, " in (folder / "README.md").read_text()


def test_a_copy_says_on_what_and_by_what_its_cells_were_trained(layout, tmp_path):
    (row,) = cells_of(publish(layout, tmp_path / "published")).values()
    record = json.loads((layout.cell(row["cell"]) / "train.json").read_text())
    assert row["device"] == record["device"] and float(row["train_seconds"]) == record["train_seconds"]
    assert row["published_from"] and row["published"] and not row["note"]


def test_publishing_again_adds_and_leaves_what_is_there(layout, tmp_path):
    folder = publish(layout, tmp_path / "published")
    first, second = layout.cells
    was = {path: path.read_bytes() for path in (folder / "cells").rglob("*") if path.is_file()}
    finish(layout, second)
    publish(layout, tmp_path / "published")
    assert read_table(folder / "rd.csv")["cell"].tolist() == [first, second]
    assert all(path.read_bytes() == content for path, content in was.items())


def test_cells_of_older_code_stay_and_are_said_to_be_that(layout, tmp_path):
    folder = publish(layout, tmp_path / "published")
    first, second = layout.cells
    finish(layout, second)
    layout.cells.pop(first)  # as if its name were another now
    publish(layout, tmp_path / "published")
    assert {cell: row["note"] for cell, row in cells_of(folder).items()} == {
        second: "", first: "older code, or another grid"
    }  # fmt: skip
    assert read_table(folder / "rd.csv")["cell"].tolist() == [second, first]
    assert "as `cells.csv` says: 1." in (folder / "README.md").read_text()


def test_other_numbers_are_never_replaced_in_silence(layout, tmp_path):
    folder = publish(layout, tmp_path / "published")
    first = next(iter(layout.cells))
    metrics = json.loads((layout.cell(first) / "metrics.json").read_text())
    (layout.cell(first) / "metrics.json").write_text(json.dumps(metrics | {"train_seconds": 7.0}))
    was = (folder / "rd.csv").read_bytes()
    with pytest.raises(
        UserError, match=f"published in .* with other numbers: 1 of 1 cells, the first is {first}.*--replace"
    ):
        publish(layout, tmp_path / "published")
    assert (folder / "rd.csv").read_bytes() == was
    publish(layout, tmp_path / "published", replace=True)
    assert read_table(folder / "rd.csv")["train_seconds"].tolist() == [7.0]


def test_damaged_records_are_found_before_anything_is_written(layout, tmp_path):
    folder = publish(layout, tmp_path / "published")
    first = next(iter(layout.cells))
    was = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for record in ("metrics.json", "train.json"):
        whole = (layout.cell(first) / record).read_bytes()
        (layout.cell(first) / record).write_bytes(whole[:50])
        with pytest.raises(UserError, match=record):
            publish(layout, tmp_path / "published", replace=True)
        with pytest.raises(UserError, match=record):
            publish(layout, tmp_path / "new")
        (layout.cell(first) / record).write_bytes(whole)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == was
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("damage", [None, b"", b"\xff\xfe", b"cell\nx\n"])
def test_what_made_the_cells_is_never_made_up_again(layout, tmp_path, damage):
    folder = publish(layout, tmp_path / "published")
    (folder / "cells.csv").unlink()
    if damage is not None:
        (folder / "cells.csv").write_bytes(damage)
    with pytest.raises(UserError, match=r"cells\.csv does not list the cells .* restore both"):
        publish(layout, tmp_path / "published")


def test_samples_are_those_of_now_and_more_measures_are_added(layout, tmp_path):
    folder = publish(layout, tmp_path / "published")
    first = next(iter(layout.cells))
    (layout.cell(first) / "samples.npz").write_bytes(b"others")
    metrics = json.loads((layout.cell(first) / "metrics.json").read_text())
    (layout.cell(first) / "metrics.json").write_text(
        json.dumps(metrics | {"probe_accuracy": 0.5, "probe_accuracy_se": 0})
    )
    shutil.copy(layout.cell(first) / "metrics.json", tmp_path / "more.json")
    publish(layout, tmp_path / "published")
    assert (folder / "cells" / first / "samples.npz").read_bytes() == b"others"
    assert read_table(folder / "rd.csv")["probe_accuracy"].tolist() == [0.5]


def test_nothing_to_publish(layout, tmp_path):
    shutil.rmtree(layout.folder / "cells")
    with pytest.raises(UserError, match="nothing to publish"):
        publish(layout, tmp_path / "published")
    assert not (tmp_path / "published").exists()


ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("folder", sorted((ROOT / "results/published").iterdir()), ids=lambda path: path.name)
def test_what_this_project_publishes_is_read_by_this_version(folder):
    cells = {row["cell"].split("@")[0] for _, row in read_table(folder / "rd.csv").iterrows()}
    assert cells == set(cells_of(folder)) == {path.name for path in (folder / "cells").iterdir()}
