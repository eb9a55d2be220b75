"""The figure of curves beside separate trainings."""

import itertools

import numpy as np
import own
import pandas as pd
import pytest
import synthetic
from reading import assert_readable, written

from rdplane.experiment.architectures import ARCHITECTURES
from rdplane.figures.curve_gap import draw_curve_gap
from rdplane.figures.draw import draw
from rdplane.table.curve_gap import COLUMNS

SETTINGS = {"titles": True, "note": "a small run", "published": False}


def made(architectures=ARCHITECTURES, betas=(0.1, 0.5, 1.0), seeds=(0,), anneals=(0,), **options):
    """A made-up table and comparisons of all its runs; no number here is a measurement."""
    random = np.random.default_rng(0)
    table = synthetic.table(architectures, betas, anneals, seeds, **options)
    rows = []
    for name, beta, anneal, seed in itertools.product(architectures, betas, anneals, seeds):
        difference, error = random.normal(0.1, 0.3), random.uniform(0.05, 0.2)
        rows.append(
            {
                "architecture": name, "seed": seed, "beta": beta, "anneal": anneal, "j_difference": difference,
                "j_difference_se": error, "train_seconds_curve": 100.0, "train_seconds_separate": 40.0,
                "device_curve": "cpu", "device_separate": "cpu",
                "cell_curve": f"vae{name}_curve0.05-1.25_seed{seed}_1f2e3d4c@{beta:g}",
                "cell_separate": f"vae{name}_beta{beta:g}_anneal{anneal}_seed{seed}_1f2e3d4c",
            }
        )  # fmt: skip
    return table, pd.DataFrame(rows)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"architectures": ["-+v"], "betas": [1.0]},
        {"architectures": ["---", "--v"], "betas": [0.1, 1.0]},
        {"architectures": ["---", "+++"], "anneals": [0, 4]},
        {"betas": [0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0, 1.1, 1.25], "seeds": [0, 1, 2]},
    ],
)
def test_texts_are_readable(options):
    assert_readable(draw_curve_gap(*made(**options), note="a small run", missing=["gone"] * 5))


def test_parts_of_a_user_are_readable(extension):
    assert_readable(draw_curve_gap(*made(own.ARCHITECTURES)))


def places(figure):
    """(x, y) of every mark, with its area, of all panels."""
    marks = [mark for axes in figure.axes if axes.get_ylim()[0] < axes.get_ylim()[1] for mark in axes.collections]
    return [(x, y, m.get_sizes()[0]) for m in marks if hasattr(m, "get_sizes") for x, y in m.get_offsets()]


def bars(figure):
    """Half lengths of all error bars."""
    found = [c.get_segments() for axes in figure.axes for c in axes.collections if hasattr(c, "get_segments")]
    return [float(np.ptp(segment[:, 1]) / 2) for segments in found for segment in segments if len(segment)]


def test_every_difference_has_its_mark_and_error():
    table, gaps = made()
    figure = draw_curve_gap(table, gaps)
    assert sorted(y for _, y, _ in places(figure)) == pytest.approx(sorted(gaps["j_difference"]))
    assert sorted(bars(figure)) == pytest.approx(sorted(gaps["j_difference_se"]))
    assert "± 1 standard error over images, paired" in written(figure)


def test_marks_of_one_beta_stand_side_by_side():
    table, gaps = made(["---", "--+", "--v"], betas=(0.1, 1.0))
    x = sorted(x for x, _, _ in places(draw_curve_gap(table, gaps)))
    assert np.round(x).tolist() == [0, 0, 0, 1, 1, 1] and len(set(x)) == 6


def test_several_seeds_have_small_marks_around_their_mean():
    table, gaps = made(["-+v"], betas=(1.0,), seeds=(0, 1, 2))
    figure = draw_curve_gap(table, gaps)
    (mean,), seeds = ([y for _, y, area in places(figure) if (area > 20) == large] for large in (True, False))
    assert mean == pytest.approx(gaps["j_difference"].mean()) and sorted(seeds) == sorted(gaps["j_difference"])
    assert bars(figure) == pytest.approx([gaps["j_difference"].sem()])
    assert "over seeds;\nsmall: one seed" in written(figure)


def test_zero_is_in_sight_and_the_better_side_is_named():
    table, gaps = made(["-+v"])
    figure = draw_curve_gap(table, gaps.assign(j_difference=-5.0))
    low, high = figure.axes[0].get_ylim()
    assert low < -5 and high > 0
    assert "below, the curve is better" in written(figure)
    assert "nats per image" in figure.axes[0].get_ylabel()


def test_panels_of_a_decoder_share_their_scale():
    table, gaps = made()
    large = gaps.assign(j_difference=gaps["j_difference"].where(gaps["architecture"].str[1] == "+", 20.0))
    limits = [axes.get_ylim() for axes in draw_curve_gap(table, large).axes[:4]]
    assert limits[0] == limits[1] and limits[2] == limits[3] and limits[0][1] > 20 > limits[2][1]


def test_each_training_is_counted_once_in_the_cost():
    shown = written(draw_curve_gap(*made(["---", "-+v"])))
    assert "2 curves took 3 min 20 s of training, 6 separate trainings 4 min 00 s" in shown


def test_differences_without_an_error_are_counted():
    table, gaps = made(["---"])
    assert "without an error" not in written(draw_curve_gap(table, gaps))
    figure = draw_curve_gap(table, gaps.assign(j_difference_se=[0.1, np.nan, np.nan]))
    assert "2 of 3 differences without an error" in written(figure) and len(places(figure)) == 3


def test_times_of_several_devices_are_told():
    table, gaps = made(["---"])
    assert "different devices" not in written(draw_curve_gap(table, gaps))
    assert "of different devices: cuda, cpu" in written(draw_curve_gap(table, gaps.assign(device_curve="cuda")))


def test_annealed_trainings_are_told_apart():
    assert "dotted ring: annealed β" in written(draw_curve_gap(*made(["---"], anneals=(0, 4))))
    assert "annealed" not in written(draw_curve_gap(*made(["---"])))


@pytest.fixture
def folder(tmp_path):
    """An experiment's folder with its table and comparisons."""
    table, gaps = made(["-+v"])
    table.to_csv(tmp_path / "rd.csv", index=False)
    names = [name for column in COLUMNS for name in (column.name, *([f"{column.name}_se"] if column.error else []))]
    (tmp_path / "tables").mkdir()
    gaps.reindex(columns=names).fillna({"images": 9, "epochs_curve": 9, "epochs_separate": 6}).to_csv(
        tmp_path / "tables/curve_gap.csv", index=False
    )
    return tmp_path


def drawn(folder, monkeypatch):
    figures = []
    monkeypatch.setattr("rdplane.figures.style.save", lambda figure, *_: figures.append(figure))
    draw("curve_gap", folder, SETTINGS)
    return written(figures[0])


def test_it_is_drawn_from_the_comparisons_of_the_folder(folder, monkeypatch):
    assert "1 curve took 1 min 40 s" in drawn(folder, monkeypatch)


def test_without_comparisons_it_says_so(folder, monkeypatch):
    (folder / "tables/curve_gap.csv").unlink()
    shown = drawn(folder, monkeypatch)
    assert "No curve has a separate training" in shown and "a small run" in shown
