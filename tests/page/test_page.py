import base64
import io

import numpy as np
import pytest
import synthetic
from PIL import Image

from rdplane.declare.kinds import MARKS
from rdplane.errors import UserError
from rdplane.experiment.architectures import known
from rdplane.experiment.layout import cell_of
from rdplane.page import columns, pictures, write_page
from rdplane.table.paper import published_points


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


MARK = ("marker", "angle", "fill", "line", "inside")


def test_every_architecture_has_a_mark_of_its_own():
    runs = columns.of_runs(synthetic.table(betas=[1.0]))
    assert len(set(zip(*(runs[name] for name in MARK[:4]), strict=True))) == 12


def test_architectures_of_a_user_have_marks_of_their_own(extension):
    runs = columns.of_runs(synthetic.table(architectures=known(), betas=[1.0]))
    assert len(set(zip(*(runs[name] for name in MARK), strict=True))) == len(known()) == 36 + 1 + 3


def test_every_declared_mark_has_one_of_bokeh():
    assert list(columns._SHAPES) == list(MARKS["marginal"])
    assert set(columns._INSIDE) == set(MARKS["encoder"]) - {"hollow", "filled"}


def test_an_objective_of_a_user_is_labelled_and_filtered_as_it_declares(extension):
    table = synthetic.table(architectures=["tmg", "---"], betas=(0.5,), free_bits=(4, 12))
    assert columns.of_runs(table)["label"] == ["β 0.5", "λ 4", "λ 12"] * 2
    assert columns.choices(table)["objective"] == {"beta": "weight β", "free_bits": "free bits λ"}
    assert columns.choices(table)["encoder"] == {"-": "−  Gaussian", "t": "t  Student t"}
    assert columns.of_curves(table)["objective"] == ["free_bits", "free_bits"]
    assert set(columns.of_settings(table)["objective"]) == {"beta", "free_bits"}


def test_the_key_says_what_the_marks_mean(extension):
    text = pictures.key(["---", "-+v", "tmg"])["text"]
    assert text == (
        "Circle: marginal −; triangle: marginal g; diamond: marginal v. Hollow: encoder −; dot: encoder t. "
        "Light: decoder −; dark: decoder +; black: decoder m."
    )


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


def test_a_point_that_is_newer_than_the_samples_is_shown_without_images(tmp_path):
    table = synthetic.curves(architectures=["-+v"], betas=[0.1, 0.5, 1.0])
    table.to_csv(tmp_path / "rd.csv", index=False)
    samples = tmp_path / "cells" / cell_of(table.cell[0]) / "samples.npz"
    samples.parent.mkdir(parents=True)
    np.savez_compressed(samples, **synthetic.samples_of_points(["0.1", "1"]))
    write_page(tmp_path, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    # A cell with images is named twice: beside its place on the plane, and beside the names of its images.
    assert [text.count(f'"{cell}"') for cell in table.cell] == [2, 1, 2]


def test_missing_cells_are_counted(tmp_path):
    synthetic.table(architectures=["-+v"]).to_csv(tmp_path / "rd.csv", index=False)
    (tmp_path / "missing.csv").write_text("cell,reason\nvae-+v_beta9,diverged\n")
    write_page(tmp_path, tmp_path / "page.html")
    assert "1 of 4 cells missing: vae-+v_beta9" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("mixed", [True, False])
def test_runs_of_different_precisions_are_counted(tmp_path, mixed):
    table = synthetic.table(architectures=["-+v"])
    if mixed:
        table.loc[:0, "precision"] = "bfloat16"
    table.to_csv(tmp_path / "rd.csv", index=False)
    write_page(tmp_path, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert ("1 run trained in bfloat16, 2 in float32" in text) == mixed
    assert ("@precision" in text) == mixed


def test_what_stands_over_marks_is_said_only_where_it_does(tmp_path):
    for name, options in (("plain", {}), ("targets", {"targets": (5,), "penalties": (9,)})):
        synthetic.table(architectures=["-+v"], **options).to_csv(tmp_path / "rd.csv", index=False)
        write_page(tmp_path, tmp_path / f"{name}.html")
    plain, targets = ((tmp_path / f"{name}.html").read_text() for name in ("plain", "targets"))
    assert "× over a mark: rate target R*." in targets and "+ over a mark: rate penalty R*." in targets
    assert "one architecture over β or R*" in targets
    assert "over a mark" not in plain and "one architecture over β<" in plain


def page_of(folder, table):
    table.to_csv(folder / "rd.csv", index=False)
    write_page(folder, folder / "page.html")
    return (folder / "page.html").read_text()


def test_dotted_lines_and_rings_are_promised_only_where_they_are_drawn(tmp_path):
    both = synthetic.table(architectures=["-+v"], anneals=(0, 4))
    single = both[(both["anneal"] == 0) | (both["beta"] == 0.5)]
    line, ring = "dotted: annealed β", "Dotted ring around a mark: annealed β"
    assert line in page_of(tmp_path, both) and ring in page_of(tmp_path, both)
    assert line not in page_of(tmp_path, single) and ring in page_of(tmp_path, single)
    assert "otted" not in page_of(tmp_path, both[both["anneal"] > 0]).split("<script")[0]


def test_annealed_runs_are_ringed():
    table = synthetic.table(architectures=["-+v"], betas=(0.1, 1.0), anneals=(0, 4))
    assert columns.of_runs(table)["ringed"] == (table["anneal"] > 0).tolist()


@pytest.mark.parametrize(("lower", "expected"), [(-510.3, "below 0 to 6.1"), (1.26, "1.3 to 6.1")])
def test_a_generative_bound_below_no_information_is_only_said_to_be(tmp_path, lower, expected):
    text = page_of(tmp_path, synthetic.table(architectures=["-+v"]).assign(gen_lower=lower, gen_upper=6.08))
    assert f'"{expected}"' in text and "510.3" not in text and "I_d: bounds" in text


def test_generative_bounds_that_were_not_measured_are_not_explained(tmp_path):
    assert "I_d: bounds" not in page_of(tmp_path, synthetic.table(architectures=["-+v"]))
