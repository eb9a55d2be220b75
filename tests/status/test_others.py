"""A results folder that holds a table of other images is refused; the same images may be studied on in any way."""

import numpy as np
import pytest

from rdplane.commands.cli import main
from rdplane.errors import UserError
from rdplane.experiment.config import load_config, resolve_config
from rdplane.experiment.layout import Layout
from rdplane.experiment.study import difference, images_of
from rdplane.files import read_json, write_json, write_text
from rdplane.status.plan import record, refuse_others

SMALL = {"experiment": "one", "grid": {"architectures": "---", "beta": [0.5]}, "training": {"epochs": 2}}


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    """Images of one's own in the working folder."""
    monkeypatch.chdir(tmp_path)
    images(0)


def images(seed):
    np.save("mine.npy", np.random.default_rng(seed).integers(0, 2, (40, 8, 8), np.uint8))


def layout(**changed):
    return Layout(resolve_config(SMALL | changed))


OWN = {"dataset": "mine", "data": {"file": "mine.npy"}}


def tabulated(**changed):
    """An experiment whose run began, and has a table."""
    found = layout(**changed)
    record(found)
    write_text(found.table, f"experiment,dataset\none,{found.config['dataset']}\n")
    return found


@pytest.mark.parametrize(
    "changed",
    [
        {"grid": {"architectures": ["-+v"], "beta": [0.1]}},
        {"training": {"epochs": 7}},
        {"model": {"latent": 3}},
        {"evaluation": {"z_samples": 9}},
    ],
)
@pytest.mark.parametrize("data", [{}, OWN, {"dataset": "teacher"}])
def test_the_same_images_may_be_studied_on(data, changed):
    before = tabulated(**data)
    record(layout(**data, **changed))
    assert read_json(before.folder / "plan.json")["cells"] == list(layout(**data, **changed).cells)


def test_a_teacher_of_another_training_is_the_same_study():
    tabulated(dataset="teacher")
    record(layout(dataset="teacher", teacher={"epochs": 1}))
    with pytest.raises(UserError, match="of other images of the data set teacher: with train 4000, and the "):
        record(layout(dataset="teacher", teacher={"images": [3000, 500, 2000]}))


def test_another_version_of_the_source_is_the_same_study(monkeypatch):
    tabulated(**OWN)
    monkeypatch.setattr("rdplane.experiment.versions.version", lambda name: "another")
    record(layout(**OWN))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dataset": "mnist5k"}, "of the data set mine, and the configuration is of mnist5k"),
        (OWN | {"data": {"file": "mine.npy", "seed": 3}}, "of the data set mine: with seed 0, and the configuration"),
        (OWN | {"data": {"file": "mine.npy", "split": [0.5, 0.25, 0.25]}}, "with split"),
    ],
)
def test_other_images_are_refused_in_one_line_that_says_what_to_do(changed, said):
    found = tabulated(**OWN)
    before = (found.folder / "plan.json").read_bytes()
    with pytest.raises(UserError) as refused:
        record(layout(**changed))
    text = str(refused.value)
    assert text.startswith("results/one holds results of ") and said in text and "\n" not in text
    assert "set `experiment` to another name" in text
    assert (found.folder / "plan.json").read_bytes() == before


def test_another_content_of_the_file_is_other_images():
    tabulated(**OWN)
    images(1)
    with pytest.raises(UserError, match=r"other images that were called mine, too, for the content of data\.file"):
        refuse_others(layout(**OWN))


@pytest.mark.parametrize("plan", [None, {"cells": [], "toy": []}, "no plan", {"images": 3}])
def test_of_an_older_run_the_table_says_which_data_set_it_is(plan):
    found = tabulated()
    (found.folder / "plan.json").unlink()
    if plan is not None:
        write_json(found.folder / "plan.json", plan)
    refuse_others(layout())
    with pytest.raises(UserError, match="of the data set mnist5k, and the configuration is of mine"):
        refuse_others(layout(**OWN))


@pytest.mark.parametrize("table", [None, "", "experiment,dataset\n", "\0", b"\xff"])
def test_a_folder_without_results_is_free(table):
    found = tabulated()
    found.table.unlink()
    if table is not None:
        found.table.write_bytes(table if isinstance(table, bytes) else table.encode())
    record(layout(**OWN))


@pytest.mark.parametrize("command", ["prepare", "train", "aggregate", "figures"])
def test_the_commands_refuse(command, capsys, tmp_path):
    tabulated()
    (tmp_path / "config.yaml").write_text("{experiment: one, dataset: mine, data: {file: mine.npy}}")
    assert main([command]) == 2
    assert "error: results/one holds results of the data set mnist5k" in capsys.readouterr().err


def test_without_a_name_an_experiment_is_called_as_its_data_set(tmp_path):
    (tmp_path / "config.yaml").write_text("{dataset: mine, data: {file: mine.npy}}")
    assert load_config("config.yaml")["experiment"] == "mine"
    assert resolve_config({})["experiment"] == "mnist5k"
    with pytest.raises(UserError, match="experiment is 'data', expected another name"):
        resolve_config({"dataset": "data"})


def test_no_difference_of_images_and_themselves():
    for changed in ({}, OWN, {"dataset": "teacher"}):
        found = images_of(layout(**changed).config)
        assert not difference(found, found) and "version" not in found
