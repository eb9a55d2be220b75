"""The RD plane, -ELBO against rate, and the frontiers by part."""

import matplotlib.figure
import own
import pytest
import synthetic
from reading import assert_readable, written

from rdplane.figures.elbo_rate import draw_elbo_rate
from rdplane.figures.rd_plane import draw_rd_plane
from rdplane.figures.rd_plane_by_group import draw_rd_plane_by_group
from rdplane.figures.runs import published_points

TABLES = {
    "36 runs": lambda: synthetic.table(),
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
