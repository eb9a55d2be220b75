"""Curves in a finished grid: one training each, a row for each point, and a point that is added is measured alone."""

import pandas as pd
import pytest

LATER = {"aggregate": 1, "tables": 1, "page": 1}


@pytest.fixture
def curves(project):
    """The grid with two curves beside its cells, whole."""
    project.config["grid"]["curve"] = [[0.1, 1.5]]
    project.config["evaluation"]["curve_points"] = [0.2, 0.5]
    project.write()
    wanted = project.wanted()
    assert {rule: wanted[rule] for rule in ("train", "evaluate", "sample")} == {"train": 2, "evaluate": 2, "sample": 2}
    run = project.snakemake()
    assert run.returncode == 0, run.stdout + run.stderr
    return project


def kept(project):
    """When each measure of a point was kept."""
    return {path: path.stat().st_mtime_ns for path in project.folder.glob("results/tiny/cells/*/state/measures/*/*")}


def test_a_curve_is_one_training_and_a_row_for_each_point(curves):
    results = curves.folder / "results/tiny"
    table = pd.read_csv(results / "rd.csv")
    points = table[table["objective"] == "curve"]
    assert sorted(points["beta"]) == [0.2, 0.2, 0.5, 0.5, 1.0, 1.0]  # 1.0 beside a separate cell
    assert len(list(results.glob("cells/*_curve0.1-1.5_*/model.safetensors"))) == 2

    gaps = pd.read_csv(results / "tables/curve_gap.csv")
    assert sorted(zip(gaps["architecture"], gaps["beta"], strict=True)) == [
        (name, beta) for name in ("-+v", "---") for beta in (0.5, 1.0)
    ]
    assert gaps["j_difference_se"].notna().all()
    assert all((results / f"figures/{name}.png").exists() for name in ("curve_gap", "samples_curve", "rd_plane"))
    assert curves.wanted() == {}

    before = kept(curves)
    curves.config["evaluation"]["curve_points"] = [0.2, 0.3, 0.5]
    curves.write()
    wanted = curves.wanted()
    assert wanted.pop("figure") > 0 and wanted == {"evaluate": 2, "sample": 2} | LATER
    run = curves.snakemake("results/tiny/rd.csv")
    assert run.returncode == 0, run.stdout + run.stderr
    after = kept(curves)
    assert {path: after[path] for path in before} == before
    assert {path.parent.name for path in after.keys() - before.keys()} == {"beta0.3"}
    table = pd.read_csv(results / "rd.csv")
    assert sorted(table[table["objective"] == "curve"]["beta"]) == [0.2, 0.2, 0.3, 0.3, 0.5, 0.5, 1.0, 1.0]
