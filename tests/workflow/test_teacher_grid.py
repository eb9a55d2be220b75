"""A grid on images of a teacher: it is trained, draws them, and every cell is measured against their density."""

import pandas as pd


def test_a_teacher_draws_the_images_of_a_grid(project):
    project.config |= {"experiment": "taught", "dataset": "teacher"}
    project.config["teacher"] = {
        "dataset": "stripes", "images": [60, 20, 40], "epochs": 2, "batch_size": 8, "pixelcnn_depth": 2
    }  # fmt: skip
    project.config["grid"]["extra"] = [{"architecture": ["0+-"], "beta": 1}]
    project.config["evaluation"]["gen_samples"] = 0
    project.write()
    wanted = project.wanted()
    jobs = {rule: wanted[rule] for rule in ("teacher", "draw_images", "train", "prefix")}
    assert jobs == {
        "teacher": 1,
        "draw_images": 1,
        "train": 5,
        "prefix": 1,
    }  # the images that it learns from are there already
    run = project.snakemake()
    assert run.returncode == 0, run.stdout + run.stderr
    table = pd.read_csv(project.folder / "results/taught/rd.csv")
    gap = table["rate"] + table["distortion"] - table["entropy"]
    pd.testing.assert_series_equal(table["gap"], gap, check_names=False)
    assert (table["entropy"] == table["entropy"][0]).all()
    assert (table["rate"][table["architecture"] == "0+-"] == 0).all()
    prefix = pd.read_csv(project.folder / "results/taught/tables/prefix.csv")
    nll = table["distortion"][table["architecture"] == "0+-"].item()
    assert (abs(prefix["rate"] + prefix["distortion"] - nll) < 1e-3).all() and prefix["label_information"].isna().all()
    assert (project.folder / "results/taught/figures/calibration.png").exists()
    assert project.wanted() == {}
