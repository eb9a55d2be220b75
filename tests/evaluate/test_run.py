"""Evaluation of a finished cell: what is kept, what is computed, and what becomes of it in metrics.json."""

import json
import math
import subprocess
import sys

import finished
import numpy as np
import pytest
import safetensors.torch
import torch

from rdplane.data.store import load as load_images
from rdplane.declare.objects import imported
from rdplane.declare.registry import declared, use
from rdplane.errors import UserError
from rdplane.evaluate import call
from rdplane.evaluate.load import load
from rdplane.evaluate.rate_distortion import rate_distortion
from rdplane.evaluate.run import evaluate
from rdplane.experiment.metrics import SUMMARY, read_metrics, rules_of

LABELLED = {"label_information", "probe"}
EVERY = {"rate_distortion", "information", "importance", "units", "generative", *LABELLED}


class Cell:
    """A finished cell, its images, and a count of what is computed of it."""

    def __init__(self, folder, monkeypatch):
        self.folder = finished.write_cell(folder / "cell")
        self.images = finished.write_images(folder / "images.npz")
        self.output = self.folder / "metrics.json"
        self.kept = self.folder / "state/measures"
        self.computed = []
        monkeypatch.setattr(call, "imported", self.spy)

    def spy(self, measure):
        self.computed.append(measure.name)
        return imported(measure)

    def evaluate(self, evaluation=None):
        """The metrics; `computed` holds the names of the measures computed for them, in order."""
        self.computed.clear()
        evaluation = finished.evaluation_of() if evaluation is None else evaluation
        evaluate(self.folder, self.images, self.output, evaluation, "cpu")
        return json.loads(self.output.read_text())

    def files(self, *without):
        """Content and date of every kept file, but for those of some measures."""
        paths = [path for path in sorted(self.kept.iterdir()) if path.stem not in without]
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


@pytest.fixture
def cell(tmp_path, monkeypatch):
    return Cell(tmp_path, monkeypatch)


def columns(metrics, *measures):
    return {name: metrics[name] for measure in measures for name in rules_of(declared().measures[measure])}


def test_metrics_are_valid_and_hold_every_column(cell):
    metrics = cell.evaluate()
    assert read_metrics(cell.output) == metrics and set(cell.computed) == EVERY
    assert metrics["schema"] == 2 and metrics["evaluation"] == finished.evaluation_of()
    assert all(value is not None for value in columns(metrics, *EVERY).values())


def test_metrics_repeat_the_summary_of_training(cell):
    metrics, summary = cell.evaluate(), json.loads((cell.folder / "train.json").read_text())
    assert {key: metrics[key] for key in SUMMARY} == {key: summary[key] for key in SUMMARY}


def test_metrics_of_another_order_of_measures_are_the_same(cell, tmp_path):
    cell.evaluate(dict(sorted(finished.evaluation_of().items())))
    first = cell.output.read_bytes()
    for path in cell.kept.iterdir():
        path.unlink()
    cell.evaluate(dict(sorted(finished.evaluation_of().items(), reverse=True)))
    assert cell.output.read_bytes() == first and cell.computed[0] == "rate_distortion"


def test_loaded_model_repeats_the_metrics(cell):
    metrics, settings = cell.evaluate(), finished.evaluation_of()["rate_distortion"]
    model, test = load(cell.folder), torch.from_numpy(load_images(cell.images).test)
    torch.manual_seed(settings["seed"])
    rate, distortion = rate_distortion(model, test, settings["z_samples"], settings["batch_size"])
    assert (metrics["rate"], metrics["distortion"]) == (rate.mean().item(), distortion.mean().item())
    assert metrics["rate_se"] == rate.std().item() / math.sqrt(40)


def test_tf32_is_off(cell):
    torch.backends.cudnn.conv.fp32_precision = "tf32"
    cell.evaluate({"rate_distortion": finished.evaluation_of()["rate_distortion"]})
    assert torch.backends.cudnn.conv.fp32_precision == "ieee"


def test_nothing_is_computed_twice(cell):
    cell.evaluate()
    metrics, kept = cell.output.read_bytes(), cell.files()
    cell.evaluate()
    assert cell.computed == [] and cell.output.read_bytes() == metrics and cell.files() == kept


def test_where_nothing_is_computed_torch_is_not_imported(cell):
    cell.evaluate()
    cell.output.unlink()
    code = f"""
import sys
from pathlib import Path
from rdplane.evaluate.run import evaluate
evaluate(Path({str(cell.folder)!r}), Path({str(cell.images)!r}), Path({str(cell.output)!r}),
         {finished.evaluation_of()!r}, "cpu")
sys.exit("torch" in sys.modules or "numpy" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0 and cell.output.exists()


@pytest.mark.parametrize(
    ("change", "computed"),
    [
        ({"mi_images": 19}, {"information"}),
        ({"unit_images": 9}, {"units"}),
        ({"probe_folds": 3}, LABELLED),
        ({"gen_samples": 5}, {"generative"}),
        ({"iw_images": 5}, {"importance"}),
        ({"iw_samples": 2}, {"importance", "generative"}),
        ({"z_samples": 1}, {"rate_distortion", "importance"}),
        ({"seed": 1}, EVERY),
    ],
)
def test_changed_settings_concern_their_measures_alone(cell, change, computed):
    before = cell.evaluate()
    kept = cell.files(*computed)
    after = cell.evaluate(finished.evaluation_of(**change))
    assert set(cell.computed) == computed and len(cell.computed) == len(computed)
    assert cell.files(*computed) == kept
    assert columns(after, *EVERY - computed) == columns(before, *EVERY - computed)
    assert all(columns(after, name) != columns(before, name) for name in computed - {"units", *LABELLED})


@pytest.mark.parametrize("computed", [["information"], ["probe"], ["rate_distortion", "importance"]])
def test_an_edited_measure_is_computed_alone_but_for_those_that_need_it(cell, computed):
    before, kept = cell.evaluate(), cell.files(*computed)
    evaluation = finished.evaluation_of()
    evaluation[computed[0]]["version"] = "edited-01234567"
    after = cell.evaluate(evaluation)
    assert cell.computed == computed and cell.files(*computed) == kept
    assert columns(after, *EVERY) == columns(before, *EVERY)


def test_a_measure_switched_on_later_is_computed_alone(cell):
    before, kept = cell.evaluate(finished.evaluation_of(mi_images=0)), cell.files()
    assert set(columns(before, "information").values()) == {None}
    after = cell.evaluate()
    assert cell.computed == ["information"] and cell.files("information") == kept
    assert columns(after, *EVERY - {"information"}) == columns(before, *EVERY - {"information"})


def test_a_measure_switched_off_and_on_again_is_remembered(cell):
    before = cell.evaluate()
    assert cell.evaluate(finished.evaluation_of(gen_samples=0))["gen_lower"] is None
    assert cell.evaluate() == before and cell.computed == []


def test_a_measure_that_comes_late_gives_what_it_gives_among_all(cell):
    cell.evaluate(finished.evaluation_of(iw_images=0))
    late = cell.evaluate()
    assert cell.computed == ["importance"]
    for path in cell.kept.iterdir():
        path.unlink()
    assert columns(cell.evaluate(), "importance") == columns(late, "importance")


def test_new_weights_are_measured_anew(cell):
    before = cell.evaluate()
    finished.write_weights(cell.folder, "---", seed=1)
    after = cell.evaluate()
    assert set(cell.computed) == EVERY and after["rate"] != before["rate"]


def test_other_images_are_measured_anew(cell):
    before = cell.evaluate()
    finished.write_images(cell.images, seed=1)
    after = cell.evaluate()
    assert set(cell.computed) == EVERY and after["rate"] != before["rate"]


def edited(change):
    """Damages kept JSON by `change`, a function of what it holds."""

    def damage(path):
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(value))

    return damage


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:50]),
    "binary": lambda path: path.write_bytes(b"\xff\x00" * 40),
    "another value": lambda path: path.write_text("[1, 2]"),
    "no columns": edited(lambda value: value.pop("columns")),
    "a column less": edited(lambda value: value["columns"].popitem()),
    "a column more": edited(lambda value: value["columns"].update(more=1)),
    "text for a number": edited(lambda value: value["columns"].update(dict.fromkeys(value["columns"], "many"))),
    "columns of no mapping": edited(lambda value: value.update(columns=3)),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("name", ["information", "rate_distortion"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_kept_file_is_computed_anew(cell, name, damage):
    cell.evaluate()
    metrics, kept = cell.output.read_bytes(), cell.files(name)
    DAMAGES[damage](cell.kept / f"{name}.json")
    if damage == "a folder":  # nothing that a job may remove
        with pytest.raises(UserError, match="cannot write"):
            cell.evaluate()
        return
    cell.evaluate()
    assert cell.computed == [name] and cell.output.read_bytes() == metrics and cell.files(name) == kept
    cell.evaluate()
    assert cell.computed == []


@pytest.mark.parametrize("damage", ["cut", "missing", "other numbers"])
def test_damaged_numbers_per_image_are_computed_anew(cell, damage):
    cell.evaluate()
    metrics, path = cell.output.read_bytes(), cell.kept / "rate_distortion.npz"
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[:-1])
    elif damage == "missing":
        path.unlink()
    else:
        np.savez(path, rate=np.zeros(40), distortion=np.zeros(40))
    cell.evaluate()
    assert cell.computed == ["rate_distortion"]
    assert path.read_bytes() == whole and cell.output.read_bytes() == metrics


def test_numbers_per_image_are_kept_in_full_precision(cell):
    metrics = cell.evaluate()
    with np.load(cell.kept / "rate_distortion.npz") as arrays:
        assert {name: (values.shape, values.dtype.name) for name, values in arrays.items()} == {
            "rate": ((40,), "float64"), "distortion": ((40,), "float64"),
        }  # fmt: skip
        assert torch.from_numpy(arrays["rate"] + arrays["distortion"]).mean().item() == metrics["neg_elbo"]


def test_a_run_that_is_killed_keeps_what_it_has(cell, monkeypatch):
    def stopping(measure):
        if measure.name == "units":
            raise KeyboardInterrupt
        return cell.spy(measure)

    monkeypatch.setattr(call, "imported", stopping)
    with pytest.raises(KeyboardInterrupt):
        cell.evaluate()
    assert cell.computed == ["rate_distortion", "information", "importance"] and not cell.output.exists()
    monkeypatch.setattr(call, "imported", cell.spy)
    cell.evaluate()
    assert cell.computed == ["units", "label_information", "probe", "generative"]


def test_without_labels_there_is_no_probe_and_nobody_looks_again(cell):
    finished.write_images(cell.images, labels=False)
    metrics = cell.evaluate()
    assert not LABELLED & set(cell.computed) and set(columns(metrics, *LABELLED).values()) == {None}
    cell.evaluate()
    assert cell.computed == []


def test_a_cell_that_diverged_is_one_line_and_nothing_else_is_computed(cell):
    weights = load(cell.folder).state_dict()
    broken = {name: torch.full_like(value, torch.nan).contiguous() for name, value in weights.items()}
    (cell.folder / "model.safetensors").write_bytes(safetensors.torch.save(broken))
    with pytest.raises(UserError, match=r"cell: the mean rate of the test images is not finite; .*learning_rate"):
        cell.evaluate()
    assert cell.computed == ["rate_distortion"] and not cell.output.exists() and not cell.kept.exists()


@pytest.mark.parametrize("name", ["train.json", "model.safetensors"])
def test_an_unfinished_cell_is_one_line(cell, name):
    (cell.folder / name).unlink()
    with pytest.raises(UserError, match=name):
        cell.evaluate()


def test_a_summary_without_a_key_is_one_line(cell):
    (cell.folder / "train.json").write_text("{}")
    with pytest.raises(UserError, match=r"train\.json has no cell, .*train it anew"):
        cell.evaluate()


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_images_that_cannot_be_read_are_one_line(cell, damage):
    content = cell.images.read_bytes()
    cell.images.unlink()
    if damage == "cut":
        cell.images.write_bytes(content[:-10])
    with pytest.raises(UserError, match=r"images\.npz.*(prepare the dataset|cut short)"):
        cell.evaluate()


def test_an_evaluation_of_an_unknown_measure_is_one_line(cell):
    with pytest.raises(UserError, match=r"a measure colour, which is not declared; .*extensions"):
        cell.evaluate(finished.evaluation_of() | {"colour": {"version": "1"}})


# A user's measures. -----------------------------------------------------------------------------------------------

MINE = """
from rdplane.declare import Column, Key, Measure, Whole
from rdplane.evaluate.estimate import average

MEASURE = Measure(
    name="ink", title="ink", computes="ink", needs=("rate_distortion",),
    columns=(
        Column("ink", "white pixels per image", unit="", error=True),
        Column("ink_images", "images for it", unit="", type="int64"),
        Column("ink_word", "a word for it", unit="", type="str"),
    ),
    keys=(Key("ink_limit", Whole(1), 7, "images for ink"), "seed"),
)


def ink(given):
    chosen = given.choose(given.settings["ink_limit"])
    assert set(given.settings) == {"ink_limit", "seed"} and given.per_image("rate_distortion")["rate"].shape == (40,)
    return {"ink": average(given.images[chosen].float().sum((1, 2))), "ink_images": len(chosen), "ink_word": "blue"}
"""


def test_a_measure_of_ones_own_is_computed_alone_and_leaves_the_others(cell, extension):
    before, kept = cell.evaluate(), cell.files()
    extension(MINE)
    metrics = cell.evaluate()
    assert cell.computed == ["ink"] and cell.files("ink") == kept
    assert {key: metrics[key] for key in before if key != "evaluation"} == {
        key: value for key, value in before.items() if key != "evaluation"
    }
    assert metrics["ink"] > 0 and metrics["ink_se"] > 0
    assert (metrics["ink_images"], metrics["ink_word"]) == (7, "blue")
    assert read_metrics(cell.output) == metrics
    cell.evaluate()
    assert cell.computed == []
    use([])
    assert cell.evaluate() == before and cell.computed == []


def returning(text):
    return f"{MINE[: MINE.index('def ink')]}\ndef ink(given):\n    return {text}\n"


GOOD = "{'ink': None, 'ink_images': None, 'ink_word': None}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "returns no 'ink', expected ink, ink_images, ink_word"),
        (f"{GOOD} | {{'inc': 1}}", "returns an unknown column 'inc'"),
        ("3", "returns 3, expected a mapping"),
        (f"{GOOD} | {{'ink': 3.0}}", "returns 3.0 for ink, expected an Estimate"),
        (f"{GOOD} | {{'ink_images': average(given.images[:, 0, 0])}}", "for ink_images, expected a whole number"),
        (f"{GOOD} | {{'ink_images': 3.5}}", "returns 3.5 for ink_images, expected a whole number or None"),
        (f"{GOOD} | {{'ink_images': True}}", "returns True for ink_images, expected a whole number"),
        (f"{GOOD} | {{'ink_word': 4}}", "returns 4 for ink_word, expected printable text"),
    ],
)
def test_what_a_measure_of_ones_own_returns_is_checked(cell, extension, text, message):
    path = extension(returning(text))
    with pytest.raises(UserError) as error:
        cell.evaluate()
    assert str(error.value).startswith(f"{path}: the measure ink ") and message in str(error.value)
    assert not (cell.kept / "ink.json").exists()


def test_numbers_of_numpy_and_torch_are_numbers(cell, extension):
    extension(returning(f"{GOOD} | {{'ink': average(given.images[:, 0, 0]), 'ink_images': given.images.max().int()}}"))
    metrics = cell.evaluate()
    assert metrics["ink_images"] == 1 and metrics["ink"] > 0 and metrics["ink_word"] is None


def test_a_number_that_is_not_finite_leaves_its_columns_empty(cell, extension):
    extension(returning(f"{GOOD} | {{'ink': average(given.images.float().mean((1, 2)) / 0)}}"))
    metrics = cell.evaluate()
    assert metrics["ink"] is None and metrics["ink_se"] is None


def test_a_measure_of_ones_own_that_fails_is_one_line(cell, extension):
    path = extension(returning("1 / 0"))
    line = path.read_text().splitlines().index("    return 1 / 0") + 1
    with pytest.raises(UserError) as error:
        cell.evaluate()
    message = str(error.value)
    assert f"{path}, line {line}: the measure ink failed: ZeroDivisionError: division by zero" in message
    assert "\n" not in message
    assert (cell.kept / "generative.json").exists()  # what came before it is not lost


def test_a_fault_deeper_down_names_the_line_of_the_measure(cell, extension):
    path = extension(returning("average(given.model.encoder(given.images))"))
    line = len(path.read_text().splitlines())
    with pytest.raises(UserError, match=rf"mine\.py, line {line}: the measure ink failed: RuntimeError"):
        cell.evaluate()


def test_what_the_measure_itself_tells_the_user_stays(cell, extension):
    extension(returning("given.per_image('units')"))
    with pytest.raises(UserError, match=r"^a measure asks for the numbers per image of 'units'.*rate_distortion"):
        cell.evaluate()


def test_memory_that_runs_out_is_no_fault_of_the_measure(cell, extension):
    extension(returning("given.nothing").replace("def ink(given):", "def ink(given):\n    raise MemoryError"))
    with pytest.raises(MemoryError):
        cell.evaluate()


def test_a_fault_of_the_package_is_no_users(cell, monkeypatch):
    monkeypatch.setattr("rdplane.evaluate.units.active_units", lambda model, images: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cell.evaluate()


CHAIN = """
from rdplane.declare import Column, Key, Measure, ZeroOr

FIRST = Measure(
    name="later", title="later", computes="later", columns=(Column("later", "a number"),), needs=("earlier",), place=50
)
SECOND = Measure(
    name="earlier", title="earlier", computes="earlier", columns=(Column("earlier", "a number"),), labels=LABELS,
    keys=(Key("earlier_on", ZeroOr(1), 1, "0: off"),), off="earlier_on", place=60,
)


def earlier(given):
    given.keep(row=given.images[:, 0].float().sum(1))
    return {"earlier": 1.5}


def later(given):
    return {"later": given.per_image("earlier")["row"].mean()}
"""


def test_a_measure_is_computed_behind_those_that_it_needs(cell, extension):
    extension(CHAIN.replace("LABELS", "False"))
    metrics = cell.evaluate()
    assert cell.computed[-2:] == ["earlier", "later"]
    assert metrics["later"] == load_images(cell.images).test[:, 0].sum(1).mean()


def test_a_measure_that_needs_one_that_is_off_is_one_line(cell, extension):
    extension(CHAIN.replace("LABELS", "False"))
    with pytest.raises(UserError, match=r"later needs earlier, which is switched off; .*\.earlier_on above 0"):
        cell.evaluate(finished.evaluation_of(earlier_on=0))


@pytest.mark.parametrize("listed", [True, False])
def test_a_measure_that_needs_one_without_labels_is_left_out_with_it(cell, extension, listed):
    extension(CHAIN.replace("LABELS", "True"))
    finished.write_images(cell.images, labels=False)
    evaluation = finished.evaluation_of()
    if not listed:  # as `evaluation_of` has it for a user's own images
        del evaluation["earlier"]
    metrics = cell.evaluate(evaluation)
    assert metrics["earlier"] is None and metrics["later"] is None and set(cell.computed) == EVERY - LABELLED
