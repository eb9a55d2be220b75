"""Points of a curve beside separate trainings: what is compared with what, and how sure the difference is."""

import numpy as np
import pandas as pd
import pytest
import torch

from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.evaluate.kept import Kept
from rdplane.experiment.config import resolve_config
from rdplane.experiment.layout import TABLES, Layout, cell_of
from rdplane.table.curve_gap import COLUMNS, compare, markdown, paired, read_gaps
from rdplane.table.rd import columns
from rdplane.table.short import write_tables

N = 50
COVARIANCE = np.array(  # of R and D of the curve, R and D of the separate training, on one image
    [[4.0, -1.0, 3.5, -0.8], [-1.0, 9.0, -0.7, 8.5], [3.5, -0.7, 4.5, -0.9], [-0.8, 8.5, -0.9, 10.0]]
)
MEANS = np.array([20.0, 70.0, 21.0, 69.5])


def images(covariance=COVARIANCE, means=MEANS):
    """Numbers of N images, (N, 4), whose means and covariances over images are exactly these."""
    made = np.random.default_rng(0).normal(size=(N, 4))
    made -= made.mean(axis=0)
    white = made @ np.linalg.inv(np.linalg.cholesky(np.cov(made.T))).T
    return white @ np.linalg.cholesky(covariance).T + means


def run(objective="beta", beta=0.5, rate=21.0, distortion=69.5, **changes):
    """A row of rd.csv."""
    seed = changes.get("seed", 0)
    cells = {"curve": f"vae-+v_curve0.05-1.25_seed{seed}_ab@{beta:g}", "beta": f"vae-+v_beta{beta:g}_seed{seed}_ab"}
    known = {
        "experiment": "e", "dataset": "mnist5k", "architecture": "-+v", "encoder": "-", "decoder": "+", "marginal": "v",
        "objective": objective, "beta": beta, "anneal": 0, "seed": 0, "epochs": 6, "epoch": 6, "parameters": 9,
        "rate": rate, "rate_se": 0.3, "distortion": distortion, "distortion_se": 0.9, "neg_elbo": rate + distortion,
        "neg_elbo_se": 1.0, "images": N, "z_samples": 4, "train_seconds": 31.25, "device": "cpu",
        "precision": "float32", "cell": cells.get(objective, "other"),
    }  # fmt: skip
    return {name: np.nan for name in columns()} | known | changes


def curve(**changes):
    return run("curve", **({"rate": 20.0, "distortion": 70.0, "train_seconds": 80.0, "epochs": 9} | changes))


def table(*rows):
    return pd.DataFrame(rows, columns=list(columns()))


def keep(folder, row, rate, distortion, pixels="a digest"):
    """Keep numbers per image as an evaluation does."""
    point = f"beta{row['beta']:.10g}" if row["objective"] == "curve" else ""
    kept = Kept(folder / "cells" / cell_of(row["cell"]), point)
    per_image = {"rate": torch.from_numpy(rate), "distortion": torch.from_numpy(distortion)}
    kept.write(declared().measures["rate_distortion"], {"images": pixels}, {}, per_image)
    return kept.folder / "rate_distortion.npz"


def keep_both(folder, made=None, **changes):
    made = images() if made is None else made
    return [keep(folder, curve(), *made.T[:2]), keep(folder, run(), *made.T[2:], **changes)]


def only(gaps):
    assert len(gaps) == 1
    return gaps.iloc[0]


# --- the numbers


@pytest.mark.parametrize(
    ("name", "weights"), [("rate", (1, 0, -1, 0)), ("distortion", (0, 1, 0, -1)), ("j", (0.5, 1, -0.5, -1))]
)
def test_errors_are_those_of_differences_on_the_same_images(tmp_path, name, weights):
    keep_both(tmp_path)
    row = only(compare(table(run(), curve()), tmp_path))
    assert row[f"{name}_difference"] == pytest.approx(np.dot(weights, MEANS))
    assert row[f"{name}_difference_se"] == pytest.approx(np.sqrt(weights @ COVARIANCE @ weights / N))


def test_the_error_of_one_model_against_itself_is_zero(tmp_path):
    same = images()[:, [0, 1, 0, 1]]
    keep_both(tmp_path, same)
    row = only(compare(table(run(rate=20.0, distortion=70.0), curve()), tmp_path))
    assert (row["j_difference"], row["j_difference_se"]) == (0, 0)
    assert "without an error" not in markdown(row.to_frame().T)


def test_independent_images_have_the_errors_of_both():
    first, second = np.random.default_rng(0).normal(size=(2, 100_000)) * [[3.0], [4.0]]
    assert paired(first, second) == pytest.approx(5 / np.sqrt(100_000), rel=0.01)


def test_what_is_minimised_is_weighted_by_beta(tmp_path):
    row = only(compare(table(run(beta=0.1), curve(beta=0.1)), tmp_path))
    assert (row["j_curve"], row["j_separate"]) == pytest.approx((70 + 0.1 * 20, 69.5 + 0.1 * 21))
    assert row["j_difference"] == pytest.approx(row["distortion_difference"] + 0.1 * row["rate_difference"])


def test_the_difference_of_rates_is_relative_to_the_separate_training(tmp_path):
    assert only(compare(table(run(), curve()), tmp_path))["rate_relative"] == pytest.approx(-1 / 21)
    collapsed = only(compare(table(run(rate=0.0), curve()), tmp_path))
    assert np.isnan(collapsed["rate_relative"]) and collapsed["rate_difference"] == 20


def test_costs_of_both_are_told(tmp_path):
    row = only(compare(table(run(), curve()), tmp_path))
    assert (row["train_seconds_curve"], row["train_seconds_separate"]) == (80, 31.25)
    assert (row["epochs_curve"], row["epochs_separate"]) == (9, 6)


# --- what is compared


@pytest.mark.parametrize("changes", [{"beta": 0.4}, {"seed": 1}, {"architecture": "---"}])
def test_another_setting_is_not_compared(tmp_path, changes):
    assert compare(table(run(**changes), curve()), tmp_path).empty


def test_a_point_whose_beta_was_searched_is_not_compared(tmp_path):
    assert compare(table(run(), curve(rate_target=20.0)), tmp_path).empty


def test_other_objectives_are_not_compared(tmp_path):
    assert compare(table(run("rate_target", beta=np.nan, rate_target=20.0), curve()), tmp_path).empty


def test_each_annealing_is_a_comparison(tmp_path):
    annealed = run(anneal=3, cell="vae-+v_beta0.5_anneal3_seed0_ab")
    gaps = compare(table(run(), annealed, curve()), tmp_path)
    assert gaps["anneal"].tolist() == [0, 3] and gaps["cell_curve"].nunique() == 1


def test_each_curve_is_a_comparison(tmp_path):
    wide = curve(cell="vae-+v_curve0.01-2_seed0_ab@0.5")
    assert compare(table(run(), curve(), wide), tmp_path)["cell_curve"].tolist() == [curve()["cell"], wide["cell"]]


def test_seeds_are_compared_with_their_own(tmp_path):
    gaps = compare(table(run(), run(seed=1), curve(), curve(seed=1)), tmp_path)
    for name in ("cell_curve", "cell_separate"):
        assert gaps[name].str.extract(r"_seed(\d)_")[0].tolist() == ["0", "1"]


# --- numbers per image that are not there


def assert_without_error(gaps):
    row = only(gaps)
    assert gaps.filter(regex="_se$").isna().all(axis=None)
    assert row["j_difference"] == pytest.approx(0.0) and row["rate_difference"] == -1
    shown = markdown(gaps).splitlines()
    assert "±" not in shown[2] and "without an error" in shown[-1]


def test_without_numbers_per_image_there_is_no_error(tmp_path):
    assert_without_error(compare(table(run(), curve()), tmp_path))


@pytest.mark.parametrize("which", [0, 1])
def test_with_those_of_one_there_is_no_error(tmp_path, which):
    keep_both(tmp_path)[which].unlink()
    assert_without_error(compare(table(run(), curve()), tmp_path))


@pytest.mark.parametrize("which", [0, 1])
def test_damaged_numbers_give_no_error(tmp_path, which):
    keep_both(tmp_path)[which].write_bytes(b"damaged")
    assert_without_error(compare(table(run(), curve()), tmp_path))


@pytest.mark.parametrize("shift", [[1e-5, 0, 0, 0], [0, 0, 0, -1e-5]])
def test_numbers_of_another_measurement_give_no_error(tmp_path, shift):
    keep_both(tmp_path, images() + shift)
    assert_without_error(compare(table(run(), curve()), tmp_path))


def test_numbers_of_other_images_give_no_error(tmp_path):
    keep_both(tmp_path, pixels="another digest")
    assert_without_error(compare(table(run(), curve()), tmp_path))


# --- the files


@pytest.fixture
def folder(tmp_path):
    """An experiment with a comparison that has an error and one that has none."""
    keep_both(tmp_path)
    table(run(), run(beta=1.0), curve(), curve(beta=1.0)).to_csv(tmp_path / "rd.csv", index=False)
    return tmp_path


def test_the_table_reads_back_as_it_was_made(folder):
    write_tables(folder, ("curve_gap",))
    made = compare(table(run(), run(beta=1.0), curve(), curve(beta=1.0)), folder)
    pd.testing.assert_frame_equal(read_gaps(folder / "tables/curve_gap.csv"), made, check_dtype=False)
    assert made["j_difference_se"].isna().tolist() == [False, True]


def test_every_column_is_explained():
    assert all(column.text and (column.unit or column.type != "float64") for column in COLUMNS)


def test_people_read_differences_with_their_errors(folder):
    write_tables(folder, ("curve_gap",))
    head, _, first, second, _, caption = (folder / "tables/curve_gap.md").read_text().splitlines()
    error = np.sqrt(np.array([0.5, 1, -0.5, -1]) @ COVARIANCE @ [0.5, 1, -0.5, -1] / N)
    assert len({line.count("|") for line in (head, first, second)}) == 1 and "paired" in caption
    assert first.startswith(f"| `-+v` | 0.5 | 0 | 0 | +0.00 ± {error:.2f} | 20.00 | 21.00 | -1.00 ± ")
    assert "(-4.8%)" in first and first.endswith("| 9, 6 | 80, 31 |") and "| -0.50 |" in second


def test_the_table_is_written_only_where_it_is_asked_for(folder):
    write_tables(folder)
    assert not list(folder.glob("tables/curve_gap*")) and (folder / "tables/pareto.csv").exists()


def test_without_a_table_there_are_no_comparisons(tmp_path):
    assert read_gaps(tmp_path / "curve_gap.csv").empty


def test_a_table_of_no_comparison_can_be_read(tmp_path):
    table(run(), curve(beta=1.0)).to_csv(tmp_path / "rd.csv", index=False)
    write_tables(tmp_path, ("curve_gap",))
    assert read_gaps(tmp_path / "tables/curve_gap.csv").empty


@pytest.mark.parametrize("text", ["", "architecture,seed\n---,0\n", "\x00"])
def test_a_damaged_table_is_one_line(tmp_path, text):
    (tmp_path / "curve_gap.csv").write_text(text)
    with pytest.raises(UserError, match=r"curve_gap\.csv.*make it again"):
        read_gaps(tmp_path / "curve_gap.csv")


# --- which experiments have it


def layout(**grid):
    evaluation = {"curve_points": [0.1, 0.5]}
    grid = {"architectures": ["---", "-+v"], "curve": [[0.05, 1.25]]} | grid
    return Layout(resolve_config({"experiment": "e", "dataset": "mnist5k", "grid": grid, "evaluation": evaluation}))


def test_an_experiment_with_both_has_the_table_and_the_figure():
    both = layout(beta=[0.5])
    assert both.tables == (*TABLES, "curve_gap") and "curve_gap" in both.plots


@pytest.mark.parametrize(
    "grid",
    [
        {"beta": []},
        {"curve": [], "beta": [0.5]},
        {"beta": [2.0]},
        {"beta": [], "rate_target": [5.0]},
        {"beta": [], "extra": [{"architecture": ["--v"], "beta": [0.5], "seed": [0]}]},
        {"beta": [], "extra": [{"architecture": ["---"], "beta": [0.5], "seed": [7]}]},
    ],
)
def test_an_experiment_without_one_of_them_has_neither(grid):
    assert layout(**grid).tables == TABLES and "curve_gap" not in layout(**grid).plots
