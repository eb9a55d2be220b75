import itertools
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest
import synthetic

from rdplane.architectures import ARCHITECTURES, parse
from rdplane.errors import UserError
from rdplane.figures import draw_rd_plane, save, style


def lightness(colour):
    """Relative luminance, which is what is left in grey."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_architectures_have_different_colours():
    assert len({style.mark(name).colour for name in ARCHITECTURES}) == 12


@pytest.mark.parametrize("encoder,marginal", list(itertools.product("-+", "-+v")))
def test_autoregressive_decoders_are_darker_in_grey(encoder, marginal):
    light, dark = (lightness(style.mark(encoder + decoder + marginal).colour) for decoder in "-+")
    assert light - dark > 0.2


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_shape_and_filling_follow_marginal_and_encoder(name):
    model, mark = parse(name), style.mark(name)
    assert (mark.marker, mark.filled) == ({"-": "o", "+": "s", "v": "D"}[model.marginal], model.encoder == "+")


def test_an_unknown_architecture_is_refused():
    with pytest.raises(UserError, match="unknown architecture"):
        style.mark("-+x")


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
from rdplane.figures import draw_rd_plane, save
save(draw_rd_plane(synthetic.table()), sys.argv[2] + ".png", sys.argv[2] + ".pdf")
"""


def test_files_are_the_same_bytes_in_another_process(tmp_path):
    here = str(Path(__file__).parent)
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    subprocess.run([sys.executable, "-c", SAVE, here, str(tmp_path / "other")], check=True, env=environment)
    save(draw_rd_plane(synthetic.table()), tmp_path / "this.png", tmp_path / "this.pdf")
    for kind in ("png", "pdf"):
        assert (tmp_path / f"this.{kind}").read_bytes() == (tmp_path / f"other.{kind}").read_bytes()


def test_saved_files_are_a_png_and_a_pdf(tmp_path):
    save(draw_rd_plane(synthetic.table()), tmp_path / "a.png", tmp_path / "a.pdf")
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG" and (tmp_path / "a.pdf").read_bytes()[:5] == b"%PDF-"


def test_torch_is_not_imported():
    check = "import sys, rdplane.figures; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
