import base64
import io

import numpy as np
import pytest
import synthetic
from PIL import Image

from rdplane.errors import UserError
from rdplane.figures.runs import published_points
from rdplane.page import columns, pictures, write_page


def pixels(sheet):
    content = base64.b64decode(sheet.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))


def test_sheet_shows_ink_dark_and_leaves_the_gap_transparent():
    images = np.array([[[0.0, 1.0], [0.5, 0.0]], [[1.0, 1.0], [0.0, 0.0]]])
    shown = pixels(pictures.sheet([images, 1 - images]))
    assert shown.shape == (5, 5, 4)
    assert shown[:2, :2, 0].tolist() == [[255, 0], [128, 255]]
    assert (shown[3:, 3:, 0] == 255 - shown[3:, :2, 0]).all()
    assert not shown[2, :, 3].any() and not shown[:, 2, 3].any() and shown[:2, :2, 3].all()


def test_sheet_keeps_the_averages_of_five_draws_apart():
    averages = np.linspace(0, 1, 6).reshape(1, 1, 6)
    assert len(set(pixels(pictures.sheet([averages]))[0, :, 0])) == 6


def test_every_architecture_has_a_mark_of_its_own():
    table = synthetic.table(betas=[1.0])
    runs = columns.runs(table)
    assert len(set(zip(runs["marker"], runs["angle"], runs["fill"], runs["line"], strict=True))) == 12


def test_only_columns_in_which_the_runs_differ_can_be_filtered():
    table = synthetic.table(architectures=["-+v", "-++"], anneals=(0, 100))
    assert {name: list(values) for name, values in columns.choices(table).items()} == {
        "marginal": ["+", "v"],
        "anneal": [0, 100],
    }


@pytest.mark.parametrize("view", ["distortion", "neg_elbo"])
def test_first_view_holds_every_run_and_published_point(view):
    table, points = synthetic.table(dataset="omniglot"), published_points("omniglot")
    limits = columns.limits(table, points)[view]
    for part in (table, points):
        assert part["rate"].between(*limits["x"]).all()
        assert part[view].between(*limits["y"]).all()


def test_first_view_leaves_an_outlier_out():
    table = synthetic.table()
    with_outlier = table.assign(distortion=table["distortion"].where(table.index > 0, 5000.0))
    with_outlier["neg_elbo"] = with_outlier["rate"] + with_outlier["distortion"]
    assert columns.limits(with_outlier, published_points(""))["distortion"]["y"][1] < 200


def test_page_is_written_without_samples(tmp_path):
    table = synthetic.table(architectures=["-+v"], betas=[1.0])
    table.to_csv(tmp_path / "rd.csv", index=False)
    write_page(tmp_path, tmp_path / "page.html")
    assert table.cell[0] in (tmp_path / "page.html").read_text()


def test_a_table_without_rows_is_refused(tmp_path):
    synthetic.table().iloc[:0].to_csv(tmp_path / "rd.csv", index=False)
    with pytest.raises(UserError, match="no rows"):
        write_page(tmp_path, tmp_path / "page.html")


def test_damaged_samples_are_refused(tmp_path):
    table = synthetic.table(architectures=["-+v"], betas=[1.0])
    table.to_csv(tmp_path / "rd.csv", index=False)
    samples = tmp_path / "cells" / table.cell[0] / "samples.npz"
    samples.parent.mkdir(parents=True)
    samples.write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"samples\.npz"):
        write_page(tmp_path, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_missing_cells_are_counted(tmp_path):
    synthetic.table(architectures=["-+v"]).to_csv(tmp_path / "rd.csv", index=False)
    (tmp_path / "missing.csv").write_text("cell,reason\nvae-+v_beta9,diverged\n")
    write_page(tmp_path, tmp_path / "page.html")
    assert "1 of 4 cells missing: vae-+v_beta9" in (tmp_path / "page.html").read_text()
