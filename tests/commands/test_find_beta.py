"""`rdplane find-beta`: a rate in, a beta out, and one line for whatever is not possible."""

import importlib.util
import json
import re
import shutil
from pathlib import Path

import pytest

from rdplane.commands.cli import main
from rdplane.files import digest

spec = importlib.util.spec_from_file_location("finished", Path(__file__).parents[1] / "evaluate/finished.py")
finished = importlib.util.module_from_spec(spec)
spec.loader.exec_module(finished)


def place_images(results, cell):
    """The images where an experiment has them."""
    data = json.loads((cell / "train.json").read_text())["cell"]["data"]
    path = results / "data" / data["dataset"] / f"images-{digest(data)}.npz"
    path.parent.mkdir(parents=True)
    finished.write_images(path)


@pytest.fixture
def curve(tmp_path):
    cell = finished.write_curve(tmp_path / "results/mine/cells/vae---_curve0.05-1.25_seed0_00000000")
    place_images(tmp_path / "results", cell)
    return cell


def rate_at(curve, beta):
    import torch

    from rdplane.data.store import load as load_images
    from rdplane.evaluate.load import load

    model = load(curve, beta=beta)
    (images,) = curve.parents[2].glob("data/*/*.npz")
    torch.manual_seed(0)
    return model.rate_distortion(torch.from_numpy(load_images(images).valid).float())[0].mean().item()


def test_the_beta_that_is_found_has_the_rate(curve, capsys):
    high, low = rate_at(curve, 0.05), rate_at(curve, 1.25)
    assert high > low  # of these random weights, too
    wanted = (high + low) / 2
    assert main(["find-beta", str(curve), "--rate", str(wanted)]) == 0
    beta, rate = re.match(r"beta (\S+): R (\S+) ", capsys.readouterr().out).groups()
    assert float(rate) == pytest.approx(wanted, abs=0.02)
    assert rate_at(curve, float(beta)) == pytest.approx(wanted, abs=0.02)


def test_a_rate_beyond_the_range_is_one_line_with_what_there_is(curve, capsys):
    assert main(["find-beta", str(curve), "--rate", "5000"]) == 2
    assert re.search(
        r"no beta from 0.05 to 1.25 has a rate of 5000 nats .*; expected one from", capsys.readouterr().err
    )


def test_a_cell_that_trained_no_curve_is_one_line(tmp_path, capsys):
    cell = finished.write_cell(tmp_path / "results/mine/cells/vae---_beta0.5_seed0_00000000")
    assert main(["find-beta", str(cell), "--rate", "5"]) == 2
    assert "trained a single model, expected a cell of grid.curve" in capsys.readouterr().err


def test_images_that_are_gone_are_one_line(curve, capsys):
    shutil.rmtree(curve.parents[2] / "data")
    assert main(["find-beta", str(curve), "--rate", "5"]) == 2
    assert "does not exist; prepare the dataset first" in capsys.readouterr().err
