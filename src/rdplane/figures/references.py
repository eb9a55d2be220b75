"""What runs are held against: the best -ELBO, or the true boundary where the images' density is known; the prefix code.

All are lines R + D = constant: of slope -1 on the RD plane, and level in a plot of R + D.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from rdplane.experiment.prefix import ALONE
from rdplane.figures import keys, marks, room, style
from rdplane.table import frontier

__all__ = [
    "ALONE",
    "DASHES",
    "INFEASIBLE",
    "PREFIX",
    "Entropy",
    "References",
    "best_entries",
    "boundary",
    "draw",
    "entries",
    "infeasible",
    "name_infeasible",
    "notes",
    "places",
    "prefix_code",
    "references",
    "texts",
]

Height = Literal["distortion", "neg_elbo"]
Place = tuple[float, float]
"""R and D, nats."""

_BOUNDARY = 2.6  # points: seen on both sides of a frontier that lies on it
INFEASIBLE = "#ececec"
"""The colour of what no model reaches."""
PREFIX = "#404040"
"""The colour of the prefix code."""
DASHES: keys.Dashes = (0, (5, 1.6, 1, 1.6))
"""Its dash-dotted line."""
_ON_ANOTHER = 0.005  # of the best -ELBO, between two lines that cannot be told apart


class Entropy(NamedTuple):
    """H of the images, the mean of -log p*(x) over those of the test, and its standard error; nats per image."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ± {self.error:.{1 if self.error >= 0.05 else 2}f}"


class References(NamedTuple):
    """Values of R + D, nats per image.

    Attributes:
        best: the best -ELBO among the runs.
        entropy: H, which no model is below; None where the density of the images is not known.
        prefix: of the prefix code, the mean NLL of the PixelCNN++ alone; None where none was trained. Its z is the
            first k pixels in raster order: the one network is then the marginal of these and the decoder of the rest,
            so that R + D is its NLL for every k, while R goes from 0 to all of it.
    """

    best: float
    entropy: Entropy | None
    prefix: float | None

    @property
    def lowest(self) -> float:
        """Of what is drawn in the place of the best -ELBO: H where it is known."""
        return self.best if self.entropy is None else self.entropy.value

    @property
    def shows_best(self) -> bool:
        """Whether the best -ELBO has a line: not beside the true boundary, nor on that of the prefix code."""
        return self.entropy is None and (
            self.prefix is None or abs(self.prefix - self.best) > _ON_ANOTHER * abs(self.best)
        )


def references(table: pd.DataFrame) -> References:
    """Those of the runs of a table, at least one."""
    best = float(table["neg_elbo"].iloc[frontier.best_elbo(table["rate"], table["distortion"])])
    alone = table["neg_elbo"][table["architecture"] == ALONE]
    return References(best, _entropy(table), None if alone.empty else float(alone.mean()))


def _entropy(table: pd.DataFrame) -> Entropy | None:
    if "entropy" not in table or table["entropy"].isna().all():
        return None
    # The same test images in every row: these differ by rounding alone.
    return Entropy(float(table["entropy"].mean()), float(table["entropy_se"].mean()))


def draw(
    axes: Axes, known: References, ends: tuple[float, float], y: Height = "distortion", width: float = 1.1
) -> None:
    """Draw the lines: the prefix code, and the true boundary with all below it in grey, or else the best -ELBO.

    The prefix code goes from (0, NLL), where z is empty, to (NLL, 0), where it is the whole image; the boundary from
    (0, H) to (H, 0), and on along the axes.

    Args:
        ends: right and upper end of the axes.
        width: of the line of the best -ELBO, points.
    """
    far = max(ends)
    look: dict[str, Any] = {"scalex": False}
    if known.shows_best:
        corners = [(0.0, known.best), (known.best, 0.0)]
        if y == "neg_elbo":  # level as far as D is above 0, then R alone
            corners.append((max(ends[0], known.best), 0.0))
        rate, up = places(corners, y)
        axes.plot(rate, up, color=style.FAINT, linestyle=keys.DASHED, linewidth=width, zorder=1, **look)
    if known.entropy is not None:
        axes.fill(*places(infeasible(known.entropy.value, far), y), color=INFEASIBLE, linewidth=0, zorder=0.5)
        line = places(boundary(known.entropy.value, far), y)
        axes.plot(*line, color="black", linewidth=_BOUNDARY, solid_joinstyle="miter", zorder=1.4, **look)
    if known.prefix is not None:
        line = places(prefix_code(known.prefix), y)
        axes.plot(*line, color=PREFIX, linestyle=DASHES, linewidth=1.1, zorder=1.6, **look)


def boundary(entropy: float, far: float) -> list[Place]:
    """Corners of the boundary, from D = `far` to R = `far` at least."""
    far = max(far, entropy)
    return [(0.0, far), (0.0, entropy), (entropy, 0.0), (far, 0.0)]


def infeasible(entropy: float, far: float) -> list[Place]:
    """Corners of all that is below the boundary, as far as `far` at least, also where R or D is below 0."""
    line = boundary(entropy, far)
    far = max(far, entropy)
    return [*line, (far, -2 * far), (-far, -far), (-far, 2 * far)]


def prefix_code(nll: float) -> list[Place]:
    """Ends of the line of a prefix code of this NLL."""
    return [(0.0, nll), (nll, 0.0)]


def places(corners: list[Place], y: Height) -> tuple[list[float], list[float]]:
    """Places (R, D) in axes over the rate: their rates and their heights."""
    rate = [r for r, _ in corners]
    return rate, [d if y == "distortion" else r + d for r, d in corners]


def name_infeasible(
    axes: Axes, known: References, y: Height = "distortion", taken: np.ndarray | None = None
) -> np.ndarray | None:
    """Write 'infeasible' below the boundary, if it is known, where axes with final limits have room for it.

    Args:
        taken: a further place to keep off, (4,) left, bottom, right, top in pixels.

    Returns:
        All further places to keep off, (N, 4), with that of the word; None for none.
    """
    boxes = [] if taken is None else [taken]
    box = None if known.entropy is None else _write(axes, known.entropy.value, y, boxes)
    boxes += [] if box is None else [box]
    return np.vstack(boxes) if boxes else None


def _write(axes: Axes, entropy: float, y: Height, taken: list[np.ndarray]) -> np.ndarray | None:
    """Write the word as near to the middle of the grey as `taken` allows: its box (4,), or None without room."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    rate, up = np.meshgrid(np.linspace(max(left, 0), right, 50), np.linspace(max(low, 0), high, 50))
    inside = _below(rate, up, entropy, y)
    if not inside.any():
        return None
    word = axes.text(0, 0, "infeasible", size=style.SMALL, style="italic", color=style.FAINT, ha="center", va="center")
    extent = word.get_window_extent(FigureCanvasAgg(figure).get_renderer()).padded(2 * figure.dpi / 72)
    middle = axes.transData.transform((rate[inside].mean(), up[inside].mean()))
    box = room.free(axes, extent.width, extent.height, np.vstack([room.taken(axes), *taken]), middle)
    # The nearest free place may be above the line.
    corner = None if box is None else axes.transData.inverted().transform(box[2:])
    if box is None or corner is None or not _below(corner[0], corner[1], entropy, y):
        word.remove()
        return None
    word.set_position(tuple(axes.transData.inverted().transform((box[:2] + box[2:]) / 2)))
    return box


def _below(rate: np.ndarray, up: np.ndarray, entropy: float, y: Height) -> np.ndarray:
    """Whether places of R, D >= 0 are below the boundary."""
    return rate + up < entropy if y == "distortion" else up < np.maximum(entropy, rate)


def best_entries(known: References, text: str) -> list[keys.Entry]:
    """What a key says of the line of the best -ELBO, which is `text`, if it is drawn."""
    return [keys.line(text, style.FAINT, 1.1, (0, (4, 2.5)))] if known.shows_best else []


def entries(known: References) -> list[keys.Entry]:
    """What a key must say of the boundary and of the prefix code, of each if it is drawn."""
    found: list[keys.Entry] = []
    if known.entropy is not None:
        found.append(keys.line("\n".join(_boundary(known)), "black", _BOUNDARY))
    if known.prefix is not None:
        found.append(keys.line("\n".join(_prefix(known)), PREFIX, 1.1, DASHES))
    return found


def texts(known: References) -> dict[str, str]:
    """What there is to say of the `boundary` and of the `prefix` code, of each if it is drawn, in a line."""
    found = {}
    if known.entropy is not None:
        found["boundary"] = " ".join(_boundary(known))
    if known.prefix is not None:
        found["prefix"] = " ".join(_prefix(known))
    return found


def notes(known: References) -> list[str]:
    """The same as footnotes, for a figure without a key to its lines."""
    signs = {"boundary": "black line", "prefix": "dash-dotted line"}
    return [f"{signs[name]}, {text}" for name, text in texts(known).items()]


def _boundary(known: References) -> tuple[str, ...]:
    return f"R + D = H = {known.entropy}:", "no model can be below"


def _prefix(known: References) -> tuple[str, ...]:
    lines = (
        f"prefix code of {marks.sign(ALONE)}, a PixelCNN++",
        "alone, z = the first k pixels:",
        f"R + D = {known.prefix:.1f}",
    )
    if known.entropy is not None or known.shows_best:
        return lines
    return *lines, f"(the best −ELBO: {known.best:.1f})"
