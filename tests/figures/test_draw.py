import numpy as np
import pytest
import synthetic
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from rdplane.errors import UserError
from rdplane.figures import (
    draw_elbo_rate,
    draw_groups,
    draw_rd_plane,
    draw_samples,
    draw_training,
    draw_training_overview,
    read_history,
    read_samples,
)
from rdplane.figures.runs import published_points

TABLES = {
    "36 runs": lambda: synthetic.table(),
    "209 runs": lambda: synthetic.table(
        betas=(0.1, 0.15, 0.4, 0.7, 0.8, 0.9, 1.0, 1.1, 2.0), anneals=(0, 100), dataset="binarized_mnist"
    ).iloc[:209],
    "one run": lambda: synthetic.table(architectures=["-+v"], betas=[1.0]),
    "several seeds": lambda: synthetic.table(architectures=["---", "+++"], seeds=(0, 1, 2)),
    "rate targets": lambda: synthetic.table(architectures=["---", "+++"], targets=(5, 20)),
    "only rate targets": lambda: synthetic.table(architectures=["---", "+++"], betas=(), targets=(5, 20)),
    "no rate at all": lambda: synthetic.table(betas=[1.0]).assign(rate=0.0, neg_elbo=lambda t: t["distortion"]),
    "an outlier": lambda: synthetic.table().assign(
        distortion=lambda t: t["distortion"].where(t.index > 0, 5000.0), neg_elbo=lambda t: t["rate"] + t["distortion"]
    ),
}
FIGURES = {"rd_plane": draw_rd_plane, "elbo_rate": draw_elbo_rate, "groups": draw_groups}


def texts(figure):
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def written(figure):
    return "\n".join(text.get_text() for text in texts(figure))


def assert_readable(figure):
    """Every text lies on the page, and no two texts outside the tick labels overlap."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    page = figure.bbox.padded(1)
    ticks = {label for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for label in axis.get_ticklabels()}
    boxes = []
    for text in texts(figure):
        if text in ticks:
            continue
        box = text.get_window_extent(renderer)
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text.get_text()
        boxes.append((text.get_text(), box.padded(-1)))
    for index, (name, box) in enumerate(boxes):
        for other, second in boxes[:index]:
            assert not box.overlaps(second), (name, other)


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("table", TABLES)
def test_texts_are_readable(figure, table):
    note = "quick run: 5,000 images, reduced models; not the paper's numbers"
    assert_readable(FIGURES[figure](TABLES[table](), note=note, missing=["vae-+v_beta0.1_seed0_1f2e3d4c"] * 5))


@pytest.mark.parametrize("figure", FIGURES)
def test_note_and_missing_cells_are_written(figure):
    shown = written(FIGURES[figure](synthetic.table(), note="a small run", missing=["gone"]))
    assert "a small run" in shown and "1 of 37 cells missing: gone" in shown


@pytest.mark.parametrize("figure", FIGURES)
def test_the_table_is_left_as_it_was(figure):
    table = synthetic.table(seeds=(0, 1), targets=(5,))
    before = table.copy()
    FIGURES[figure](table)
    assert table.equals(before)


@pytest.mark.parametrize("figure", [draw_rd_plane, draw_elbo_rate])
def test_the_best_elbo_is_named(figure):
    table = synthetic.table()
    assert f"{table['neg_elbo'].min():.1f}, the best −ELBO" in written(figure(table))


def marks(figure):
    return sum(len(collection.get_offsets()) for collection in figure.axes[0].collections)


@pytest.mark.parametrize("dataset", ["binarized_mnist", "omniglot"])
def test_published_points_are_drawn_with_their_rings(dataset):
    table = synthetic.table(dataset=dataset)
    added = marks(draw_rd_plane(table, published=True)) - marks(draw_rd_plane(table))
    assert added == 2 * len(published_points(dataset))


def test_nothing_is_published_for_other_data():
    assert "paper" not in written(draw_rd_plane(synthetic.table(), published=True))


def test_an_outlier_is_counted_instead_of_drawn_to_scale():
    assert "1 run beyond the axes" in written(draw_rd_plane(TABLES["an outlier"]()))


def test_rate_targets_are_in_the_key_only_when_there_are_some():
    assert "rate target" in written(draw_rd_plane(TABLES["rate targets"]()))
    assert "rate target" not in written(draw_rd_plane(synthetic.table()))


@pytest.mark.parametrize("count", [1, 5, 12])
def test_sample_grids_are_readable(count):
    table = synthetic.table(betas=[1.0], anneals=[100], seeds=[0, 1]).iloc[:count]
    assert_readable(draw_samples(table, [synthetic.samples(seed=i) for i in range(count)], note="a small run"))


@pytest.mark.parametrize(("height", "width"), [(28, 56), (56, 28), (8, 8)])
def test_sample_grids_are_readable_for_other_shapes(height, width):
    table = synthetic.table().iloc[:3]
    assert_readable(draw_samples(table, [synthetic.samples(height=height, width=width)] * 3))


def test_a_sample_grid_shows_the_stored_pixels():
    stored = synthetic.samples()
    figure = draw_samples(synthetic.table().iloc[:1], [stored], images=2)
    shown = [np.asarray(image.get_array()) for axes in figure.axes for image in axes.get_images()]
    for name in ("data", "reconstruction_sample", "reconstruction_mean", "generation_sample", "generation_mean"):
        for picture in stored[name][:2]:
            assert any(np.array_equal(picture, image) for image in shown)


def test_a_sample_grid_needs_samples_of_every_run():
    with pytest.raises(ValueError, match="3 runs and 1 sets"):
        draw_samples(synthetic.table().iloc[:3], [synthetic.samples()])


def test_samples_are_read_back(tmp_path):
    stored = synthetic.samples()
    np.savez_compressed(tmp_path / "samples.npz", **stored)
    read = read_samples(tmp_path / "samples.npz")
    assert all(np.array_equal(read[name], stored[name]) for name in stored)


def test_samples_without_an_array_are_refused(tmp_path):
    stored = synthetic.samples()
    del stored["generation_mean"]
    np.savez_compressed(tmp_path / "samples.npz", **stored)
    with pytest.raises(UserError, match="array generation_mean is missing"):
        read_samples(tmp_path / "samples.npz")


@pytest.mark.parametrize("keep", [0, 10, 1000])
def test_samples_cut_short_are_refused(tmp_path, keep):
    np.savez_compressed(tmp_path / "whole.npz", **synthetic.samples())
    (tmp_path / "samples.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:keep])
    with pytest.raises(UserError, match=r"samples\.npz cannot be read"):
        read_samples(tmp_path / "samples.npz")


@pytest.mark.parametrize("epochs", [1, 8, 200])
def test_training_curves_are_readable(epochs):
    run = synthetic.table(anneals=[100]).iloc[4]
    assert_readable(draw_training(synthetic.history(run, epochs), run, note="a small run"))


@pytest.mark.parametrize("table", ["36 runs", "one run", "only rate targets"])
def test_the_overview_of_training_is_readable(table):
    runs = TABLES[table]()
    assert_readable(draw_training_overview(runs, [synthetic.history(run) for _, run in runs.iterrows()]))


def test_history_is_read_back(tmp_path):
    history = synthetic.history(synthetic.table().iloc[0])
    history.to_csv(tmp_path / "history.csv", index=False)
    assert np.allclose(read_history(tmp_path / "history.csv"), history)


@pytest.mark.parametrize(
    ("content", "message"), [("", "cannot be read"), ("epoch,beta\n1,1\n", "column learning_rate is missing")]
)
def test_a_history_that_is_damaged_is_refused(tmp_path, content, message):
    (tmp_path / "history.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        read_history(tmp_path / "history.csv")
