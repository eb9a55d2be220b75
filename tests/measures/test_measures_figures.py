import numpy as np
import pytest
import synthetic
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from rdplane.errors import UserError
from rdplane.figures.measures import draw_marginal_gap, draw_probe


def measured(**options):
    """A made-up table with made-up measures of 500 images."""
    table = synthetic.table(**options)
    information = 0.9 * table["rate"]
    return table.assign(
        probe_accuracy=0.1 + 0.8 * np.tanh(table["rate"] / 10),
        probe_accuracy_se=0.02,
        mi_lower=np.minimum(information, np.log(500)),
        mi_lower_se=0.02,
        mi_upper=information,
        mi_upper_se=0.3,
        mi_images=500,
    )


FIGURES = {"probe": draw_probe, "gap": draw_marginal_gap}
TABLES = {
    "36 runs": lambda: measured(),
    "one run": lambda: measured(architectures=["-+v"], betas=[1.0]),
    "rate targets": lambda: measured(architectures=["---", "+++"], targets=(5, 20)),
    "no rate at all": lambda: measured(betas=[1.0]).assign(rate=0.0, mi_lower=0.0, mi_upper=0.0),
    "high rates": lambda: measured().assign(rate=lambda t: 4 * t["rate"]),
}


def texts(figure):
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def written(figure):
    return "\n".join(text.get_text() for text in texts(figure))


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("table", TABLES)
def test_every_text_is_on_the_page(figure, table):
    drawn = FIGURES[figure](TABLES[table](), note="a small run", missing=["gone"] * 5)
    renderer = FigureCanvasAgg(drawn).get_renderer()
    drawn.draw(renderer)
    page = drawn.bbox.padded(1)
    ticks = {label for axes in drawn.axes for axis in (axes.xaxis, axes.yaxis) for label in axis.get_ticklabels()}
    boxes = {text.get_text(): text.get_window_extent(renderer) for text in texts(drawn) if text not in ticks}
    inside = {name: page.contains(box.x0, box.y0) and page.contains(box.x1, box.y1) for name, box in boxes.items()}
    assert all(inside.values()), inside


@pytest.mark.parametrize("figure", FIGURES)
def test_the_table_is_left_as_it_was(figure):
    table = measured(targets=(5,))
    before = table.copy()
    FIGURES[figure](table)
    assert table.equals(before)


@pytest.mark.parametrize("figure", FIGURES)
def test_runs_without_the_measure_are_counted(figure):
    table = measured()
    table.loc[:3, ["probe_accuracy", "mi_upper"]] = np.nan
    assert "4 runs without this measure" in written(FIGURES[figure](table))


@pytest.mark.parametrize(("figure", "reason"), [("probe", "has no labels"), ("gap", "mi_images 0")])
def test_a_table_without_the_measure_is_refused(figure, reason):
    with pytest.raises(UserError, match=reason):
        FIGURES[figure](synthetic.table())


def test_the_cap_of_the_lower_bound_is_written():
    assert "log K = 6.2" in written(draw_marginal_gap(measured()))
