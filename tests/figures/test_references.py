"""The true boundary, where the density of the images is known, and the prefix code, in the planes."""

import numpy as np
import pandas as pd
import pytest
import synthetic
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from reading import annotations, assert_readable, crossed, written

from rdplane.figures.elbo_rate import draw_elbo_rate
from rdplane.figures.rd_plane import draw_rd_plane
from rdplane.figures.rd_plane_by_group import draw_rd_plane_by_group
from rdplane.figures.references import ALONE, references

FIGURES = {"rd_plane": draw_rd_plane, "elbo_rate": draw_elbo_rate, "groups": draw_rd_plane_by_group}
PLANES = {name: FIGURES[name] for name in ("rd_plane", "groups")}
ADDED = ["entropy", "entropy_se", "gap", "gap_se", "mi_exact_lower", "mi_exact_lower_se"]


def beside(runs, nll=78.0, **options):
    """Runs with a PixelCNN++ alone beside them."""
    return pd.concat([runs, synthetic.alone(nll, **options)], ignore_index=True)


TABLES = {
    "36 runs": lambda: beside(synthetic.table()),
    "12 curves": lambda: beside(synthetic.curves(rates=(10,)), 72),
    "curves beside every objective": lambda: beside(
        pd.concat(
            [
                synthetic.curves(architectures=["---", "-+v"]),
                synthetic.table(architectures=["---", "-+v"], anneals=(0, 100), targets=(5, 20), penalties=(9, 18)),
            ],
            ignore_index=True,
        ),
        seeds=(0, 1, 2),
    ),
    "108 runs": lambda: beside(synthetic.table(seeds=(0, 1, 2))),
    "one run": lambda: synthetic.table(architectures=["-+v"], betas=[1.0]),
    "the PixelCNN++ alone": lambda: synthetic.alone(78.0),
    "high distortions": lambda: synthetic.table().assign(
        distortion=lambda t: t["distortion"] + 60, neg_elbo=lambda t: t["rate"] + t["distortion"]
    ),
}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("table", TABLES)
def test_texts_are_readable(figure, table, known):
    runs = TABLES[table]()
    assert_readable(FIGURES[figure](synthetic.with_density(runs) if known else runs, note="small", missing=["gone"]))


@pytest.mark.parametrize("figure", ["rd_plane", "elbo_rate"])
@pytest.mark.parametrize("table", ["36 runs", "12 curves"])
def test_no_line_runs_through_a_label(figure, table):
    drawn = FIGURES[figure](synthetic.with_density(TABLES[table]()))
    renderer = FigureCanvasAgg(drawn).get_renderer()
    assert not [label for axes in drawn.axes for label in crossed(axes, renderer)]


def pixels(figure):
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


@pytest.mark.parametrize("figure", FIGURES)
def test_nothing_changes_where_the_density_is_not_known(figure):
    table = synthetic.table(architectures=["---", "-+v"])
    assert table["entropy"].isna().all()
    without = table.drop(columns=ADDED)
    np.testing.assert_array_equal(pixels(FIGURES[figure](table)), pixels(FIGURES[figure](without)))
    shown = written(FIGURES[figure](table))
    assert "infeasible" not in shown and "prefix" not in shown and "no model" not in shown


def boundary(axes):
    """Corners of the boundary in these axes, maybe none: the only thick black line."""
    thick = [line for line in axes.get_lines() if line.get_linewidth() == 2.6 and colour(line) == "#000000"]
    return thick[0].get_xydata() if thick else None


def dash_dotted(axes):
    found = [line.get_xydata() for line in axes.get_lines() if colour(line) == "#404040"]
    return found[0] if found else None


def colour(line):
    return to_hex(line.get_color())


def dashed(axes):
    """Whether the line of the best -ELBO is there."""
    return any(colour(line) == "#6b6b6b" and line.get_linestyle() == "--" for line in axes.get_lines())


@pytest.mark.parametrize("figure", PLANES)
def test_the_boundary_goes_along_the_axes_and_from_one_limit_to_the_other(figure):
    runs = synthetic.with_density(synthetic.table(), 70.0)
    for axes in FIGURES[figure](runs).axes[: 1 if figure == "rd_plane" else 3]:
        corners = boundary(axes)
        np.testing.assert_allclose(corners[1:3], [[0, 70], [70, 0]])
        assert corners[0, 0] == 0 and corners[0, 1] >= axes.get_ylim()[1]
        assert corners[3, 1] == 0 and corners[3, 0] >= axes.get_xlim()[1]
        assert not dashed(axes)


def test_in_a_plot_of_the_elbo_the_boundary_is_level_at_the_entropy():
    corners = boundary(draw_elbo_rate(synthetic.with_density(synthetic.table(), 70.0)).axes[0])
    np.testing.assert_allclose(corners[1:3], [[0, 70], [70, 70]])
    assert corners[0, 0] == 0 and corners[3, 0] == corners[3, 1]


@pytest.mark.parametrize("figure", FIGURES)
def test_there_is_no_boundary_where_the_density_is_not_known(figure):
    axes = FIGURES[figure](synthetic.table()).axes[0]
    assert boundary(axes) is None and not axes.patches and dashed(axes)


@pytest.mark.parametrize("figure", ["rd_plane", "elbo_rate"])
def test_the_entropy_stands_in_the_key_in_the_place_of_the_best_elbo(figure):
    shown = written(FIGURES[figure](synthetic.with_density(synthetic.table(), 70.0)))
    assert "R + D = H = 70.0 ± 0.3:\nno model can be below" in shown and "the best −ELBO" not in shown


def test_a_figure_without_a_key_says_it_in_a_footnote():
    runs = synthetic.with_density(beside(synthetic.table()), 70.0)
    shown = written(draw_rd_plane_by_group(runs))
    assert "black line, R + D = H = 70.0 ± 0.3: no model can be below" in shown
    assert "dash-dotted line, prefix code of 0+−" in shown and "R + D = 78.0" in shown and "0  No encoder" in shown


@pytest.mark.parametrize("figure", PLANES)
def test_the_word_infeasible_is_below_the_boundary(figure):
    drawn = FIGURES[figure](synthetic.with_density(synthetic.table(), 70.0))
    renderer = FigureCanvasAgg(drawn).get_renderer()
    axes = drawn.axes[0]
    (word,) = [text for text in annotations(axes) if text.get_text() == "infeasible"]
    box = word.get_window_extent(renderer).transformed(axes.transData.inverted())
    assert box.x0 > 0 and box.x1 + box.y1 < 70


def test_the_autodecoding_limit_is_in_sight():
    runs = synthetic.with_density(TABLES["high distortions"](), 100.0)
    for figure in (draw_rd_plane, draw_rd_plane_by_group):
        low, high = figure(runs).axes[0].get_ylim()
        assert low < 100 < high


def test_a_close_up_shows_the_boundary_unless_it_is_far_below():
    runs = synthetic.table()
    near, far = (draw_elbo_rate(synthetic.with_density(runs, runs["neg_elbo"].min() - gap)) for gap in (1.0, 40.0))
    excess = np.diff(draw_elbo_rate(runs).axes[1].get_ylim())
    low, _ = near.axes[1].get_ylim()
    assert low < runs["neg_elbo"].min() - 1.0 and np.diff(far.axes[1].get_ylim()) == pytest.approx(excess)
    assert far.axes[0].get_ylim()[0] < runs["neg_elbo"].min() - 40.0


@pytest.mark.parametrize("figure", PLANES)
@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_the_prefix_code_has_slope_minus_one_through_its_nll(figure, seeds):
    axes = FIGURES[figure](beside(synthetic.table(), 78.0, seeds=seeds)).axes[0]
    np.testing.assert_allclose(dash_dotted(axes), [[0, 78], [78, 0]])


def test_in_a_plot_of_the_elbo_the_prefix_code_is_level():
    np.testing.assert_allclose(dash_dotted(draw_elbo_rate(beside(synthetic.table())).axes[0]), [[0, 78], [78, 78]])


@pytest.mark.parametrize("figure", FIGURES)
def test_there_is_no_prefix_code_without_a_model_for_it(figure):
    assert dash_dotted(FIGURES[figure](synthetic.table()).axes[0]) is None


@pytest.mark.parametrize("figure", ["rd_plane", "elbo_rate"])
def test_the_prefix_code_is_in_the_key(figure):
    shown = written(FIGURES[figure](beside(synthetic.table())))
    assert "prefix code of 0+−, a PixelCNN++\nalone, z = the first k pixels:\nR + D = 78.0" in shown


@pytest.mark.parametrize("figure", FIGURES)
def test_boundary_and_prefix_code_are_both_drawn(figure):
    axes = FIGURES[figure](synthetic.with_density(beside(synthetic.table()), 70.0)).axes[0]
    assert boundary(axes) is not None and dash_dotted(axes) is not None


@pytest.mark.parametrize("figure", ["rd_plane", "elbo_rate"])
def test_the_best_elbo_has_no_line_of_its_own_on_that_of_the_prefix_code(figure):
    best = synthetic.table()["neg_elbo"].min()
    on, off = (FIGURES[figure](beside(synthetic.table(), nll)) for nll in (best + 0.1, best + 5))
    assert not dashed(on.axes[0]) and f"(the best −ELBO: {best:.1f})" in written(on)
    assert dashed(off.axes[0]) and f"{best:.1f}, the best −ELBO" in written(off)


def test_the_entropy_is_that_of_the_rows_that_have_it():
    table = synthetic.with_density(beside(synthetic.table()), 70.0)
    table.loc[:3, ["entropy", "entropy_se"]] = np.nan
    known = references(table)
    assert known.entropy == (70.0, pytest.approx(0.31)) and known.lowest == 70.0
    assert str(known.entropy) == "70.0 ± 0.3"
    assert str(known.entropy._replace(error=0.012)) == "70.0 ± 0.01"


def test_the_prefix_code_is_that_of_the_architecture_without_a_code():
    table = beside(synthetic.table(), 78.0, seeds=(0, 1))
    assert references(table).prefix == pytest.approx(table["neg_elbo"][table["architecture"] == ALONE].mean())
    assert references(synthetic.table()).prefix is None
