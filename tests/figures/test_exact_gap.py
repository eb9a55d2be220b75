"""The figure of the exact gap, and of bounds on I(X; Z) beside the exact ones."""

import numpy as np
import pandas as pd
import pytest
import synthetic
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from reading import assert_readable, written

from rdplane.figures.exact_gap import draw_exact_gap


def known(runs, entropy=None):
    return synthetic.with_information(synthetic.with_density(runs, entropy))


TABLES = {
    "one run": lambda: known(synthetic.table(architectures=["-+v"], betas=[0.5])),
    "13 runs": lambda: known(pd.concat([synthetic.table(betas=[0.3]), synthetic.alone(60)], ignore_index=True)),
    "200 runs": lambda: known(synthetic.table(betas=np.linspace(0.1, 1.1, 9), anneals=(0, 100))[:200]),
    "12 curves": lambda: known(synthetic.curves(rates=(10,))),
    "12 curves and 37 runs": lambda: known(
        pd.concat([synthetic.curves(), synthetic.table(), synthetic.alone(70)], ignore_index=True)
    ),
    "without bounds": lambda: synthetic.with_density(synthetic.table()),
}


@pytest.mark.parametrize("table", TABLES)
def test_texts_are_readable(table):
    assert_readable(draw_exact_gap(TABLES[table](), note="a small run", missing=["gone"] * 5))


def bars(figure):
    """(place, lower end, upper end) of the bars, in order."""
    (found,) = [c for c in figure.axes[1].collections if isinstance(c, LineCollection)]
    return np.array([[segment[0, 0], *segment[:, 1]] for segment in found.get_segments()])


def heads(figure, colour):
    """Heights of the arrowheads of a colour."""
    found = [c for c in figure.axes[1].collections if len(c.get_facecolor()) and to_hex(c.get_facecolor()[0]) == colour]
    return np.asarray(found[0].get_offsets())[:, 1]


@pytest.mark.parametrize("table", ["one run", "13 runs", "200 runs", "12 curves"])
def test_every_row_has_a_bar_from_h_less_d_to_r_by_rising_rate(table):
    runs = TABLES[table]()
    ordered = runs.sort_values("rate", kind="stable")
    found = bars(draw_exact_gap(runs))
    assert found[:, 0].tolist() == list(range(len(runs)))
    np.testing.assert_allclose(found[:, 1], np.clip(ordered["mi_exact_lower"], 0, None))
    np.testing.assert_allclose(found[:, 2], ordered["rate"])


def test_bars_do_not_overlap():
    for table in ("13 runs", "200 runs"):
        figure = draw_exact_gap(TABLES[table]())
        (drawn,) = [c for c in figure.axes[1].collections if isinstance(c, LineCollection)]
        apart = np.diff(figure.axes[1].transData.transform([[0, 0], [1, 0]])[:, 0])[0] * 72 / figure.dpi
        assert drawn.get_linewidth()[0] < apart


def test_the_bounds_stand_on_their_bars():
    runs = TABLES["13 runs"]()
    figure, ordered = draw_exact_gap(runs), runs.sort_values("rate", kind="stable")
    np.testing.assert_allclose(heads(figure, "#d55e00"), ordered["mi_upper"])
    np.testing.assert_allclose(heads(figure, "#0072b2"), ordered["mi_lower"])
    assert "log K = 6.2: the lower bound\ncannot pass it" in written(figure)


def test_without_bounds_none_are_explained():
    shown = written(draw_exact_gap(TABLES["without bounds"]()))
    assert "log K" not in shown and "estimated" not in shown and "I(X; Z) lies between" in shown


def test_by_chance_the_exact_ends_may_be_the_wrong_way_round():
    runs = known(synthetic.table(architectures=["-+v"], betas=[0.5]), entropy=200.0)
    assert (runs["gap"] < 0).all()
    figure = draw_exact_gap(runs)
    _, low, high = bars(figure)[0]
    assert low == pytest.approx(runs["rate"].iloc[0]) and high == pytest.approx(runs["mi_exact_lower"].iloc[0])
    assert figure.axes[0].get_ylim()[0] < runs["gap"].iloc[0]


@pytest.mark.parametrize(
    ("gaps", "scale"), [((2.0, 15.0), "linear"), ((0.4, 15.0), "symlog"), ((-0.2, 15.0), "linear")]
)
def test_gaps_of_more_than_a_decade_have_a_logarithmic_axis(gaps, scale):
    runs = known(synthetic.table(architectures=["---", "-+v"], betas=[0.5])).assign(gap=gaps, gap_se=0.1)
    figure = draw_exact_gap(runs)
    assert figure.axes[0].get_yscale() == scale
    assert ("logarithmic above 0.1" in written(figure)) == (scale == "symlog")
    low, high = figure.axes[0].get_ylim()
    assert low < min(0, gaps[0]) and high > gaps[1]


def test_the_entropy_is_written():
    runs = known(synthetic.table(), 70.0)
    assert "0: optimal, R + D = H;\nH = 70.0 ± 0.3 nats" in written(draw_exact_gap(runs))


def test_few_runs_have_their_marks_below_their_bars():
    few, many = (draw_exact_gap(TABLES[table]()).axes[1].get_ylim() for table in ("13 runs", "200 runs"))
    assert few[0] / few[1] < -0.06 < many[0] / many[1]


def test_an_upper_bound_that_is_far_too_loose_is_counted_instead_of_drawn_to_scale():
    runs = known(synthetic.table())
    assert "upper bound" not in [line[:11] for line in written(draw_exact_gap(runs)).split("\n") if "beyond" in line]
    loose = runs.assign(mi_upper=runs["mi_upper"].where(runs.index > 1, 900.0))
    figure = draw_exact_gap(loose)
    assert "upper bound of 2 runs beyond the axes" in written(figure)
    assert figure.axes[1].get_ylim()[1] < 2 * runs["rate"].max()
