import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
import synthetic

from rdplane.figures import style
from rdplane.figures.rd_plane import draw_rd_plane


def test_callers_settings_are_left_alone():
    @style.styled
    def inside():
        return matplotlib.rcParams["axes.edgecolor"]

    before = matplotlib.rcParams["axes.edgecolor"]
    assert inside() == style.FAINT != before == matplotlib.rcParams["axes.edgecolor"]


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [1e6, 1e6], [-3.0, 5.0]])
def test_limits_enclose_values_and_are_never_empty(values):
    low, high = style.spread(values)
    assert low < min(values) and high > max(values)


SAVE = """
import sys
sys.path.insert(0, sys.argv[1])
import synthetic
from rdplane.figures.rd_plane import draw_rd_plane
from rdplane.figures.style import save
save(draw_rd_plane(synthetic.table()), sys.argv[2] + ".png", sys.argv[2] + ".pdf")
"""


def test_files_are_the_same_bytes_in_another_process(tmp_path):
    here = str(Path(__file__).parent)
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    subprocess.run([sys.executable, "-c", SAVE, here, str(tmp_path / "other")], check=True, env=environment)
    style.save(draw_rd_plane(synthetic.table()), tmp_path / "this.png", tmp_path / "this.pdf")
    for kind in ("png", "pdf"):
        assert (tmp_path / f"this.{kind}").read_bytes() == (tmp_path / f"other.{kind}").read_bytes()


def test_saved_files_are_a_png_and_a_pdf(tmp_path):
    style.save(draw_rd_plane(synthetic.table()), tmp_path / "a.png", tmp_path / "a.pdf")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG" and (tmp_path / "a.pdf").read_bytes()[:5] == b"%PDF-"


TORCHLESS = """
import importlib, sys
import rdplane.figures.draw, rdplane.figures.training, rdplane.page
from rdplane.declare import declared
for figure in declared().figures.values():
    importlib.import_module(figure.source)
sys.exit("torch" in sys.modules)
"""


def test_torch_is_not_imported():
    assert subprocess.run([sys.executable, "-c", TORCHLESS], check=False).returncode == 0
