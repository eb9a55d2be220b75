"""What the results folder of an experiment is of, so that another study never takes its place in silence.

A folder belongs to a data set: images that are the same, whatever the source that prepares them. Another grid, other
sizes or another training of the same images are the same study, and go on in it. Needs no torch.
"""

from collections.abc import Mapping
from typing import Any

from rdplane.declare.checks import shown
from rdplane.experiment.cells import data_identity
from rdplane.experiment.teacher import TEACHER, teacher_of

__all__ = ["difference", "images_of"]


def images_of(config: dict[str, Any]) -> dict[str, Any]:
    """What identifies the images of an experiment, versions of the source aside; plain values.

    Of the data set `teacher` it is what the teacher learns from, and which and how many images it draws: another size
    or another training of the teacher is the same study.

    Args:
        config: a resolved configuration.
    """
    identity = data_identity(config)
    if config["dataset"] == TEACHER:
        del identity["teacher"]
        identity["learned"] = images_of(teacher_of(config).config)
    return {key: value for key, value in identity.items() if key != "version"}


def difference(held: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """In words what two identities of images differ in, '' for nothing.

    Args:
        held: of the results that are there, as `images_of` gives it, or of these only `dataset`.
        asked: of the configuration.
    """
    if held.get("dataset") != asked["dataset"]:
        return f"of the data set {held.get('dataset')}, and the configuration is of {asked['dataset']}"
    if held.keys() == {"dataset"}:
        return ""
    content = [key for key in ("file_sha256", "folder_sha256") if held.get(key) != asked.get(key)]
    if content:
        return f"of other images that were called {asked['dataset']}, too, for the content of data.file is another"
    for key in {**held, **asked}:
        if held.get(key) != asked.get(key):
            return (
                f"of other images of the data set {asked['dataset']}: with {key} {shown(held.get(key))}, and the "
                f"configuration has {shown(asked.get(key))}"
            )
    return ""
