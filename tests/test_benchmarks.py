"""The benchmarks run at a tiny size, and their reference computes what the package computes."""

import csv
import importlib
import math
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/ is no part of the installed package

from benchmarks.dag import exponent
from benchmarks.gpu import Session
from benchmarks.recipe import RECIPES, Recipe, layout_of
from benchmarks.reference import naive_sample, plain_gates, plain_model, plain_step
from benchmarks.sizes import Plan, cells_of, random_images
from benchmarks.table import Row, Table, compared
from benchmarks.time_to_nats import reached
from benchmarks.timing import interleave, quartiles
from benchmarks.training import flops_of, model_of, our_step
from rdplane.errors import UserError
from rdplane.models.pixelcnn_sampler import sample

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def plan(tmp_path):
    few = ("---", "-+v")
    return Plan(
        tmp_path, sizes=("tiny",), architectures=few, kinds=few, seconds=0.0, least=2, batches=(1, 3), cells=(10, 20)
    )


def tiny(architecture):
    (cell,) = cells_of("tiny", (architecture,)).values()
    images = random_images("tiny", 4)
    return cell, images, model_of(cell, images)


@pytest.mark.parametrize(
    ("name", "rows"),
    [("peak", 2), ("training", 2), ("evaluation", 2), ("sampling", 2), ("memory", 2), ("dag", 3), ("precision", 2)],
)
def test_benchmark_measures_at_a_tiny_size(plan, name, rows):
    if name == "dag":
        pytest.importorskip("snakemake")
    measured = list(importlib.import_module(f"benchmarks.{name}").run(plan))
    assert len(measured) == rows
    for row in measured:
        assert math.isfinite(row.value)
        assert row.value > 0 or row.quantity == "exponent"
        if name not in ("peak", "dag"):
            assert row.reference > 0 and row.ratio > 0


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_is_one_cell_of_the_middle_size(name):
    (cell,) = layout_of(name, RECIPES[name], threads=1).cells.values()
    assert cell["architecture"] == "-+-" and cell["model"]["pixelcnn_depth"] == 32
    assert cell["training"]["average"] == 0.999 and cell["data"]["dataset"] == "binarized_mnist"


def test_unknown_recipe_is_one_line(plan):
    with pytest.raises(UserError, match="--recipe is 'fast', expected one of 'faster', "):
        next(importlib.import_module("benchmarks.recipe").run(replace(plan, recipes=("fast",))))


def test_recipes_differ():
    cells = [cell for name in RECIPES for cell in layout_of(name, RECIPES[name], threads=1).cells]
    alike = [name for name, recipe in RECIPES.items() if recipe.betas != Recipe.betas]  # no part of a cell
    assert len(set(cells)) == len(RECIPES) - len(alike)


def test_time_to_a_number_of_nats_is_read_off_straight_lines():
    curve = [(10.0, 90.0), (20.0, 84.0), (30.0, 81.0), (40.0, 82.0)]
    assert reached(curve, 90.0) == 10.0
    assert reached(curve, 87.0) == 15.0
    assert reached(curve, 82.0) == pytest.approx(20 + 10 * 2 / 3)
    assert reached(curve, 80.0) is None


def test_time_to_nats_is_skipped_without_the_images(plan, monkeypatch):
    monkeypatch.delenv("RDPLANE_MIRROR", raising=False)
    (row,) = importlib.import_module("benchmarks.time_to_nats").run(plan)
    assert row.note.startswith("skipped: RDPLANE_MIRROR") and row.value is None


def test_start_up_ends_with_the_first_step(plan):
    pytest.importorskip("mlxtend")
    (row,) = importlib.import_module("benchmarks.startup").run(replace(plan, kinds=("---",), least=1))
    assert row.value > 0 and row.reference > 0
    (cell,) = (plan.scratch / "startup").glob("*/cells/*")
    assert not (cell / "train.json").exists()


@pytest.mark.parametrize("architecture", ["---", "-+v", "+++"])
def test_reference_is_the_same_model(architecture):
    _, images, model = tiny(architecture)
    noise = torch.randn(4, model.latent)
    ours = model.to(memory_format=torch.channels_last).rate_distortion(images.float(), noise)
    with plain_gates():
        plain = plain_model(model).rate_distortion(images.float(), noise)
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("architecture", ["---", "-+v"])
def test_reference_makes_the_same_training_step(architecture):
    cell, images, model = tiny(architecture)
    cell["training"]["precision"] = "float32"
    images = images[:1].repeat(4, 1, 1)  # alike: their order makes no difference
    plain, before = plain_model(model), {key: value.clone() for key, value in model.state_dict().items()}
    for step in (our_step(model, cell, images), plain_step(plain, cell, images)):
        torch.manual_seed(1)
        step()
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(model.state_dict()[key], value, rtol=1e-3, atol=1e-6)
    assert any(not torch.equal(value, before[key]) for key, value in plain.state_dict().items())


def test_naive_sampler_draws_the_same_images():
    _, _, model = tiny("-+-")
    generator = torch.Generator().manual_seed(3)
    z, uniforms = torch.randn(5, model.latent, generator=generator), torch.rand(5, 8, 8, generator=generator)
    assert torch.equal(naive_sample(plain_model(model).decoder, z, uniforms), sample(model.decoder, z, uniforms))


def test_operations_of_a_matrix_product():
    a, b = torch.zeros(2, 3), torch.zeros(3, 5)
    assert flops_of(lambda: a @ b) == 2 * 2 * 3 * 5


def test_sides_take_turns_after_a_lap_that_does_not_count():
    now, calls = [0.0], []

    def side(name, seconds):
        calls.append(name)
        now[0] += seconds

    sides = {"ours": lambda: side("ours", 1.0), "plain": lambda: side("plain", 3.0)}
    laps = interleave(sides, 0.0, 2, lambda: now[0])
    assert calls == ["ours", "plain"] * 3
    assert laps == {"ours": [1.0, 1.0], "plain": [3.0, 3.0]}


def test_row_of_two_sides():
    row = compared(
        Row("training", "tiny", "---", "images/s", at_least=2.5), {"ours": [1.0, 2.0, 4.0], "plain": [3.0, 4.0, 8.0]},
        images=8, flops=4e9, peak=10.0,
    )  # fmt: skip
    assert (row.value, row.reference, row.ratio) == (4.0, 2.0, 2.0)
    assert (row.gflops, row.peak_share, row.laps, row.met) == (2.0, 0.2, 3, "no")
    assert replace(row, at_least=2.0).met == "yes"
    assert Row("startup", "", "", "s", 7.0, at_most=6).met == "no"
    assert Row("startup", "", "", "s", 7.0).met == ""


def test_statistics():
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (3.0, 2.0)
    assert quartiles([7.0]) == (7.0, 0.0)
    assert exponent((100, 1000), [2.0, 200.0]) == pytest.approx(2.0)


def test_table_is_whole_after_every_row(tmp_path, capsys):
    table = Table(tmp_path / "table.csv")
    for value in (1.0, 2.0):
        table.add(Row("peak", "", "matmul", "GFLOP/s", value, at_most=1.5))
        with table.path.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert float(rows[-1]["value"]) == value
    assert [row["met"] for row in rows] == ["yes", "no"]
    assert capsys.readouterr().out.count("\n") == 3


def test_command_line(tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "benchmarks", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    done = run("peak", "--csv", str(tmp_path / "table.csv"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "table.csv").read_text().count("GFLOP/s") == 2
    (tmp_path / "file").write_text("")
    blocked = run("peak", "--csv", str(tmp_path / "file" / "table.csv"))
    assert blocked.returncode == 2
    assert blocked.stderr.startswith("error: ") and blocked.stderr.count("\n") == 1
    unknown = run("trainig")
    assert unknown.returncode == 2 and "no benchmark 'trainig'" in unknown.stderr


@pytest.fixture
def session(tmp_path):
    return Session(tmp_path, "cpu", time.monotonic() + 300)


def test_variants_are_measured_in_a_process_of_their_own_and_a_failure_is_a_row(session):
    *peaks, measured, failed = session.variants(["---"], ["bfloat16 channels_last", "no such"], 0.1)
    assert [row.quantity for row in peaks] == ["GFLOP/s"] * 2
    assert measured.ratio > 0 and session.eager == {"---": measured.value}
    assert "no such" in failed.note and failed.value is None


def test_cells_at_once_train_by_the_real_command(session):
    rate, projected = session.together("---", 2)
    assert rate.value > 0
    assert projected.value == pytest.approx(200 * 50_000 / rate.value)
    assert len(list(session.folder.glob("*/*/cells/*/state/checkpoint"))) == 2  # they stopped in good order


def test_rest_of_a_cell_by_the_real_commands(session):
    evaluate, sampling = session.rest("---")
    assert session.after == {"---": evaluate.value + sampling.value}
    assert len(list(session.folder.glob("*/*/cells/*/metrics.json"))) == 1


def test_session_without_time_left_says_so(tmp_path):
    session = Session(tmp_path, "cpu", time.monotonic() - 1)
    rows = [*session.variants(["---"], ["bfloat16"], 0.1), *session.together("---", 1), *session.projection()]
    assert [row.value for row in rows] == [None] * 3
    assert all("no time left" in row.note for row in rows[:2])


def test_projection_of_the_grid(session):
    from rdplane.experiment.architectures import ARCHITECTURES

    session.eager = {name: 2000.0 if name[1] == "-" else 500.0 for name in ARCHITECTURES}
    session.at_once = {("---", 1): 4000.0, ("---", 8): 8000.0, ("-+-", 1): 1000.0}
    one_by_one, sharing = session.projection()
    per_image = 209 * 200 * 50_000 / 3600  # hours at an image a second
    assert one_by_one.value == pytest.approx(per_image * (1 / 4000 + 1 / 1000) / 2)
    assert sharing.value == pytest.approx(per_image * (1 / 8000 + 1 / 1000) / 2)
