"""The table of the prefix code: gathered from the cells, which experiments have it, and what people read."""

import json

import numpy as np
import pandas as pd
import pytest

from rdplane.errors import UserError
from rdplane.experiment.config import resolve_config
from rdplane.experiment.layout import TABLES, Layout
from rdplane.experiment.metrics import with_errors
from rdplane.experiment.prefix import prefix_cells, prefix_settings
from rdplane.table.prefix import COLUMNS, gather, markdown, read_prefix

RUN = {"architecture": "0+-", "seed": 0, "images": 500, "cell": "vae0+-_beta1_seed0_ab"}
OTHER = {"architecture": "-+v", "seed": 0, "images": 500, "cell": "vae-+v_beta1_seed0_ab"}


def points(told=1.5):
    return [
        {
            "pixels": pixels, "rate": rate, "rate_se": 0.5, "distortion": 80 - rate, "distortion_se": 0.4,
            "label_information": told, "label_information_se": told and 0.04,
        }
        for pixels, rate in ((0, 0.0), (300, 40.0), (784, 80.0))
    ]  # fmt: skip


def keep(folder, run=RUN, rows=None):
    path = folder / "cells" / run["cell"] / "prefix.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"settings": {}, "rows": points() if rows is None else rows}))
    return path


def table(*runs):
    return pd.DataFrame(runs)


def test_every_point_of_every_model_alone_is_a_row(tmp_path):
    second = RUN | {"seed": 1, "cell": "vae0+-_beta1_seed1_cd"}
    for run in (RUN, second):
        keep(tmp_path, run)
    found = gather(table(OTHER, RUN, second), tmp_path)
    assert found["pixels"].tolist() == [0, 300, 784] * 2 and found["seed"].tolist() == [0] * 3 + [1] * 3
    assert found["code"][1] == "the first 300 pixels, as they are" and set(found["architecture"]) == {"0+-"}
    assert ((found["rate"] + found["distortion"]) == 80).all()


def test_it_reads_back_as_it_was_made(tmp_path):
    keep(tmp_path)
    made = gather(table(RUN), tmp_path)
    made.to_csv(tmp_path / "prefix.csv", index=False)
    pd.testing.assert_frame_equal(read_prefix(tmp_path / "prefix.csv"), made, check_dtype=False)
    assert list(made.columns) == [column.name for column in with_errors(COLUMNS)]


def test_without_classes_the_column_is_empty(tmp_path):
    keep(tmp_path, rows=points(told=None))
    found = gather(table(RUN), tmp_path)
    assert found["label_information"].isna().all() and found["label_information"].dtype == float
    assert markdown(found).splitlines()[2].endswith("| 80.00 ± 0.40 |  |")


def test_a_cell_that_was_not_measured_is_left_out(tmp_path):
    assert gather(table(RUN, OTHER), tmp_path).empty
    assert read_prefix(tmp_path / "prefix.csv").empty


def test_people_read_errors(tmp_path):
    keep(tmp_path)
    head, _, _, second, _, _, said = markdown(gather(table(RUN), tmp_path)).splitlines()
    assert head.count("|") == second.count("|") and "the NLL for every k" not in head and "R + D is its NLL" in said
    assert second == ("| `0+-` | 0 | the first 300 pixels, as they are | 40.00 ± 0.50 | 40.00 ± 0.40 | 1.50 ± 0.04 |")


@pytest.mark.parametrize("text", ["[]", '{"rows": [{"pixels": 3}]}', '{"rows": 1}'])
def test_a_damaged_file_is_one_line(tmp_path, text):
    keep(tmp_path).write_text(text)
    with pytest.raises(UserError, match=r"prefix\.json is damaged"):
        gather(table(RUN), tmp_path)


@pytest.mark.parametrize("text", ["", "architecture,seed\n---,0\n", "\x00"])
def test_a_damaged_table_is_one_line(tmp_path, text):
    (tmp_path / "prefix.csv").write_text(text)
    with pytest.raises(UserError, match=r"prefix\.csv.*make it again"):
        read_prefix(tmp_path / "prefix.csv")


# --- which experiments have it


def layout(**more):
    grid = {"architectures": ["---", "-+v"], "beta": [1.0]} | more.pop("grid", {})
    return Layout(resolve_config({"experiment": "e", "dataset": "mnist5k", "grid": grid, **more}))


ALONE = {"extra": [{"architecture": ["0+-"], "beta": 1.0}]}


def test_an_experiment_with_a_model_alone_has_the_table():
    assert layout(grid=ALONE).tables == (*TABLES, "prefix") and layout().tables == TABLES
    assert [name[:6] for name in prefix_cells(layout(grid=ALONE).cells)] == ["vae0+-"]


def test_settings_are_those_of_the_probe():
    config = layout(grid=ALONE, evaluation={"probe_images": 30, "seed": 4}).config
    assert prefix_settings(config) == {
        "batch_size": 250, "probe_images": 30, "probe_folds": 5, "seed": 4, "version": "1"
    }  # fmt: skip


def test_images_of_ones_own_without_labels_have_no_classes(tmp_path):
    np.save(tmp_path / "mine.npy", np.eye(8, dtype=np.uint8)[None].repeat(20, 0))
    config = resolve_config({"experiment": "e", "dataset": "mine", "data": {"file": str(tmp_path / "mine.npy")}})
    assert prefix_settings(config)["probe_images"] == 0
