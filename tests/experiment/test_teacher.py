"""The data set teacher: which model draws its images, and what their identity depends on."""

import numpy as np
import pytest

from rdplane.declare.registry import declared, use
from rdplane.errors import UserError
from rdplane.experiment.cells import data_identity, evaluation_of, expand
from rdplane.experiment.config import resolve_config
from rdplane.experiment.layout import Layout


def layout(dataset="teacher", **teacher):
    return Layout(resolve_config({"dataset": dataset, "teacher": teacher, "evaluation": {"gen_samples": 0}}))


def test_the_teacher_is_an_unconditional_cell_on_the_data_set_that_is_named():
    teacher = layout(epochs=7, pixelcnn_depth=3, seed=5).teacher
    (cell,) = teacher.cells.values()
    assert (cell["architecture"], cell["seed"], cell["data"]["dataset"]) == ("0+-", 5, "mnist5k")
    assert cell["model"] == {"pixelcnn_depth": 3, "pixelcnn_resnets": 1} and cell["training"]["epochs"] == 7
    assert teacher.images.parent.name == "mnist5k"


def test_other_data_sets_have_none():
    assert layout("mnist5k").teacher is None


@pytest.mark.parametrize("changed", [{"epochs": 3}, {"images": [5, 5, 5]}, {"seed": 1}, {"pixelcnn_depth": 4}])
def test_what_decides_the_images_is_in_their_identity(changed):
    assert layout(**changed).images != layout().images


def test_the_section_is_no_part_of_other_images():
    assert data_identity(layout("mnist5k", epochs=3).config) == data_identity(layout("mnist5k").config)


@pytest.mark.parametrize(("dataset", "measured"), [("teacher", True), ("mnist5k", False)])
def test_only_images_of_a_teacher_are_measured_exactly(dataset, measured):
    assert ("exact" in evaluation_of(layout(dataset).config, "---", "beta")) == measured


def test_a_teacher_cannot_learn_from_itself():
    with pytest.raises(UserError, match=r"teacher\.dataset is 'teacher', expected"):
        resolve_config({"dataset": "teacher", "teacher": {"dataset": "teacher"}})


def test_the_extensions_of_an_experiment_stay_in_use(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from rdplane.declare import Column, Measure\n"
        'MEASURE = Measure(name="ink", title="ink", computes="ink", columns=(Column("ink", "ink"),))\n'
        "def ink(given):\n    return {}\n"
    )
    try:
        config = resolve_config({"dataset": "teacher", "extensions": [str(path)]})
        assert Layout(config).images and "ink" in declared().measures
    finally:
        use([])


def test_what_is_wrong_with_its_images_names_their_key():
    with pytest.raises(UserError, match=r"teacher\.dataset is 'nope', from whose images the teacher learns: .*unknown"):
        data_identity(resolve_config({"dataset": "teacher", "teacher": {"dataset": "nope"}}))


@pytest.mark.parametrize(("dataset", "pixels"), [("mnist5k_grey", "grey"), ("patches", "colour")])
def test_a_teacher_learns_from_binary_images_alone(dataset, pixels):
    config = resolve_config({"dataset": "teacher", "teacher": {"dataset": dataset}})
    with pytest.raises(UserError, match=rf"^teacher\.dataset is '{dataset}', whose images are {pixels}; expected bin"):
        data_identity(config)


def test_a_teacher_learns_from_binary_images_of_a_file_alone(tmp_path):
    path = tmp_path / "mine.npy"
    np.save(path, np.arange(20 * 16, dtype=np.uint16).reshape(20, 4, 4).astype(np.uint8))
    config = {"dataset": "teacher", "teacher": {"dataset": "mine"}, "data": {"file": str(path)}}
    with pytest.raises(UserError, match=r"^teacher\.dataset is 'mine', whose images are grey; expected binary images"):
        data_identity(resolve_config(config))
    config["data"]["binarise"] = "threshold"
    assert data_identity(resolve_config(config))["dataset"] == "teacher"


@pytest.mark.parametrize("grid", [{"curve": [[0.1, 1.0]]}, {"rate_target": [5]}])
def test_nothing_but_beta_is_for_a_model_without_a_code(grid):
    (name,) = grid
    config = {"grid": {"architectures": ["0+-"], "beta": [], **grid}}
    with pytest.raises(UserError, match=rf"grid\.{name} is .* for 0\+-, which has no code"):
        expand(resolve_config(config))
