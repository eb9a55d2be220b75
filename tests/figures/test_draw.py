"""Figures by name, from an experiment's folder."""

import numpy as np
import own
import pandas as pd
import pytest
import synthetic
from reading import written

from rdplane.declare import declared
from rdplane.errors import UserError
from rdplane.experiment.config import resolve_config
from rdplane.experiment.layout import SELECTED, Layout, cell_of
from rdplane.figures import draw as drawing
from rdplane.figures import style
from rdplane.figures.draw import draw, draw_cell

SETTINGS = {"titles": True, "note": "a small run", "published": False}


def make(folder, table):
    """An experiment's folder with everything that its figures read."""
    table.to_csv(folder / "rd.csv", index=False)
    (folder / "missing.csv").write_text("cell,reason\ngone,it diverged\n")
    for name, rows in table.groupby(table["cell"].map(cell_of)):
        run, cell = rows.iloc[0], folder / "cells" / name
        cell.mkdir(parents=True)
        curve = run["objective"] == "curve"
        history = synthetic.history_of_curve(run) if curve else synthetic.history(run)
        history.to_csv(cell / "history.csv", index=False)
        points = rows["cell"].str.split("@").str[-1].tolist()
        samples = synthetic.samples_of_points(points) if curve else synthetic.samples()
        np.savez_compressed(cell / "samples.npz", **samples)
    return folder


def measured(table):
    table = table.assign(probe_accuracy=0.5, probe_accuracy_se=0.02, probe_classes=10)
    table = table.assign(label_information=0.5, label_information_se=0.02, label_entropy=2.3)
    return synthetic.with_information(synthetic.with_density(table))


@pytest.fixture
def folder(tmp_path):
    table = synthetic.table(architectures=["---", "+++"], targets=(5,))
    return make(tmp_path, measured(table))


@pytest.fixture
def seen(monkeypatch):
    """The figures that are saved."""
    figures = []
    save = drawing.style.save
    monkeypatch.setattr(drawing.style, "save", lambda figure, *paths: figures.append(figure) or save(figure, *paths))
    return figures


NAMES = [name for name in declared().plots if name != SELECTED]


@pytest.mark.parametrize("name", NAMES)
def test_every_declared_figure_is_drawn(folder, seen, name):
    draw(name, folder, SETTINGS)
    assert (folder / "figures" / f"{name}.png").exists() and (folder / "figures" / f"{name}.pdf").exists()
    shown = written(seen[0])
    assert declared().figures[name].title in shown and "a small run" in shown


@pytest.mark.parametrize("name", NAMES)
def test_titles_can_be_switched_off(folder, seen, name):
    draw(name, folder, {**SETTINGS, "titles": False})
    shown = written(seen[0])
    assert declared().figures[name].title not in shown and "mnist5k" not in shown and "a small run" in shown


@pytest.mark.parametrize("titles", [True, False])
def test_titles_are_a_setting_of_every_figure(titles):
    layout = Layout(resolve_config({"dataset": "mnist5k", "figures": {"titles": titles}}))
    assert all(layout.figure_settings(name)["titles"] is titles for name in layout.plots)


def test_the_title_of_a_figure_without_numbers_can_be_switched_off(tmp_path, seen):
    draw("probe_accuracy", make(tmp_path, synthetic.table(architectures=["---"])), {**SETTINGS, "titles": False})
    assert "No run has" in written(seen[0]) and declared().figures["probe_accuracy"].title not in written(seen[0])


def test_names_and_order_of_the_figures():
    assert list(declared().plots) == [
        "rd_plane", "rd_plane_by_group", "elbo_rate", "curve_gap", "training_curves", "label_information",
        "probe_accuracy", "marginal_gap", "calibration", "exact_gap", "samples_betas", "samples_curve",
        "samples_models", "samples_frontier", "samples_equal_elbo", "samples_selected",
    ]  # fmt: skip
    assert list(declared().toy_plots) == ["phase_diagram", "toy_models", "toy_curve"]


def test_a_sample_grid_of_the_configuration_shows_its_cells(folder, seen):
    cells = synthetic.table(architectures=["---"], betas=(0.5,))["cell"].tolist()
    draw("samples_mine", folder, {**SETTINGS, "cells": cells})
    assert (folder / "figures" / "samples_mine.png").exists()
    assert "Reconstructions and generations" in written(seen[0]) and "β 0.5" in written(seen[0])


@pytest.mark.parametrize("name", ["nonsense", "phase_diagram", "samples_mine"])
def test_a_name_that_is_no_figure_of_the_experiment_is_refused(folder, name):
    with pytest.raises(UserError, match="is unknown; expected one of rd_plane"):
        draw(name, folder, SETTINGS)


def test_a_table_without_rows_is_refused(folder):
    synthetic.table().iloc[:0].to_csv(folder / "rd.csv", index=False)
    with pytest.raises(UserError, match="no rows"):
        draw("rd_plane", folder, SETTINGS)


@pytest.mark.parametrize(("name", "measure"), [
    ("probe_accuracy", "linear probe"), ("marginal_gap", "bounds on I"), ("exact_gap", "known density"),
])  # fmt: skip
def test_a_figure_of_a_measure_that_no_run_has_says_why(tmp_path, seen, name, measure):
    draw(name, make(tmp_path, synthetic.table(architectures=["---"])), SETTINGS)
    shown = written(seen[0])
    assert measure in shown and "No run has" in shown and "a small run" in shown and "missing: gone" in shown
    assert declared().figures[name].title in shown


def test_only_what_a_figure_needs_is_read(folder):
    for path in folder.glob("cells/*/*"):
        path.write_bytes(b"damaged")
    draw("rd_plane", folder, SETTINGS)
    with pytest.raises(UserError, match=r"history\.csv"):
        draw("training_curves", folder, SETTINGS)
    with pytest.raises(UserError, match=r"samples\.npz"):
        draw("samples_frontier", folder, SETTINGS)


@pytest.mark.parametrize("name", NAMES)
def test_every_declared_figure_is_drawn_of_curves(tmp_path, seen, name):
    draw(name, make(tmp_path, measured(synthetic.curves(architectures=["---", "+++"], rates=(20,)))), SETTINGS)
    assert declared().figures[name].title in written(seen[0])


@pytest.mark.parametrize(("objective", "drawn"), [("beta", False), ("curve", True)])
def test_a_figure_of_an_objective_is_only_in_experiments_that_have_it(objective, drawn):
    grid = {"architectures": ["---"], objective: [[0.05, 1.25] if objective == "curve" else 1.0]}
    if objective == "curve":
        grid["beta"] = []
    plots = Layout(resolve_config({"dataset": "mnist5k", "grid": grid})).plots
    assert ("samples_curve" in plots) is drawn and ("samples_betas" in plots) is not drawn


def test_a_figure_of_an_objective_says_so_where_none_of_its_runs_is_finished(tmp_path, seen):
    draw("samples_curve", make(tmp_path, synthetic.table(architectures=["---"])), SETTINGS)
    assert "No run was trained with the objective 'RD curve over β'." in written(seen[0])


def test_samples_along_betas_say_why_where_only_curves_were_trained(tmp_path, seen):
    draw("samples_betas", make(tmp_path, synthetic.curves(architectures=["---"])), SETTINGS)
    assert "No run was trained with the objective 'weight β'." in written(seen[0])


def test_every_row_of_a_curve_has_the_history_of_its_training_run(tmp_path, monkeypatch):
    each = synthetic.curves(architectures=["---"]), synthetic.table(architectures=["---"])
    folder, given = make(tmp_path, pd.concat(each)), []
    figures = "rdplane.figures.training_curves.draw_training_curves"
    monkeypatch.setattr(figures, lambda table, histories: given.append((table, histories)) or style.empty("", "none"))
    draw("training_curves", folder, SETTINGS)
    [(table, histories)] = given
    assert [len(history) for history in histories] == [20] * 11 + [8] * 3 and len(table) == 14


def test_training_of_a_curve_is_drawn_into_its_folder(tmp_path):
    table = synthetic.curves(architectures=["---"])
    folder, cell = make(tmp_path, table), cell_of(table["cell"].iloc[0])
    draw_cell(folder, cell, SETTINGS)
    assert (folder / "cells" / cell / "training.png").exists()


def test_a_fault_of_ours_keeps_its_traceback(folder, monkeypatch):
    monkeypatch.setattr("rdplane.figures.plane.draw_runs", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        draw("rd_plane", folder, SETTINGS)


def test_training_of_one_cell_is_drawn_into_its_folder(folder):
    cell = synthetic.table(architectures=["---"])["cell"].iloc[0]
    draw_cell(folder, cell, SETTINGS)
    assert (folder / "cells" / cell / "training.png").exists() and (folder / "cells" / cell / "training.pdf").exists()


def test_training_of_a_cell_that_is_not_there_is_refused(folder):
    with pytest.raises(UserError, match="no cell gone"):
        draw_cell(folder, "gone", SETTINGS)


@pytest.fixture
def own_folder(extension, tmp_path):
    """The same for runs of a user's parts and objective."""
    place = tmp_path / "experiment"
    place.mkdir()
    return make(place, measured(synthetic.table(architectures=own.ARCHITECTURES, betas=(0.1, 1.0), free_bits=(4, 12))))


@pytest.mark.parametrize("name", [*NAMES, "seconds", "curves"])
def test_every_figure_is_drawn_with_what_a_user_adds(own_folder, name):
    draw(name, own_folder, SETTINGS)
    assert (own_folder / "figures" / f"{name}.png").exists()


def test_a_figure_of_a_user_has_the_style_of_the_others(own_folder, seen):
    draw("seconds", own_folder, SETTINGS)
    assert "Time and ELBO" in written(seen[0])
    assert not seen[0].axes[0].spines["top"].get_visible()


def test_the_title_of_a_figure_of_a_user_can_be_switched_off(own_folder, seen):
    draw("seconds", own_folder, {**SETTINGS, "titles": False})
    assert "Time and ELBO" not in written(seen[0])


def test_a_fault_in_a_figure_of_a_user_names_file_line_and_error(own_folder, extension):
    with pytest.raises(UserError) as caught:
        draw("faulty", own_folder, SETTINGS)
    line = own.line('return table["no such column"]')
    assert str(caught.value).startswith(f"{extension}, line {line}: the figure faulty cannot be drawn: KeyError:")
    assert "no such column" in str(caught.value) and "\n" not in str(caught.value)


def test_a_figure_of_a_user_that_cannot_be_written_names_file_and_error(own_folder, extension):
    with pytest.raises(UserError) as caught:
        draw("maths", own_folder, SETTINGS)
    assert str(caught.value).startswith(f"{extension}: the figure maths cannot be drawn: ValueError:")
    assert not (own_folder / "figures" / "maths.png").exists()


def test_what_is_no_figure_is_refused(own_folder, extension):
    with pytest.raises(UserError, match=r"draw_no_figure returns DataFrame, expected a matplotlib\.figure\.Figure"):
        draw("no_figure", own_folder, SETTINGS)


def test_a_figure_that_asks_for_what_there_is_not_is_refused(own_folder):
    with pytest.raises(UserError, match="draw_greedy asks for 'weather', expected only table, note"):
        draw("greedy", own_folder, SETTINGS)
