"""What is written on a figure, and whether it can be read."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text


def texts(figure):
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def written(figure):
    return "\n".join(text.get_text() for text in texts(figure))


def annotations(axes):
    """Labels of runs in these axes."""
    return [text for text in axes.texts if text.get_visible() and text.get_text()]


def crossed(axes, renderer):
    """Labels that a line of the same axes runs through."""
    found = []
    for label in annotations(axes):
        box = label.get_window_extent(renderer).padded(-0.5)
        for line in axes.get_lines():
            path = line.get_transform().transform_path(line.get_path())
            if path.intersects_bbox(box, filled=False):
                found.append(label.get_text())
    return found


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
