"""The data set teacher: which model draws its images, and what their identity depends on."""

import pytest

from rdplane.errors import UserError
from rdplane.experiment.cells import data_identity, evaluation_of
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
