"""The RD plane, -ELBO against rate, and the frontiers by part."""

import matplotlib.figure
import numpy as np
import own
import pandas as pd
import pytest
import synthetic
from matplotlib.backends.backend_agg import FigureCanvasAgg
from reading import annotations, assert_readable, crossed, written

from rdplane.figures import curve_lines
from rdplane.figures import marks as figure_marks
from rdplane.figures.close_up import crowd
from rdplane.figures.elbo_rate import draw_elbo_rate
from rdplane.figures.rd_plane import draw_rd_plane
from rdplane.figures.rd_plane_by_group import draw_rd_plane_by_group
from rdplane.table.paper import published_points


def both(architectures=("---", "-+v"), **options):
    """Curves, and separate runs of the same architectures."""
    each = synthetic.curves(architectures=architectures), synthetic.table(architectures=architectures, **options)
    return pd.concat(each, ignore_index=True)


TABLES = {
    "36 runs": lambda: synthetic.table(),
    "12 curves": lambda: synthetic.curves(rates=(10,)),
    "12 curves and 36 runs": lambda: both(architectures=synthetic.ARCHITECTURES),
    "curves of several seeds": lambda: synthetic.curves(architectures=["---", "+++"], seeds=(0, 1, 2)),
    "curves beside every objective": lambda: both(anneals=(0, 100), targets=(5, 20), penalties=(9, 18)),
    "209 runs": lambda: synthetic.table(
        betas=(0.1, 0.15, 0.4, 0.7, 0.8, 0.9, 1.0, 1.1, 2.0), anneals=(0, 100), dataset="binarized_mnist"
    ).iloc[:209],
    "one run": lambda: synthetic.table(architectures=["-+v"], betas=[1.0]),
    "several seeds": lambda: synthetic.table(architectures=["---", "+++"], seeds=(0, 1, 2)),
    "every objective": lambda: synthetic.table(
        architectures=["---", "+++"], anneals=(0, 100), targets=(5, 20), penalties=(9, 18)
    ),
    "rate targets": lambda: synthetic.table(architectures=["---", "+++"], targets=(5, 20)),
    "only rate targets": lambda: synthetic.table(architectures=["---", "+++"], betas=(), targets=(5, 20)),
    "no rate at all": lambda: synthetic.table(betas=[1.0]).assign(rate=0.0, neg_elbo=lambda t: t["distortion"]),
    "an outlier": lambda: synthetic.table().assign(
        distortion=lambda t: t["distortion"].where(t.index > 0, 5000.0), neg_elbo=lambda t: t["rate"] + t["distortion"]
    ),
}
FIGURES = {"rd_plane": draw_rd_plane, "elbo_rate": draw_elbo_rate, "groups": draw_rd_plane_by_group}
OWN = {
    "all that is declared": lambda: synthetic.table(
        architectures=own.ARCHITECTURES, betas=(0.1, 1.0), targets=(5,), penalties=(9, 18), free_bits=(4, 12)
    ),
    "one objective": lambda: synthetic.table(architectures=("t--", "tmg"), betas=(), free_bits=(4, 8, 12)),
}


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("table", TABLES)
def test_texts_are_readable(figure, table):
    note = "quick run: 5,000 images, reduced models; not the paper's numbers"
    assert_readable(FIGURES[figure](TABLES[table](), note=note, missing=["vae-+v_beta0.1_seed0_1f2e3d4c"] * 5))


@pytest.mark.parametrize("figure", FIGURES)
def test_note_and_missing_cells_are_written(figure):
    shown = written(FIGURES[figure](synthetic.table(), note="a small run", missing=["gone"]))
    assert "a small run" in shown and "1 of 37 cells missing: gone" in shown


@pytest.mark.parametrize("figure", FIGURES)
def test_the_table_is_left_as_it_was(figure):
    table = synthetic.table(seeds=(0, 1), targets=(5,))
    before = table.copy()
    FIGURES[figure](table)
    assert table.equals(before)


@pytest.mark.parametrize("figure", [draw_rd_plane, draw_elbo_rate])
def test_the_best_elbo_is_named(figure):
    table = synthetic.table()
    assert f"{table['neg_elbo'].min():.1f}, the best −ELBO" in written(figure(table))


LABELLED = {
    "36 runs": TABLES["36 runs"],
    "every objective": TABLES["every objective"],
    "two architectures": lambda: synthetic.table(architectures=["---", "-+v"], betas=(0.1, 0.2, 0.5, 0.8, 1.0)),
    "12 curves": TABLES["12 curves"],
    "12 curves and 36 runs": TABLES["12 curves and 36 runs"],
}


@pytest.mark.parametrize("figure", [draw_rd_plane, draw_elbo_rate])
@pytest.mark.parametrize("table", LABELLED)
def test_no_line_runs_through_a_label(figure, table):
    drawn = figure(LABELLED[table]())
    renderer = FigureCanvasAgg(drawn).get_renderer()
    assert any(annotations(axes) for axes in drawn.axes)
    assert not [label for axes in drawn.axes for label in crossed(axes, renderer)]


def one_annealed():
    """The quick run's grid: at one beta an annealed run beside another, so that no curve has two annealed ones."""
    table = synthetic.table(anneals=(0, 4))
    return table[(table["anneal"] == 0) | ((table["beta"] == 0.5) & (table["architecture"] == "-+v"))]


def dotted_rings(axes):
    area = figure_marks.RING_AREA
    return sum(len(c.get_offsets()) for c in axes.collections if list(getattr(c, "_sizes", ())) == [area])


@pytest.mark.parametrize("figure", [draw_rd_plane, draw_elbo_rate])
def test_the_key_promises_no_dotted_line_that_is_not_drawn(figure):
    shown = written(figure(one_annealed()))
    assert "the same, with annealed" not in shown and "dotted ring: annealed β" in shown
    assert "the same, with annealed β" in written(figure(synthetic.table(architectures=["---"], anneals=(0, 4))))


@pytest.mark.parametrize("anneals", [(0,), (4,)])
@pytest.mark.parametrize("figure", [draw_rd_plane, draw_elbo_rate])
def test_nothing_is_said_of_annealing_where_all_runs_are_alike(figure, anneals):
    drawn = figure(synthetic.table(architectures=["---"], anneals=anneals))
    assert "annealed" not in written(drawn) and dotted_rings(drawn.axes[0]) == 0
    assert all(line.get_linestyle() in ("-", "--") for line in drawn.axes[0].get_lines())


@pytest.mark.parametrize("figure", [draw_rd_plane, draw_elbo_rate])
def test_annealed_runs_have_a_ring_of_their_own(figure):
    assert dotted_rings(figure(one_annealed()).axes[0]) == 1


def test_the_heading_of_the_close_up_says_what_it_shows():
    table = synthetic.table(architectures=["---"], betas=(0.1, 0.2, 0.5, 0.8, 1.0))
    table = table.assign(rate=[1.0, 2.0, 3.0, 4.0, 50.0], distortion=[79.0, 79.5, 79.2, 80.0, 60.0])
    drawn = draw_elbo_rate(table.assign(neg_elbo=table["rate"] + table["distortion"]))
    assert "up to 4 nats above the best" in written(drawn)
    low, high = drawn.axes[1].get_ylim()
    assert low < 80 and 84 < high < 86


def collapsed():
    """Six runs at R = 0 beside others, all of high distortion, as in the quick run."""
    table = synthetic.table(betas=(0.1, 1.0))
    at_zero = (table["decoder"] == "+") & (table["beta"] == 1.0)
    table["rate"] = table["rate"].where(~at_zero, np.linspace(0, 0.9, len(table)))
    table["distortion"] = 60 + 0.4 * table["distortion"]
    return table.assign(neg_elbo=table["rate"] + table["distortion"])


def test_runs_on_one_another_at_no_rate_have_a_close_up():
    table = collapsed()
    drawn = draw_rd_plane(table)
    main, inset = drawn.axes[:2]
    pile = crowd(table, main)
    assert len(pile) == 6 and "close-up of 6 runs" in inset.get_title()
    for name, limits in (("rate", inset.get_xlim()), ("distortion", inset.get_ylim())):
        assert pile[name].between(*limits).all()
    assert np.diff(inset.get_xlim()) < np.diff(main.get_xlim()) / 20


def test_an_outlier_at_no_rate_is_in_no_close_up():
    table = collapsed()
    far = table["rate"].idxmin()
    table.loc[far, ["distortion", "neg_elbo"]] = 5000.0
    inset = draw_rd_plane(table).axes[1]
    assert "close-up of 5 runs" in inset.get_title() and inset.get_ylim()[1] < 150


def test_the_close_up_hides_no_run():
    table = collapsed()
    drawn = draw_rd_plane(table)
    main, inset = drawn.axes[:2]
    places = main.transData.transform(table[["rate", "distortion"]].to_numpy())
    renderer = FigureCanvasAgg(drawn).get_renderer()
    assert not any(inset.get_tightbbox(renderer).contains(x, y) for x, y in places)


def test_no_close_up_without_a_crowd():
    table = synthetic.table(architectures=["---", "--v"])
    assert not any("close-up" in axes.get_title() for axes in draw_rd_plane(table).axes)


@pytest.mark.parametrize("table", ["36 runs", "no rate at all"])
def test_runs_fill_the_axes(table):
    runs = TABLES[table]()
    high = runs.assign(distortion=60 + 0.4 * runs["distortion"])
    axes = draw_rd_plane(high.assign(neg_elbo=high["rate"] + high["distortion"])).axes[0]
    best = (high["rate"] + high["distortion"]).min()
    reach = max(high["distortion"].max(), best) - min(high["distortion"].min(), best)
    assert reach > 0.7 * np.diff(axes.get_ylim())


def test_axes_begin_at_zero_where_runs_come_near_it():
    table = synthetic.table()
    table["distortion"] *= np.linspace(0.05, 1, len(table))
    low, _ = draw_rd_plane(table.assign(neg_elbo=table["rate"] + table["distortion"])).axes[0].get_ylim()
    assert -3 < low <= 0


def marks(figure):
    return sum(len(collection.get_offsets()) for collection in figure.axes[0].collections)


@pytest.mark.parametrize("dataset", ["binarized_mnist", "omniglot"])
def test_published_points_are_drawn_with_their_rings(dataset):
    table = synthetic.table(dataset=dataset)
    added = marks(draw_rd_plane(table, published=True)) - marks(draw_rd_plane(table))
    assert added == 2 * len(published_points(dataset))


def test_nothing_is_published_for_other_data():
    assert "paper" not in written(draw_rd_plane(synthetic.table(), published=True))


def test_an_outlier_is_counted_instead_of_drawn_to_scale():
    assert "1 run beyond the axes" in written(draw_rd_plane(TABLES["an outlier"]()))


def test_rate_targets_are_in_the_key_only_when_there_are_some():
    assert "rate target" in written(draw_rd_plane(TABLES["rate targets"]()))
    assert "rate target" not in written(draw_rd_plane(synthetic.table()))


def test_other_objectives_have_marks_of_their_own_in_the_key():
    shown = written(draw_rd_plane(TABLES["every objective"]()))
    assert "rate penalty R*" in shown and "rate target R*" in shown and "one architecture over β or R*" in shown


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("table", OWN)
def test_parts_and_objectives_of_a_user_are_readable(extension, figure, table):
    assert_readable(FIGURES[figure](OWN[table](), note="a small run"))


def test_an_objective_of_a_user_is_labelled_as_it_declares(extension):
    shown = written(draw_rd_plane(OWN["one objective"]()))
    assert {"λ 4", "λ 12", "free bits λ", "one architecture over λ"} <= set(shown.split("\n"))
    assert "nan" not in shown and "β" not in shown


def test_a_frontier_is_drawn_for_every_part_of_a_user(extension):
    shown = written(draw_rd_plane_by_group(OWN["all that is declared"]()))
    assert "t  Student t" in shown and "m  MLP" in shown and "g  Gaussian mixture" in shown


@pytest.mark.parametrize("figure", FIGURES)
def test_runs_of_different_precisions_are_counted(figure):
    table = synthetic.table()
    assert "trained in" not in written(FIGURES[figure](table))
    table.loc[:8, "precision"] = "bfloat16"
    assert "9 runs trained in bfloat16, 27 in float32" in written(FIGURES[figure](table))


@pytest.mark.parametrize("figure", FIGURES)
def test_what_is_returned_is_a_matplotlib_figure(figure):
    assert isinstance(FIGURES[figure](synthetic.table()), matplotlib.figure.Figure)


def widths(axes):
    """How many lines of each width."""
    found = [line.get_linewidth() for line in axes.get_lines()]
    return {width: found.count(width) for width in found}


@pytest.mark.parametrize("figure", [draw_rd_plane, draw_elbo_rate])
def test_a_curve_is_a_line_and_separate_runs_beside_it_are_not_joined(figure):
    alone, joined = figure(synthetic.table(architectures=["---", "-+v"])), figure(both())
    thin, strong = 1.0, max(widths(joined.axes[0]))
    assert strong > thin and thin in widths(alone.axes[0])
    assert widths(joined.axes[0])[curve_lines.WIDTH] == 2 and thin not in widths(joined.axes[0])
    assert "one architecture over" in written(alone) and "one architecture over" not in written(joined)


@pytest.mark.parametrize("figure", [draw_rd_plane, draw_elbo_rate])
def test_runs_of_an_architecture_without_a_curve_are_joined(figure):
    table = pd.concat([both(), synthetic.table(architectures=["+++"])], ignore_index=True)
    assert "one architecture over β" in written(figure(table))


@pytest.mark.parametrize("figure", [draw_rd_plane, draw_elbo_rate])
def test_only_separate_runs_have_error_bars(figure):
    bars = [len(c.get_segments()) for c in figure(both()).axes[0].collections if hasattr(c, "get_segments")]
    assert bars == [6, 6]
    curves = figure(synthetic.curves())
    assert "standard error" not in written(curves)
    assert not any(hasattr(collection, "get_segments") for collection in curves.axes[0].collections)


@pytest.mark.parametrize("figure", FIGURES)
def test_curves_and_separate_runs_are_counted(figure):
    assert "2 architectures, 2 curves and 6 separate runs" in written(FIGURES[figure](both()))


def test_few_points_along_a_curve_are_labelled():
    labels = annotations(draw_rd_plane(synthetic.curves(architectures=["++v"])).axes[0])
    assert 2 <= len(labels) <= 6 and len({label.get_text() for label in labels}) == len(labels)


def test_frontier_and_best_elbo_take_curves():
    table = both()
    table.loc[table["objective"] == "beta", ["distortion", "neg_elbo"]] += 20
    assert f"{table['neg_elbo'].min():.1f}, the best −ELBO" in written(draw_rd_plane(table))
    assert table.loc[table["neg_elbo"].idxmin(), "objective"] == "curve"


def test_points_of_curves_beyond_the_axes_are_counted_as_such():
    table = both()
    table.loc[[0, 1], "distortion"] = 5000.0
    shown = draw_rd_plane(table.assign(neg_elbo=table["rate"] + table["distortion"]))
    assert "2 points of curves beyond the axes" in written(shown)


def test_a_close_up_does_not_take_the_points_of_a_curve_for_runs():
    table = synthetic.curves(architectures=["++v"])
    table = pd.concat([table, table.assign(beta=table["beta"] + 0.01)], ignore_index=True)
    assert len(table[table["rate"] == 0]) >= 2 and crowd(table, draw_rd_plane(table).axes[0]).empty


def test_a_line_of_a_curve_is_drawn_for_every_group_that_has_it():
    axes = draw_rd_plane_by_group(synthetic.curves()).axes[0]
    assert len(axes.get_lines()) == 1 + 12 + 2  # the diagonal, the curves, a frontier for each encoder


@pytest.mark.parametrize("figure", FIGURES)
def test_one_run_without_a_rate_has_axes_around_it(figure):
    (run,) = synthetic.alone(80.0)["distortion"]
    low, high = FIGURES[figure](synthetic.alone(80.0)).axes[0].get_ylim()
    assert low < run < high and high - low < 30
