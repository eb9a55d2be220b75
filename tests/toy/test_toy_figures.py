import numpy as np
import pytest

from rdplane.errors import UserError
from rdplane.figures.style import save
from rdplane.toy import figures, optimal, source
from rdplane.toy.record import Record
from rdplane.toy.train import Objective, train


@pytest.fixture(scope="module")
def data():
    return source.solve()


@pytest.fixture(scope="module")
def runs(data):
    made = [Record("optimal", None, None, 0, data.joint, optimal.build(data))]
    for name, value in (("beta", 1.0), ("target_rate", 0.5)):
        made.append(Record(name, value, 0, 100, data.joint, train(data, Objective(name, value), 0, steps=100)))
    return made


@pytest.fixture(scope="module")
def models(runs):
    return figures.draw_models(*runs)


def test_models_have_five_rows_of_three_panels_and_a_key_to_each_row_of_maps(models):
    assert len(models.axes) == 15 + 3


def test_columns_of_every_map_sum_to_one(models):
    maps = [axes.images[0].get_array() for axes in models.axes if len(axes.images) == 1 and axes.get_xlabel()]
    np.testing.assert_allclose([values.sum(axis=0) for values in maps], 1)


def test_phase_diagram_shows_exact_optimum_and_three_realised_curves(data):
    _, labels = figures.draw_phase_diagram(data).axes[0].get_legend_handles_labels()
    assert labels == ["realizable curve", "worse d(x|z)", "worse m(z)", "exact optimum"]


def test_curve_draws_every_run(runs):
    plane = figures.draw_curve(runs).axes[0]
    drawn = sum(len(line.get_xdata()) for line in plane.lines if line.get_linestyle() == "None")
    assert drawn == len(runs)


def test_curve_of_nothing_is_refused():
    with pytest.raises(UserError, match="no toy runs"):
        figures.draw_curve([])


def test_curve_of_different_data_is_refused(runs):
    other = source.solve(information=0.3)
    stranger = Record("optimal", None, None, 0, other.joint, optimal.build(other))
    with pytest.raises(UserError, match="different data"):
        figures.draw_curve([*runs, stranger])


def test_same_runs_give_the_same_file(runs, tmp_path):
    for name in ("a", "b"):
        save(figures.draw_curve(runs), tmp_path / f"{name}.png", tmp_path / f"{name}.pdf")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
