import numpy as np
import pytest

from rdplane.declare.objects import construct
from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.figures.style import save
from rdplane.toy import optimal, report, source
from rdplane.toy.figures.phase_diagram import draw_phase_diagram
from rdplane.toy.figures.toy_curve import draw_toy_curve
from rdplane.toy.figures.toy_models import draw_toy_models
from rdplane.toy.record import Record
from rdplane.toy.train import Objective, train

SETTINGS = {"information": 0.5}


@pytest.fixture(scope="module")
def data():
    return source.solve()


@pytest.fixture(scope="module")
def runs(data):
    made = [Record("optimal", None, None, 0, data.joint, optimal.build(data))]
    for name, value in (("beta", 1.0), ("rate_penalty", 0.5)):
        made.append(Record(name, value, 0, 100, data.joint, train(data, Objective(name, value), 0, steps=100)))
    return made


@pytest.fixture(scope="module")
def models(runs):
    return draw_toy_models(runs[::-1], SETTINGS)


def test_models_have_five_rows_of_three_panels_and_a_key_to_each_row_of_maps(models):
    assert len(models.axes) == 15 + 3


def test_columns_of_every_map_sum_to_one(models):
    maps = [axes.images[0].get_array() for axes in models.axes if len(axes.images) == 1 and axes.get_xlabel()]
    np.testing.assert_allclose([values.sum(axis=0) for values in maps], 1)


def test_models_are_the_optimal_one_the_elbos_and_the_rate_penaltys_with_their_first_seeds(data, runs, models):
    other = [
        Record("beta", 2.0, 0, 100, data.joint, runs[0].model),
        Record("beta", 1.0, 1, 9, data.joint, runs[0].model),
    ]
    again = draw_toy_models([other[0], *runs, other[1]], SETTINGS)
    assert [axes.get_title(loc="left") for axes in again.axes] == [axes.get_title(loc="left") for axes in models.axes]
    assert "(c) Target rate, σ = 0.5" in models.axes[2].get_title(loc="left")


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_model_that_is_not_there_is_named(runs, gone):
    with pytest.raises(UserError, match=f"no toy run has the objective {runs[gone].objective}"):
        draw_toy_models([run for run in runs if run is not runs[gone]], SETTINGS)


@pytest.mark.parametrize("name", ["phase_diagram", "toy_models", "toy_curve"])
def test_figures_are_drawn_from_records_and_settings(runs, name):
    figure = construct(declared().toy_plots[name], {"records": runs, "settings": SETTINGS})
    assert declared().toy_plots[name].title in [text.get_text() for text in figure.texts]


@pytest.mark.parametrize("name", ["phase_diagram", "toy_models", "toy_curve"])
@pytest.mark.parametrize("titles", [True, False])
def test_titles_can_be_switched_off(data, runs, tmp_path, monkeypatch, name, titles):
    seen = []
    monkeypatch.setattr("rdplane.figures.style.save", lambda figure, *paths: seen.append(figure))
    monkeypatch.setattr(report.record, "load", lambda path: runs[int(path.stem)])
    report.figure(name, [tmp_path / f"{i}.npz" for i in range(3)], SETTINGS, tmp_path / "a", tmp_path / "b", titles)
    assert (declared().toy_plots[name].title in [text.get_text() for text in seen[0].texts]) == titles


def test_phase_diagram_is_that_of_the_data(data, runs):
    assert f"H = {data.entropy:.3f} nats" in draw_phase_diagram(runs).texts[1].get_text()


def test_phase_diagram_of_nothing_is_refused():
    with pytest.raises(UserError, match="no toy runs"):
        draw_phase_diagram([])


def test_phase_diagram_shows_exact_optimum_and_three_realised_curves(runs):
    _, labels = draw_phase_diagram(runs).axes[0].get_legend_handles_labels()
    assert labels == ["realizable curve", "worse d(x|z)", "worse m(z)", "exact optimum"]


def test_curve_draws_every_run(runs):
    plane = draw_toy_curve(runs).axes[0]
    drawn = sum(len(line.get_xdata()) for line in plane.lines if line.get_linestyle() == "None")
    assert drawn == len(runs)


def test_curve_of_nothing_is_refused():
    with pytest.raises(UserError, match="no toy runs"):
        draw_toy_curve([])


def test_curve_of_different_data_is_refused(runs):
    other = source.solve(information=0.3)
    stranger = Record("optimal", None, None, 0, other.joint, optimal.build(other))
    with pytest.raises(UserError, match="different data"):
        draw_toy_curve([*runs, stranger])


def test_same_runs_give_the_same_file(runs, tmp_path):
    for name in ("a", "b"):
        save(draw_toy_curve(runs), tmp_path / f"{name}.png", tmp_path / f"{name}.pdf")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
