"""Batches of cells without Snakemake: order, budget, archives."""

import importlib.util
import tarfile
from pathlib import Path

import pytest

from rdplane.commands.batch import in_priority, pack, run_batch
from rdplane.errors import UserError
from rdplane.experiment.layout import Layout

spec = importlib.util.spec_from_file_location("tiny_cells", Path(__file__).parents[1] / "train/tiny_cells.py")
tiny_cells = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiny_cells)

NAMES = ["vae---_beta0.1_a", "vae---_beta1_b", "vae-+v_beta0.1_c", "vae-+v_beta1_d"]


def test_first_patterns_come_first_in_their_order():
    assert in_priority(NAMES, ["vae-+v_beta1_*", "*beta1_*"]) == [NAMES[3], NAMES[1], NAMES[0], NAMES[2]]


def test_pattern_without_a_cell():
    with pytest.raises(UserError, match=r"--first vae\+\+\+\* matches no cell"):
        in_priority(NAMES, ["vae+++*"])


@pytest.fixture
def layout(tmp_path):
    def make(**training):
        tiny = tiny_cells.Tiny(tmp_path)
        config = tiny.config("---", **training)
        config["compute"]["device"] = "cpu"
        config["grid"]["beta"] = [0.5, 1.0]
        layout = Layout(config, tmp_path / "results")
        layout.images.parent.mkdir(parents=True)
        tiny.images.rename(layout.images)
        return layout

    return make


def test_batch_leaves_the_files_of_the_workflow_and_packs_them(layout, tmp_path):
    layout = layout(epochs=1)
    assert set(run_batch(layout, [], minutes=5, together=2).values()) == {"done"}
    archives = pack(layout, tmp_path / "packed", weights=["*beta1_*"])
    with tarfile.open(archives[0]) as archive:
        names = archive.getnames()
    assert len(archives) == 1
    assert sum(name.endswith("metrics.json") for name in names) == 2
    assert [name for name in names if name.endswith("safetensors")] == [
        f"{layout.config['experiment']}/cells/{cell}/model.safetensors" for cell in layout.cells if "beta1_" in cell
    ]


def test_archives_are_cut_into_parts(layout, tmp_path):
    layout = layout(epochs=1)
    run_batch(layout, [], minutes=5, together=2)
    assert len(pack(layout, tmp_path / "packed", part_bytes=1)) == 8


def test_end_of_the_budget_stops_with_a_checkpoint(layout):
    layout = layout(epochs=100_000)
    outcome = run_batch(layout, ["*beta1_*"], minutes=0.2, together=1)
    assert sorted(outcome.values()) == ["stopped", "waiting"]
    (stopped,) = [name for name, state in outcome.items() if state == "stopped"]
    assert "beta1_" in stopped
    assert (layout.cell(stopped) / "state/checkpoint").exists()
