"""Training curves of one cell and of all."""

import numpy as np
import pandas as pd
import pytest
import synthetic
from reading import assert_readable, written

from rdplane.errors import UserError
from rdplane.figures.training import draw_training, read_history
from rdplane.figures.training_curves import draw_training_curves

TABLES = {
    "36 runs": lambda: synthetic.table(),
    "12 curves": lambda: synthetic.curves(),
    "12 curves and 36 runs": lambda: pd.concat([synthetic.curves(), synthetic.table()], ignore_index=True),
    "one run": lambda: synthetic.table(architectures=["-+v"], betas=[1.0]),
    "only rate targets": lambda: synthetic.table(architectures=["---", "+++"], betas=(), targets=(5, 20)),
    "every objective": lambda: synthetic.table(
        architectures=["---", "+++"], betas=np.linspace(0.1, 2, 20), targets=(5, 20), penalties=(9, 18)
    ),
}


def history(run, epochs=8):
    return (synthetic.history_of_curve if run["objective"] == "curve" else synthetic.history)(run, epochs=epochs)


def overview(table, **options):
    return draw_training_curves(table, [history(run) for _, run in table.iterrows()], **options)


@pytest.mark.parametrize("epochs", [1, 8, 200])
def test_training_curves_are_readable(epochs):
    run = synthetic.table(anneals=[100]).iloc[4]
    assert_readable(draw_training(synthetic.history(run, epochs), run, note="a small run"))


@pytest.mark.parametrize("table", TABLES)
def test_the_overview_of_training_is_readable(table):
    assert_readable(overview(TABLES[table]()))


def colours(figure):
    return {tuple(colour) for collection in figure.axes[0].collections for colour in collection.get_colors()}


@pytest.mark.parametrize("objectives", [{"betas": (0.1, 1.0)}, {"betas": (), "free_bits": (4, 8, 12)}])
def test_lines_are_coloured_and_labelled_by_the_number_of_their_objective(extension, objectives):
    table = synthetic.table(architectures=["---"], **{"betas": (), **objectives})
    figure = overview(table)
    assert len(colours(figure)) == len(table)
    key = figure.axes[-1].get_legend()
    values = [value for numbers in objectives.values() for value in numbers]
    assert [text.get_text() for text in key.get_texts()] == [f"{value:g}" for value in values]
    assert key.get_title().get_text() == ("β" if objectives["betas"] else "λ")


def test_objectives_have_colours_of_their_own():
    table = TABLES["every objective"]().query("architecture == '---'")
    assert len(colours(overview(table))) == len(table)
    assert "nan" not in written(overview(table))


def test_training_of_an_objective_of_a_user_is_titled_as_it_declares(extension):
    run = synthetic.table(architectures=["tmg"], betas=(), free_bits=(4,)).iloc[0]
    shown = written(draw_training(synthetic.history(run), run))
    assert "Training of tmg, λ 4" in shown and "nan" not in shown


def test_the_overview_needs_the_history_of_every_run():
    table = synthetic.table().iloc[:3]
    with pytest.raises(ValueError, match="3 runs and 1 histories"):
        draw_training_curves(table, [synthetic.history(table.iloc[0])])


def test_precisions_and_missing_cells_are_written():
    table = synthetic.table()
    table.loc[0, "precision"] = "bfloat16"
    shown = written(overview(table, missing=["gone"]))
    assert "1 run trained in bfloat16, 35 in float32" in shown and "1 of 37 cells missing: gone" in shown


def test_history_is_read_back(tmp_path):
    history = synthetic.history(synthetic.table().iloc[0])
    history.to_csv(tmp_path / "history.csv", index=False)
    assert np.allclose(read_history(tmp_path / "history.csv"), history)


@pytest.mark.parametrize(
    ("content", "message"), [("", "cannot be read"), ("epoch,beta\n1,1\n", "column learning_rate is missing")]
)
def test_a_history_that_is_damaged_is_refused(tmp_path, content, message):
    (tmp_path / "history.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        read_history(tmp_path / "history.csv")


@pytest.mark.parametrize("epochs", [1, 8, 200])
def test_training_of_a_curve_is_readable(epochs):
    run = synthetic.curves().iloc[4]
    assert_readable(draw_training(history(run, epochs), run, note="a small run"))


def test_training_of_a_curve_has_one_line_of_training_and_one_for_each_beta_validated():
    run = synthetic.curves(architectures=["---"]).iloc[4]
    drawn = draw_training(history(run), run)
    dashes = [line.get_linestyle() for line in drawn.axes[0].get_lines()]
    assert dashes.count("--") == 1 and dashes.count("-") == 3
    shown = written(drawn)
    assert "Training of −−−, β 0.05 to 1.25" in shown and "validation, β 0.25" in shown and "anneal" not in shown


def segments(axes):
    return [segment for collection in axes.collections for segment in collection.get_segments()]


def test_the_overview_draws_a_curve_once_and_not_for_each_of_its_points():
    table = synthetic.curves(architectures=["---"])
    drawn = overview(table)
    assert len(table) == 11 and len(segments(drawn.axes[0])) == 3
    assert [len(segment) for segment in segments(drawn.axes[0])] == [8, 7, 5]  # each from where it was reached


def test_the_overview_tells_betas_of_curves_from_those_of_separate_runs():
    table = pd.concat([synthetic.table(architectures=["---"]), synthetic.curves(architectures=["---"])])
    drawn = overview(table)
    assert len(segments(drawn.axes[0])) == 3 + 3
    key = [text.get_text() for text in drawn.axes[-1].get_legend().get_texts()]
    assert key == ["0.1", "0.5", "1", "β of curves", "0.05", "0.25", "1.25"]


def test_betas_of_validation_have_three_digits():
    run = synthetic.curves(architectures=["---"]).iloc[4]
    whole = synthetic.history_of_curve(run, ends=(0.2, 1.5))
    key = draw_training_curves(run.to_frame().T, [whole]).axes[-1].get_legend()
    assert [text.get_text() for text in key.get_texts()] == ["0.2", "0.548", "1.5"]


def test_a_range_that_is_not_open_yet_is_told_with_three_digits():
    run = synthetic.curves(architectures=["---"]).iloc[4]
    whole = synthetic.history_of_curve(run, ends=(0.2, 1.5))
    shown = written(draw_training(whole[whole["beta"] < 1], run))
    assert "Training of −−−, β 0.2 to 0.548" in shown and "validation, β 0.548" in shown


def test_one_beta_has_one_colour_on_a_curve_and_alone():
    curve, alone = synthetic.curves(architectures=["---"]), synthetic.table(architectures=["---"], betas=(0.05, 1.25))
    [collection] = overview(pd.concat([alone, curve])).axes[0].collections
    lines = collection.get_colors()
    assert tuple(lines[0]) == tuple(lines[2]) and tuple(lines[1]) == tuple(lines[4])


def test_a_history_of_a_curve_is_read_back(tmp_path):
    whole = synthetic.history_of_curve(synthetic.curves().iloc[0])
    whole.to_csv(tmp_path / "history.csv", index=False)
    assert np.allclose(read_history(tmp_path / "history.csv"), whole)
