import numpy as np
import pandas as pd
import pytest
import synthetic

from rdplane.figures.runs import in_grid_order
from rdplane.page import columns, whole, write_page

BETAS = (0.1, 0.4, 1.0)


@pytest.fixture
def table():
    """Two architectures with separate runs and a whole curve each, the second with a point at a searched beta."""
    return in_grid_order(
        pd.concat(
            [
                synthetic.table(architectures=("--+", "-+v"), betas=(0.1, 1.0)),
                synthetic.curves(architectures=("--+",), betas=BETAS),
                synthetic.curves(architectures=("-+v",), betas=BETAS, rates=(20,)),
            ],
            ignore_index=True,
        )
    )


def page_of(folder, table):
    table.to_csv(folder / "rd.csv", index=False)
    write_page(folder, folder / "page.html")
    return (folder / "page.html").read_text()


@pytest.mark.parametrize("view", ["distortion", "neg_elbo"])
def test_lines_go_through_all_points_of_their_curves(table, view):
    lines, runs = whole.lines(table), columns.of_runs(table)
    for index, curve in enumerate(runs["curve"]):
        if curve >= 0:
            along = list(zip(lines["rate"][curve], lines[f"y_{view}"][curve], strict=True))
            assert (runs["rate"][index], runs[f"y_{view}"][index]) in along


def test_lines_are_smooth_and_never_turn_between_points():
    table = synthetic.curves(architectures=("--+", "-+v"))
    for rate, distortion in zip(whole.lines(table)["rate"], whole.lines(table)["y_distortion"], strict=True):
        assert len(rate) > 20
        assert (np.diff(rate) <= 0).all() and (np.diff(distortion) >= 0).all()


def test_every_training_has_a_line_of_its_own():
    seeds = synthetic.curves(architectures=("-+v",), betas=BETAS, seeds=(0, 1))
    ranges = synthetic.curves(architectures=("-+v",), betas=BETAS, ends=(0.02, 2.0))
    table = in_grid_order(pd.concat([seeds, ranges], ignore_index=True))
    assert len(whole.lines(table)["rate"]) == 3
    assert sorted(whole.places(table)["curve"]) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_the_slider_stops_at_the_betas_that_all_curves_were_measured_at(table):
    assert whole.slider(table)["stops"] == ["β 0.1", "β 0.4", "β 1"]
    stop = np.array(whole.places(table)["stop"])
    for number, beta in enumerate(BETAS):
        asked = (table.objective == "curve") & (table.beta == beta)
        assert (stop == number).tolist() == asked.tolist()


def test_points_are_dots_in_the_colour_of_their_line(table):
    runs, lines = columns.of_runs(table), whole.lines(table)
    for curve, fill, marker, outline in zip(
        runs["curve"], runs["fill"], runs["marker"], runs["outline_width"], strict=True
    ):
        if curve >= 0:
            assert (fill, marker, outline) == (lines["colour"][curve], "circle", 0)


def test_marks_of_separate_runs_are_as_without_curves(table):
    separate = table[table.objective == "beta"]
    alone, together = columns.of_runs(separate.reset_index(drop=True)), columns.of_runs(table)
    for name in ("marker", "fill", "size", "label", "inside"):
        assert [together[name][index] for index in separate.index] == alone[name]


def test_thin_lines_join_separate_runs_alone(table):
    separate = table[table.objective == "beta"].reset_index(drop=True)
    assert columns.of_curves(table)["rate"] == columns.of_curves(separate)["rate"]


def test_a_point_of_a_curve_is_labelled_as_one(table):
    assert columns.of_runs(table)["label"][:5] == ["β 0.1", "β 1", "curve, β 0.1", "curve, β 0.4", "curve, β 1"]


def test_the_key_tells_a_line_from_a_mark(tmp_path, table):
    text = page_of(tmp_path, table)
    assert "line: one training for every β; mark: a training of its own" in text
    assert "(nats of D per nat of R)" in text


@pytest.mark.parametrize("betas", [BETAS, (0.4,)])
def test_a_page_of_curves_alone_promises_no_marks_of_an_architecture(tmp_path, betas):
    text = page_of(tmp_path, synthetic.curves(architectures=("-+v",), betas=betas))
    assert 'id="slider"' in text and "one architecture over" not in text


def test_without_curves_there_is_neither_slider_nor_line(tmp_path):
    text = page_of(tmp_path, synthetic.table(architectures=("-+v",)))
    assert 'id="slider"' not in text and '"whole"' not in text.split("<script>")[0] and "every β" not in text
