"""Figures of a measure against the rate."""

import numpy as np
import own
import pandas as pd
import pytest
import synthetic
from reading import assert_readable, written

from rdplane.errors import UserError
from rdplane.figures.exact_gap import draw_exact_gap
from rdplane.figures.marginal_gap import draw_marginal_gap
from rdplane.figures.probe_accuracy import draw_probe_accuracy


def measured(**options):
    """A made-up table with made-up measures of 500 images."""
    return with_measures(synthetic.table(**options))


def with_measures(table):
    information = 0.9 * table["rate"]
    return synthetic.with_density(table).assign(
        probe_accuracy=0.1 + 0.8 * np.tanh(table["rate"] / 10),
        probe_accuracy_se=0.02,
        probe_classes=10,
        mi_lower=np.minimum(information, np.log(500)),
        mi_lower_se=0.02,
        mi_upper=information,
        mi_upper_se=0.3,
        mi_images=500,
    )


def both(**options):
    names = {"architectures": options["architectures"]} if "architectures" in options else {}
    return with_measures(pd.concat([synthetic.curves(**names), synthetic.table(**options)], ignore_index=True))


FIGURES = {"probe": draw_probe_accuracy, "gap": draw_marginal_gap, "exact": draw_exact_gap}
TABLES = {
    "36 runs": lambda: measured(),
    "one run": lambda: measured(architectures=["-+v"], betas=[1.0]),
    "rate targets": lambda: measured(architectures=["---", "+++"], targets=(5, 20)),
    "12 curves": lambda: with_measures(synthetic.curves(rates=(10,))),
    "12 curves and 36 runs": lambda: both(),
    "two curves beside annealed runs": lambda: both(architectures=["---", "+++"], anneals=(0, 4)),
    "no rate at all": lambda: measured(betas=[1.0]).assign(rate=0.0, mi_lower=0.0, mi_upper=0.0),
    "high rates": lambda: measured().assign(rate=lambda t: 4 * t["rate"]),
}


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("table", TABLES)
def test_texts_are_readable(figure, table):
    assert_readable(FIGURES[figure](TABLES[table](), note="a small run", missing=["gone"] * 5))


@pytest.mark.parametrize("figure", FIGURES)
def test_parts_and_objectives_of_a_user_are_readable(extension, figure):
    table = measured(architectures=own.ARCHITECTURES, betas=(0.1, 1.0), free_bits=(4, 12))
    assert_readable(FIGURES[figure](table))


@pytest.mark.parametrize("figure", FIGURES)
def test_runs_of_different_precisions_are_counted(figure):
    table = measured()
    table.loc[:8, "precision"] = "bfloat16"
    assert "9 runs trained in bfloat16, 27 in float32" in written(FIGURES[figure](table))


@pytest.mark.parametrize("figure", FIGURES)
def test_the_table_is_left_as_it_was(figure):
    table = measured(targets=(5,))
    before = table.copy()
    FIGURES[figure](table)
    assert table.equals(before)


@pytest.mark.parametrize("figure", FIGURES)
def test_runs_without_the_measure_are_counted(figure):
    table = measured()
    table.loc[:3, ["probe_accuracy", "mi_upper", "gap"]] = np.nan
    assert "4 runs without this measure" in written(FIGURES[figure](table))


@pytest.mark.parametrize(("figure", "reason"), [
    ("probe", "has no labels"), ("gap", "mi_images 0"), ("exact", "density of the images is not known"),
])  # fmt: skip
def test_a_table_without_the_measure_is_refused(figure, reason):
    with pytest.raises(UserError, match=reason):
        FIGURES[figure](synthetic.table())


def test_the_cap_of_the_lower_bound_is_written():
    assert "log K = 6.2" in written(draw_marginal_gap(measured()))


def test_a_bound_below_no_gap_is_explained_where_there_is_one():
    table = measured()
    assert "no gap is below 0" not in written(draw_marginal_gap(table))
    loose = table.assign(mi_upper=table["mi_upper"].where(table.index > 0, table["rate"] + 3))
    assert "no gap is below 0" in written(draw_marginal_gap(loose))


@pytest.mark.parametrize("classes", [2, 10, 26])
def test_the_number_of_classes_is_that_of_the_labels(classes):
    shown = written(draw_probe_accuracy(measured().assign(probe_classes=classes)))
    assert f"log {classes} " in shown and f"a guess among {classes} classes: {1 / classes:.0%}" in shown
    assert f"R = 2 log {classes} = {2 * np.log(classes):.1f}" in shown and "ten" not in shown


def test_categories_are_not_drawn_where_labels_are_no_classes():
    shown = written(draw_probe_accuracy(measured(dataset="omniglot").assign(probe_classes=50)))
    assert "a guess among 50 classes: 2%" in shown
    assert "log" not in shown and "semantic" not in shown and "can be read" not in shown


@pytest.mark.parametrize("figure", FIGURES)
def test_annealed_runs_are_told_apart(figure):
    assert "dotted ring: annealed β" in written(FIGURES[figure](measured(anneals=(0, 4), architectures=["---"])))
    assert "annealed" not in written(FIGURES[figure](measured()))


@pytest.mark.parametrize("figure", FIGURES)
def test_curves_are_lines_among_the_marks_of_separate_runs(figure):
    alone, joined = (FIGURES[figure](table).axes[0] for table in (measured(), both()))
    assert len(joined.get_lines()) == len(alone.get_lines()) + 12
    shown = written(FIGURES[figure](both()))
    assert "a curve: one training" in shown and "12 curves and 36 separate runs" in shown


@pytest.mark.parametrize("figure", FIGURES)
def test_points_of_curves_without_the_measure_are_counted_as_such(figure):
    table = both()
    table.loc[:1, ["probe_accuracy", "mi_upper", "gap"]] = np.nan
    assert "2 points of curves without this measure" in written(FIGURES[figure](table))


@pytest.mark.parametrize("figure", FIGURES)
def test_where_all_are_curves_no_error_is_explained(figure):
    assert "standard error" not in written(FIGURES[figure](with_measures(synthetic.curves())))
