"""docs/extend.md as it stands: each example in an empty folder, every file and command of it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

PAGE = (Path(__file__).resolve().parents[1] / "docs/extend.md").read_text()
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, flags=re.M | re.S))
EXPECTED = {  # section -> what the table must hold that only the example brings
    "A decoder": lambda table: set(table.architecture) == {"---", "-m-"},
    "An objective": lambda table: table.free_nats.dropna().tolist() == [20.0] and table.beta.dropna().tolist() == [1.0],
    "A measure": lambda table: table.wrong_pixels.between(0, 0.5).all() and (table.wrong_pixels_se > 0).all(),
    "A figure": lambda table: len(table) == 2,
    "A dataset": lambda table: table.dataset.tolist() == ["bars"] and table.images.tolist() == [200],
}


def run(folder, command):
    """A line of the page, by the interpreter of these tests."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "RDPLANE_RESULTS")}
    environment = kept | {"PATH": path, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, command + done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("section", SECTIONS)
def test_example_runs_as_it_stands(tmp_path, section):
    blocks = re.findall(r"^```(python|yaml|sh)\n(.*?)^```", SECTIONS[section], flags=re.M | re.S)
    printed = ""
    for language, text in blocks:
        if language == "sh":
            printed += "".join(run(tmp_path, command) for command in text.splitlines())
        else:
            name = re.match(r"# (\S+)\n", text)
            (tmp_path / name[1]).write_text(text)
    (results,) = (tmp_path / "results").glob("my_*")
    assert EXPECTED[section](pd.read_csv(results / "rd.csv", dtype={"architecture": str}))
    assert ": " in printed.splitlines()[0]  # of `rdplane check`: what was found good
    if section == "A figure":
        assert (results / "figures/cost.png").stat().st_size > 10_000


def test_every_kind_has_an_example():
    assert set(SECTIONS) == set(EXPECTED)
