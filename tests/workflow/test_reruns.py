"""Only changed cells rerun: what a dry run wants after an edit of a finished grid, by counting its jobs."""

import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml

FIGURES = 10  # five plots, four sample grids chosen by the table, one by the configuration
LATER = {"aggregate": 1, "tables": 1, "figure": FIGURES, "page": 1}  # all that follows the cells


def test_nothing_after_a_finished_run(project):
    assert project.wanted() == {}


def test_reformatted_and_reordered_configuration(project):
    project.config["grid"]["beta"] = [1, 0.5]
    project.config["grid"]["architectures"] = ["-+v", "---"]
    text = "# a comment\n" + yaml.safe_dump(dict(reversed(project.config.items())), sort_keys=False, indent=6)
    project.write(text)
    assert project.wanted() == {}


def test_another_spelling_of_a_number(project):
    for spelling in (1.0, "1e0"):
        project.config["grid"]["beta"] = [0.5, spelling]
        project.config["training"]["learning_rate"] = "1e-2"
        project.write()
        assert project.wanted() == {}


def test_touched_files_of_a_checkout(project):
    for path in [project.folder / "Snakefile", project.folder / "config.yaml", *project.folder.glob("workflow/**/*")]:
        os.utime(path)
    assert project.wanted() == {}


def test_added_beta_trains_only_new_cells(project):
    project.config["grid"]["beta"] = [0.5, 0.7, 1]
    project.write()
    assert project.wanted() == {"train": 2, "evaluate": 2, "sample": 2} | LATER


def test_added_seed_trains_only_new_cells(project):
    project.config["grid"]["seed"] = [0, 1]
    project.write()
    assert project.wanted() == {"train": 4, "evaluate": 4, "sample": 4} | LATER


def test_added_architecture_trains_only_new_cells(project):
    project.config["grid"]["architectures"] = ["---", "-+v", "--+"]
    project.write()
    assert project.wanted() == {"train": 2, "evaluate": 2, "sample": 2} | LATER


def test_removed_beta_trains_nothing_and_leaves_the_table(project):
    project.config["grid"]["beta"] = [1]
    project.write()
    assert project.wanted() == LATER
    run = project.snakemake()
    assert run.returncode == 0, run.stderr
    assert set(pd.read_csv(project.folder / "results/tiny/rd.csv").beta) == {1.0}


def test_changed_epochs_of_one_architecture(project):
    project.config["overrides"] = {"-+v": {"training": {"epochs": 3}}}
    project.write()
    assert project.wanted() == {"train": 2, "evaluate": 2, "sample": 2} | LATER


def test_size_of_one_part_trains_the_models_that_have_it(project):
    project.config["model"]["pseudo_inputs"] = 4
    project.write()
    assert project.wanted() == {"train": 2, "evaluate": 2, "sample": 2} | LATER


def test_change_undone_finds_the_old_cells(project):
    project.config["training"]["epochs"] = 3
    project.write()
    assert project.wanted()["train"] == 4
    project.config["training"]["epochs"] = 2
    project.write()
    assert project.wanted() == {}


def test_figure_setting_redraws_figures(project):
    project.config["figures"]["note"] = "another note"
    project.write()
    assert project.wanted() == {"figure": FIGURES, "page": 1}


def test_evaluation_setting_evaluates_and_later(project):
    project.config["evaluation"] = {"z_samples": 2}
    project.write()
    assert project.wanted() == {"evaluate": 4} | LATER


def test_sampling_setting_samples_and_draws_the_sample_grids(project):
    project.config["sampling"]["draws"] = 3
    project.write()
    assert project.wanted() == {"sample": 4, "figure": 5, "page": 1}


def test_how_cells_are_computed_is_no_reason(project):
    project.config["compute"]["checkpoint_seconds"] = 5
    project.write()
    assert project.wanted() == {}


def _edit(project, module, addition="\n\nEDITED = True\n"):
    path = project.folder / "src/rdplane" / module
    path.write_text(path.read_text() + addition)


def test_comment_in_model_code(project):
    _edit(project, "models/vae.py", "\n# a comment\n")
    assert project.wanted() == {}


def test_edited_decoder_trains_its_own_cells(project):
    _edit(project, "models/pixelcnn.py")
    assert project.wanted() == {"train": 2, "evaluate": 2, "sample": 2} | LATER


def test_edited_training_engine_trains_all(project):
    _edit(project, "train/loop.py")
    assert project.wanted()["train"] == 4


def test_accepted_edit_keeps_old_results(project):
    _edit(project, "models/pixelcnn.py")
    code = "from rdplane.experiment import versions; assert versions.accept() == ['decoder +']"
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(project.folder / "src")}, check=True)
    assert project.wanted() == {}


def test_edited_figure_is_redrawn_alone(project):
    _edit(project, "figures/rd_plane.py")
    assert project.wanted() == {"figure": 1}


def test_edited_style_redraws_all(project):
    _edit(project, "figures/style.py")
    assert project.wanted() == {"figure": FIGURES, "page": 1, "toy_figure": 3}


def test_edited_measure_evaluates_and_trains_nothing(project):
    _edit(project, "evaluate/units.py")
    assert project.wanted() == {"evaluate": 4} | LATER


def test_edited_category_evaluates_nothing(project):
    _edit(project, "table/category.py")
    wanted = project.wanted()
    assert {"train", "evaluate", "sample", "aggregate"}.isdisjoint(wanted) and wanted["tables"] == 1


def test_edited_aggregation_trains_nothing(project):
    _edit(project, "table/rd.py")
    assert project.wanted() == LATER


def test_forgotten_memory_is_no_reason(project):
    shutil.rmtree(project.folder / ".snakemake")
    assert project.wanted() == {}


def test_forgotten_memory_still_notices_changed_epochs(project):
    shutil.rmtree(project.folder / ".snakemake")
    project.config["overrides"] = {"-+v": {"training": {"epochs": 3}}}
    project.write()
    assert project.wanted()["train"] == 2


@pytest.mark.parametrize("copy", [shutil.copy2, shutil.copy], ids=["dates kept", "dates new"])
def test_results_moved_elsewhere_stay_finished(project, copy):
    moved = project.folder.parent / "moved"
    shutil.copytree(project.folder, moved, copy_function=copy, ignore=shutil.ignore_patterns(".snakemake"))
    project.folder = moved
    assert "train" not in project.wanted()


@pytest.mark.parametrize("copy", [shutil.copy2, shutil.copy], ids=["dates kept", "dates new"])
def test_results_under_another_name_stay_finished(project, copy, monkeypatch):
    monkeypatch.setenv("RDPLANE_RESULTS", str(project.folder / "archive of results"))
    shutil.copytree(project.folder / "results", project.folder / "archive of results", copy_function=copy)
    assert "train" not in project.wanted()


def test_edited_page_script_writes_the_page_only(project):
    _edit(project, "page/page.js", "\n// a change\n")
    assert project.wanted() == {"page": 1}


def test_toy_target_added_trains_only_its_cells(project):
    project.config["toy"]["rate_penalty"] = [0.25, 0.5]
    project.write()
    assert project.wanted() == {"toy_cell": 1, "toy_table": 1, "toy_figure": 3}
