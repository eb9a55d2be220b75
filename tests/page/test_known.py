"""Lines of reference on the page: the true boundary, where the density is known, and the prefix code."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import synthetic

from rdplane.figures.references import references
from rdplane.page import columns, write_page
from rdplane.page.known import lines
from rdplane.table.paper import published_points


@pytest.fixture(scope="module")
def runs():
    table = pd.concat([synthetic.table(betas=(0.1, 1.0)), synthetic.alone(78.0)], ignore_index=True)
    return synthetic.with_density(table, 70.0)


def without_density(table):
    return table.drop(columns=[name for name in table if name.startswith(("entropy", "gap", "mi_exact"))])


@pytest.mark.parametrize("view", ["distortion", "neg_elbo"])
def test_lines_are_where_r_and_d_add_up_to_their_constants(runs, view):
    drawn = lines(references(runs))
    for name, constant in (("boundary", 70.0), ("prefix", 78.0)):
        ends = slice(1, 3) if name == "boundary" else slice(0, 2)
        rate, height = (np.array(drawn[name][column][ends]) for column in ("x", f"y_{view}"))
        np.testing.assert_allclose(rate, [0, constant])
        np.testing.assert_allclose(height, constant - rate if view == "distortion" else constant)
        assert drawn[name]["y"] == drawn[name]["y_distortion"]


@pytest.mark.parametrize("view", ["distortion", "neg_elbo"])
def test_grey_is_below_the_boundary_alone(runs, view):
    from matplotlib.path import Path

    drawn = lines(references(runs))["infeasible"]
    grey = Path(np.column_stack((drawn["x"], drawn[f"y_{view}"])))
    random = np.random.default_rng(0)
    rate, distortion = random.uniform(0, 150, (2, 500))
    inside = grey.contains_points(np.column_stack((rate, distortion if view == "distortion" else rate + distortion)))
    np.testing.assert_array_equal(inside, rate + distortion < 70)
    for r, d in ((-5, 30), (-5, 120), (30, -5), (120, -5)):  # R and D are never below 0
        assert grey.contains_point((r, d if view == "distortion" else r + d))


def page(folder, table):
    table.to_csv(folder / "rd.csv", index=False)
    write_page(folder, folder / "page.html")
    text = (folder / "page.html").read_text()
    layers = re.findall(r'data-layer="(\w+)"', text.split("<form")[1].split("</form>")[0])
    content = json.loads(text.split('id="content">')[1].split("</script>")[0])
    return text, layers, json.dumps(content["plot"])


def test_the_key_says_what_they_are(runs, tmp_path):
    text, layers, plot = page(tmp_path, runs)
    assert {"boundary", "prefix"} <= set(layers) and "diagonal" not in layers
    assert "R + D = H = 70.0 ± 0.3: no model can be below" in text
    assert "prefix code of 0+−, a PixelCNN++ alone, z = the first k pixels: R + D = 78.0" in text
    assert all(f'"name": "{name}"' in plot for name in ("infeasible", "boundary", "prefix"))


def test_without_a_known_density_the_best_elbo_stays(runs, tmp_path):
    text, layers, plot = page(tmp_path, without_density(runs))
    assert {"diagonal", "prefix"} <= set(layers) and "boundary" not in layers and "no model can be" not in text
    assert '"name": "infeasible"' not in plot


def test_without_either_nothing_is_added(runs, tmp_path):
    _, layers, plot = page(tmp_path, without_density(synthetic.table()))
    assert not {"boundary", "prefix"} & set(layers) and '"name": "prefix"' not in plot


def test_the_entropy_is_in_sight(runs):
    found = columns.limits(synthetic.with_density(runs, 40.0), published_points(""))
    for view in ("distortion", "neg_elbo"):
        low, high = found[view]["y"]
        assert low < 40 < high


def test_in_a_browser_they_follow_the_view_and_their_boxes(runs, visit, tmp_path):
    runs.to_csv(tmp_path / "rd.csv", index=False)
    write_page(tmp_path, tmp_path / "page.html")
    opened = visit(tmp_path / "page.html")
    y = "name => Array.from(Bokeh.documents[0].get_model_by_name(name).data.y)"
    assert opened.evaluate(y, "prefix") == [78, 0] and opened.evaluate(y, "boundary")[1:3] == [70, 0]
    opened.get_by_label("−ELBO against R").check()
    assert opened.evaluate(y, "prefix") == [78, 78] and opened.evaluate(y, "boundary")[1:3] == [70, 70]
    visible = """Bokeh.documents[0].get_model_by_name("plot").renderers
        .filter((renderer) => renderer.name === "draw_boundary").map((renderer) => renderer.visible)"""
    assert opened.evaluate(visible) == [True, True]
    opened.locator("[data-layer=boundary]").uncheck()
    assert opened.evaluate(visible) == [False, False]
    opened.locator("[data-filter=decoder] input").first.uncheck()  # no filter moves them
    assert opened.evaluate(y, "prefix") == [78, 78]
