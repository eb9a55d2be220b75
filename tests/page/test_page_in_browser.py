"""The page in a real browser. Its data are read through Bokeh's own objects, what is seen through the elements."""

import numpy as np
import pytest
import synthetic

from rdplane.figures.runs import in_grid_order
from rdplane.page import write_page
from rdplane.table import frontier

PLACE = """i => {
  const page = Bokeh.documents[0], plot = page.get_model_by_name("plot"), data = page.get_model_by_name("runs").data;
  const view = [...Bokeh.index].find((view) => view.model === plot), box = view.canvas_view.el.getBoundingClientRect();
  return [box.x + view.frame.x_scale.compute(data.rate[i]), box.y + view.frame.y_scale.compute(data.y[i])];
}"""


@pytest.fixture
def table(experiment):
    """The runs in the order in which the page numbers them."""
    return in_grid_order(experiment[1])


def column(page, source, name):
    code = "([source, name]) => Array.from(Bokeh.documents[0].get_model_by_name(source).data[name])"
    return page.evaluate(code, [source, name])


def shown(page):
    return set(page.evaluate("Array.from(Bokeh.documents[0].get_model_by_name('runs_shown').indices)"))


def lonely(table):
    """The run that is farthest from its nearest neighbour: one that can be hit."""
    places = table[["rate", "distortion"]].to_numpy()
    apart = np.hypot(*(places[:, None] - places[None]).T)
    np.fill_diagonal(apart, np.inf)
    return int(apart.min(axis=0)[1:].argmax()) + 1  # the first run has no samples


def titles(page):
    return page.locator("article h3").all_inner_texts()


def uncheck(page, column, value):
    page.locator(f"[data-filter={column}] input[value='{value}']").uncheck()


def test_title_names_experiment_dataset_runs_and_note(visit, written):
    header = visit(written).locator("header").inner_text()
    assert [line for line in header.splitlines() if line] == [
        "Rate-distortion plane: synthetic",
        "binarized_mnist: 10 architectures, 60 runs, measured on 500 test images",
        "a note",
    ]


def test_first_chosen_is_the_best_elbo(visit, written, table):
    best = table.iloc[frontier.best_elbo(table["rate"], table["distortion"])]
    assert f"{best.neg_elbo:.2f} ± {best.neg_elbo_se:.2f}" in visit(written).locator("article").inner_text()


def test_hover_tells_the_numbers_of_a_run(visit, written, table):
    page = visit(written)
    index = lonely(table)
    page.mouse.move(*page.evaluate(PLACE, index))
    run = table.iloc[index]
    texts = [f"{run[name]:.2f} ± {run[name + '_se']:.2f} nats" for name in ("rate", "distortion", "neg_elbo")]
    for text in [*texts, f"{run.architecture.replace('-', '−')}, β {run.beta:g}"]:
        page.locator(".bk-Tooltip").get_by_text(text, exact=True).wait_for()


def test_click_shows_samples(visit, written, table):
    page = visit(written)
    index = lonely(table)
    page.mouse.click(*page.evaluate(PLACE, index))
    run = table.iloc[index]
    page.locator("article", has_text=f"{run.distortion:.2f} ± {run.distortion_se:.2f}").wait_for()
    page.wait_for_function("[...document.querySelectorAll('img.samples')].every(i => i.naturalWidth && i.width >= 56)")
    assert page.locator("img.samples").count() == 3


def test_clicks_walk_through_runs_on_one_another(visit, tmp_path):
    table = synthetic.table(architectures=["-+v", "+++", "++v"], betas=[1.0]).assign(
        rate=5.0, distortion=80.0, neg_elbo=85.0
    )
    table.to_csv(tmp_path / "rd.csv", index=False)
    write_page(tmp_path, tmp_path / "page.html")
    page = visit(tmp_path / "page.html")
    seen = set()
    for _ in range(3):
        page.mouse.click(*page.evaluate(PLACE, 0))
        page.wait_for_timeout(400)  # longer than a double click
        seen.update(titles(page))
    assert len(seen) == 3


def test_a_run_without_samples_says_so(visit, written, table):
    page = visit(written)
    page.locator("#list summary").click()
    first = page.locator("#list tr", has_text=f"{table.distortion[0]:.2f} ±").get_by_role("button")
    first.click()
    assert "No samples" in page.locator("article").inner_text()


def test_pins_stay_beside_one_another_until_they_are_unpinned(visit, written):
    page = visit(written)
    page.get_by_role("button", name="Pin", exact=False).first.click()
    page.locator("#plot").press("ArrowRight")
    page.locator("#plot").press("Enter")
    page.locator("#plot").press("ArrowRight")
    assert len(titles(page)) == 3
    assert column(page, "pinned", "number") == ["1", "2"]
    page.locator("article button", has_text="Unpin").first.click()
    assert column(page, "pinned", "number") == ["1"]
    page.locator("#unpin").click()
    assert len(titles(page)) == 1


def test_filter_hides_runs_and_says_how_many_are_left(visit, written, table):
    page = visit(written)
    uncheck(page, "decoder", "+")
    uncheck(page, "anneal", "100")
    uncheck(page, "objective", "rate_target")
    left = set(np.flatnonzero((table.decoder == "-") & (table.anneal == 0) & (table.objective == "beta")))
    assert shown(page) == left
    assert page.locator("#count").inner_text() == f"{len(left)} of 60 runs shown."


@pytest.mark.parametrize("hidden", [None, ("decoder", "+"), ("encoder", "-"), ("marginal", "v")])
def test_frontier_hull_and_diagonal_follow_the_filter(visit, written, table, hidden):
    page = visit(written)
    if hidden:
        uncheck(page, *hidden)
        table = table[table[hidden[0]] != hidden[1]]
    rate, distortion = table["rate"].to_numpy(), table["distortion"].to_numpy()
    x, y = frontier.staircase(rate, distortion)
    assert column(page, "frontier", "x")[1:-1] == pytest.approx(x, abs=1e-4)
    assert column(page, "frontier", "y")[1:-1] == pytest.approx(y, abs=1e-4)
    assert column(page, "hull", "x") == pytest.approx(rate[frontier.lower_hull(rate, distortion)], abs=1e-4)
    assert column(page, "diagonal", "y")[0] == pytest.approx(table["neg_elbo"].min(), abs=1e-4)


def test_nothing_is_drawn_when_everything_is_filtered_out(visit, written):
    page = visit(written)
    uncheck(page, "decoder", "+")
    uncheck(page, "decoder", "-")
    assert not shown(page) and not column(page, "frontier", "x") and not column(page, "diagonal", "x")
    page.locator("#all").click()
    assert len(shown(page)) == 60


def test_other_view_shows_neg_elbo_of_runs_and_lines(visit, written, table):
    page = visit(written)
    page.get_by_label("−ELBO against R").check()
    assert column(page, "runs", "y") == pytest.approx(table["neg_elbo"], abs=1e-4)
    hull = frontier.lower_hull(table["rate"], table["distortion"])
    assert column(page, "hull", "y") == pytest.approx(table["neg_elbo"].to_numpy()[hull], abs=1e-3)
    label = page.evaluate("Bokeh.documents[0].get_model_by_name('vertical').axis_label")
    assert label == "−ELBO = R + D (nats per image)"


def test_published_points_come_and_go(visit, written):
    page = visit(written)
    visible = """Bokeh.documents[0].get_model_by_name("plot").renderers
        .filter((renderer) => renderer.name === "draw_published").map((renderer) => renderer.visible)"""
    assert not any(page.evaluate(visible))
    page.locator("[data-layer=published]").check()
    assert all(page.evaluate(visible))
    assert page.evaluate("Bokeh.documents[0].get_model_by_name('plot').x_range.end") > 156
    page.locator("[data-layer=published]").uncheck()
    assert not any(page.evaluate(visible))


def test_wheel_and_buttons_zoom_and_reset_takes_it_back(visit, written):
    page = visit(written)
    ends = (
        "(({x_range: x, y_range: y}) => [x.start, x.end, y.start, y.end])(Bokeh.documents[0].get_model_by_name('plot'))"
    )
    first = page.evaluate(ends)
    page.mouse.move(*page.evaluate(PLACE, 20))
    page.mouse.wheel(0, -200)
    page.wait_for_function(f"({ends})[1] < {first[1]} - 1")
    page.get_by_role("button", name="Zoom in").click()
    page.locator("#reset").click()
    assert page.evaluate(ends) == pytest.approx(first)


def test_keys_walk_by_rate_pin_and_clear(visit, written, table):
    page = visit(written)
    plot = page.locator("#plot")
    order = table.sort_values("rate", kind="stable")
    plot.press("Home")
    assert page.locator("#status").inner_text().endswith("1 of 60")
    plot.press("ArrowRight")
    assert f"R {order.rate.iloc[1]:.2f}" in page.locator("#status").inner_text()
    plot.press("Enter")
    plot.press("Escape")
    assert len(titles(page)) == 1
    assert column(page, "current", "x") == []


def test_tab_reaches_every_control(visit, written):
    page = visit(written)
    page.locator("#list summary").click()
    reached = set()
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.dataset.layer || document.activeElement.name"
            )
        )
    assert {"plot", "cards", "view", "in", "out", "reset", "frontier", "published"} <= reached


def test_list_holds_the_shown_runs_by_rate(visit, written, table):
    page = visit(written)
    uncheck(page, "encoder", "-")
    page.locator("#list summary").click()
    page.locator("#list tbody tr").first.wait_for()
    rates = [text.split(" ")[0] for text in page.locator("#list tbody td:nth-child(5)").all_inner_texts()]
    assert rates == [f"{rate:.2f}" for rate in sorted(table.rate[table.encoder == "+"])]


def test_phone_stacks_without_scrolling_sideways(visit, written):
    page = visit(written, 390, 844)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    tops = [page.locator(name).bounding_box()["y"] for name in ("#middle", "#panel", "#controls", "#list")]
    assert tops == sorted(tops)


def test_texts_are_never_markup(visit, tmp_path):
    evil = "</script><b class='evil'>&amp;"
    table = synthetic.table(architectures=["-+v"], betas=[1.0]).assign(experiment=evil, dataset=evil, cell=evil)
    table.to_csv(tmp_path / "rd.csv", index=False)
    write_page(tmp_path, tmp_path / "page.html", note=evil)
    page = visit(tmp_path / "page.html")
    assert page.locator(".evil").count() == 0
    assert page.locator("h1").inner_text() == f"Rate-distortion plane: {evil}"
    assert page.locator(".note").inner_text() == evil


def test_parts_and_objectives_of_a_user_are_shown_and_filtered(visit, own_written):
    path, table = own_written
    page = visit(path)
    assert "10 runs trained in bfloat16, 25 in float32" in page.locator("header").inner_text()
    controls = page.locator("#controls").inner_text()
    for text in ("free bits λ", "rate penalty R*", "t  Student t", "g  Gaussian mixture", "one architecture over β"):
        assert text in controls
    uncheck(page, "objective", "beta")
    uncheck(page, "decoder", "m")
    cells = column(page, "runs", "cell")
    left = table[(table.objective != "beta") & (table.decoder != "m")]
    assert {cells[index] for index in shown(page)} == set(left.cell)


def test_the_card_of_an_objective_of_a_user_is_titled_as_it_declares(visit, own_written):
    page = visit(own_written[0])
    page.locator("#list summary").click()
    page.locator("#list tr", has_text="λ 12").get_by_role("button").first.click()
    assert "λ 12" in titles(page)[0]
    assert "nan" not in page.locator("main").inner_text()
    assert page.locator("#list th").nth(1).inner_text() == "Objective"


def test_the_key_keeps_its_proportions(visit, own_written, written):
    for path in (own_written[0], written):
        box = visit(path).locator(".key").bounding_box()
        image = visit(path).evaluate("(({naturalWidth: w, naturalHeight: h}) => w / h)(document.querySelector('.key'))")
        assert box["width"] / box["height"] == pytest.approx(image, rel=0.02)
        assert box["width"] <= 262


def rows(table, objective="curve"):
    """The rows of an objective as the page numbers them."""
    ordered = in_grid_order(table)
    return ordered[ordered.objective == objective]


def markers(page):
    return sorted(column(page, "stop", "x"))


def sheets(page):
    return [image.get_attribute("src") for image in page.locator("article.current img.samples").all()]


@pytest.mark.parametrize("beta", [0.1, 0.4, 1.0])
def test_the_slider_moves_a_marker_along_every_curve(visit, curves_written, beta):
    path, table = curves_written
    page = visit(path)
    page.locator("#stop").fill(str([0.1, 0.4, 1.0].index(beta)))
    at = rows(table)[rows(table).beta == beta]
    assert markers(page) == pytest.approx(sorted(at.rate), abs=1e-4)
    assert column(page, "stop", "y") == pytest.approx(list(at.sort_values("rate").distortion), abs=1e-4)


def test_markers_and_lines_follow_the_view(visit, curves_written):
    path, table = curves_written
    page = visit(path)
    page.locator("#stop").fill("1")
    page.get_by_label("−ELBO against R").check()
    at = rows(table)[rows(table).beta == 0.4].sort_values("rate")
    assert column(page, "stop", "y") == pytest.approx(list(at.neg_elbo), abs=1e-4)
    for curve, points in enumerate(column(page, "whole", "y")):
        assert points == column(page, "whole", "y_neg_elbo")[curve]


def test_the_slider_shows_the_images_of_the_curve_that_was_chosen(visit, curves_written):
    path, table = curves_written
    page = visit(path)
    ordered = rows(table)
    index = ordered.index[(ordered.architecture == "+-v") & (ordered.beta == 0.4)][0]
    page.mouse.click(*page.evaluate(PLACE, int(index)))
    page.locator("article", has_text="+−v, curve, β 0.4").wait_for()
    assert page.locator("#stop").input_value() == "1"
    seen = [sheets(page)]
    page.locator("#stop").fill("2")
    assert titles(page) == ["+−v, curve, β 1"]
    seen.append(sheets(page))
    assert len(seen[0]) == len(seen[1]) == 2 and not set(seen[0]) & set(seen[1])


def test_images_have_their_size_at_once_on_the_way(visit, curves_written):
    page = visit(curves_written[0])
    page.wait_for_function("[...document.querySelectorAll('article img.samples')].every(i => i.width === 114)")
    page.wait_for_timeout(200)  # the images of the other stops are being decoded
    widths = """() => {
      const slider = document.getElementById("stop");
      slider.value = slider.value === "0" ? "1" : "0";
      slider.dispatchEvent(new Event("input"));
      return [...document.querySelectorAll("article img.samples")].map((image) => image.width);
    }"""
    assert page.evaluate(widths) == [114, 114]


def test_arrow_keys_move_the_slider_and_it_says_where_it_stands(visit, curves_written):
    path, table = curves_written
    page = visit(path)
    slider = page.get_by_role("slider", name="β along the curves")
    slider.focus()
    slider.press("Home")
    slider.press("ArrowRight")
    followed = titles(page)[0].split(",")[0].replace("−", "-")
    run = rows(table)[(rows(table).architecture == followed) & (rows(table).beta == 0.4)].iloc[0]
    text = f"R {run.rate:.1f}, D {run.distortion:.1f}"
    assert slider.get_attribute("aria-valuetext") == f"β 0.4, {text}"
    assert text in page.locator("#at").inner_text()
    assert page.locator("#status").inner_text() == ""


def test_images_are_pinned_beside_those_on_the_way(visit, curves_written):
    page = visit(curves_written[0])
    page.locator("#stop").fill("0")
    page.get_by_role("button", name="Pin", exact=False).first.click()
    page.locator("#stop").fill("2")
    first, second = (title.split(",")[-1].split("\n")[0] for title in titles(page))
    assert (first.strip(), second.strip()) == ("β 1", "β 0.1")


def test_the_filter_hides_lines_dots_and_markers_of_curves(visit, curves_written):
    path, table = curves_written
    page = visit(path)
    lines = "Array.from(Bokeh.documents[0].get_model_by_name('whole_shown').indices)"
    page.locator("#stop").fill("1")
    assert len(page.evaluate(lines)) == len(markers(page)) == 2
    uncheck(page, "decoder", "-")
    assert len(page.evaluate(lines)) == len(markers(page)) == 1
    uncheck(page, "objective", "curve")
    assert not page.evaluate(lines) and not markers(page)
    assert page.locator("#stop").is_disabled() and "no curve is shown" in page.locator("#at").inner_text()
    left = rows(table, "beta")
    assert shown(page) == set(left.index[left.decoder == "+"])
    assert page.locator("#count").inner_text() == "2 of 11 points shown."


def test_the_slider_follows_a_curve_that_is_shown(visit, curves_written):
    page = visit(curves_written[0])
    for hidden, left in (("-", "−+v"), ("+", "+−v")):
        uncheck(page, "decoder", hidden)
        page.locator("#stop").fill("0")
        page.locator("#stop").fill("1")
        assert titles(page) == [f"{left}, curve, β 0.4"]
        page.locator("#all").click()


def test_a_point_whose_beta_was_searched_is_chosen_but_no_stop(visit, curves_written):
    path, table = curves_written
    page = visit(path)
    page.locator("#stop").fill("0")
    ordered = rows(table)
    page.mouse.click(*page.evaluate(PLACE, int(ordered.index[ordered.rate_target == 30][0])))
    page.wait_for_function("document.querySelector('article h3').innerText.startsWith('+−v, curve')")
    assert titles(page) != ["+−v, curve, β 0.1"]
    assert page.locator("#stop").input_value() == "0" and len(markers(page)) == 2


def test_a_page_without_curves_has_no_slider(visit, written):
    page = visit(written)
    assert page.locator("input[type=range]").count() == 0
    assert page.locator("#count").inner_text() == "All 60 runs shown."


@pytest.mark.parametrize("width", [1280, 390])
def test_the_slider_lies_within_the_page_below_the_plot(visit, curves_written, width):
    page = visit(curves_written[0], width, 844)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    plot, slider, panel = (page.locator(name).bounding_box() for name in ("#plot", "#slider", "#panel"))
    assert plot["y"] + plot["height"] <= slider["y"] and slider["x"] + slider["width"] <= width
    assert width > 760 or slider["y"] + slider["height"] < panel["y"]
