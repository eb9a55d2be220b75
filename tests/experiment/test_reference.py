"""Texts that are made from the declarations, or must begin with them, agree with them."""

import difflib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rdplane.experiment.config import load_config, resolve_config
from rdplane.experiment.keys import sections
from rdplane.experiment.reference import comment, commented, comments, json_schema

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def no_extensions():
    resolve_config({})


def differences(old, new, name):
    return "\n".join(difflib.unified_diff(old.splitlines(), new.splitlines(), name, "declarations", lineterm=""))


MADE = {  # what `rdplane reference` prints, and where it stands
    "configuration": "docs/configuration.md",
    "columns": "docs/columns.md",
    "schema": "workflow/schemas/config.schema.json",
}


@pytest.mark.parametrize("what", MADE)
def test_file_is_that_of_the_declarations(tmp_path, what):
    printed = rdplane(tmp_path, "reference", what)
    found = differences((ROOT / MADE[what]).read_text(), printed.stdout, MADE[what])
    assert not found, f"make it again: make reference\n{found}"


def test_config_yaml_states_every_key_and_its_comments_begin_with_the_declared_texts():
    text = (ROOT / "config.yaml").read_text()
    values, said = yaml.safe_load(text), comments(text)
    expected, found = [], []
    for name, section in sections().items():
        for key in section.keys.values():
            path = f"{name}.{key.name}" if name else key.name
            value = (values[name] if name else values)[key.name]
            wanted = comment(key, key.check(value))
            expected.append(f"{path}: {wanted}")
            found.append(f"{path}: {said.get(path, '')[: len(wanted)]}")
    assert found == expected, differences("\n".join(found), "\n".join(expected), "config.yaml")


def test_commented_configuration_reads_back():
    resolved = load_config(ROOT / "config.yaml")
    assert resolve_config(yaml.safe_load(commented(resolved, "a head\nof two lines"))) == resolved


@pytest.mark.parametrize("path", ["config.yaml", *map(str, sorted(ROOT.glob("workflow/presets/*.yaml")))])
def test_shipped_configurations_fit_the_schema(path):
    jsonschema = pytest.importorskip("jsonschema")  # comes with Snakemake
    text = (ROOT / path).read_text()
    jsonschema.validate(yaml.safe_load(text), json_schema())
    address = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert ((ROOT / path).parent / address).resolve() == ROOT / "workflow/schemas/config.schema.json"


@pytest.mark.parametrize("raw", [{"grid": {"beat": 1}}, {"training": {"epochs": 0}}, {"compute": {"device": "gpu"}}])
def test_schema_refuses_what_the_check_refuses(raw):
    jsonschema = pytest.importorskip("jsonschema")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(raw, json_schema())


def rdplane(folder, *arguments):
    command = [sys.executable, "-m", "rdplane.commands.cli", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_init_writes_a_configuration_that_resolves_and_never_over_one(tmp_path):
    assert rdplane(tmp_path, "init", "my study").returncode == 0
    config = load_config(tmp_path / "my study/config.yaml")
    assert config["experiment"] == "my_study" and config["grid"]["beta"] == [0.1, 0.5, 1.0]
    again = rdplane(tmp_path, "init", "my study")
    assert again.returncode == 2 and "exists already" in again.stderr


def test_config_prints_what_a_file_means(tmp_path):
    (tmp_path / "config.yaml").write_text("grid: {architectures: '-+v', beta: 1}\n")
    printed = rdplane(tmp_path, "config")
    assert printed.returncode == 0, printed.stderr
    assert resolve_config(yaml.safe_load(printed.stdout)) == load_config(tmp_path / "config.yaml")
    assert "pixelcnn_depth: 64" in printed.stdout and "# channels of the PixelCNN++ decoder" in printed.stdout
