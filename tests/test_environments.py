"""The pinned environments agree with each other and with what the package needs."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines):
    return {plain(name): version for name, version in (line.split("==") for line in lines)}


CONSTRAINTS = pins(line for line in (ROOT / "envs/constraints.txt").read_text().split("\n") if line and line[0] != "#")
CONDA = pins(yaml.safe_load((ROOT / "envs/environment.yaml").read_text())["dependencies"][-1]["pip"])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
NEEDED = [*PROJECT["dependencies"], *EXTRAS["workflow"], *EXTRAS["slurm"]]


def test_conda_pins_the_same_versions():
    assert {name: CONSTRAINTS.get(name) for name in CONDA} == CONDA


def test_conda_pins_what_the_workflow_needs():
    assert set(CONDA) == {plain(re.split("[<>=]", need)[0]) for need in NEEDED}


@pytest.mark.parametrize("need", [*NEEDED, *EXTRAS["dev"]])
def test_constraints_pin_every_direct_need(need):
    assert plain(re.split("[<>=]", need)[0]) in CONSTRAINTS
