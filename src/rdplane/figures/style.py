"""How every figure looks: marks, colours, type sizes, page layout, files. The one place to change them.

A mark can be read without its colour: its shape is the marginal (circle -, square +, diamond v), dark or light the
decoder (PixelCNN++ or deconvolutional), filled or hollow the encoder (+ or -). The hue, a pair of the 12-class
'Paired' palette for every pair of encoder and marginal, only repeats this.
"""

import functools
import io
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
import numpy as np
import seaborn as sns
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from rdplane.architectures import ARCHITECTURES, parse
from rdplane.files import atomic

__all__ = [
    "ACCENT",
    "BODY",
    "DISTORTION",
    "FAINT",
    "INK",
    "NEG_ELBO",
    "PARTS",
    "RATE",
    "SMALL",
    "Mark",
    "Page",
    "architecture_key",
    "in_order",
    "mark",
    "save",
    "scatter",
    "sign",
    "spread",
    "styled",
]

RATE = "Rate R (nats an image)"
DISTORTION = "Distortion D (nats an image)"
NEG_ELBO = "−ELBO = R + D (nats an image)"

INK, FAINT, ACCENT = "#262626", "#6b6b6b", "#a63603"
TITLE, BODY, SMALL = 13.0, 9.5, 8.0  # points, at the size the figure is made for

# What - , + and v stand for in each part of the model's name.
PARTS = {
    "encoder": {"-": "Gaussian", "+": "IAF"},
    "decoder": {"-": "deconvolution", "+": "PixelCNN++"},
    "marginal": {"-": "N(0, I)", "+": "MAF", "v": "VampPrior"},
}

_MARKERS = {"-": "o", "+": "s", "v": "D"}
_AREAS = {"o": 44.0, "s": 38.0, "D": 32.0}  # points squared, so that the three look equally large
_PAIRS = [(encoder, marginal) for encoder in "-+" for marginal in "-+v"]

_RC: Any = {
    **sns.axes_style("ticks"),
    "font.family": ["DejaVu Sans"],
    "font.size": BODY,
    "axes.labelsize": BODY,
    "axes.titlesize": BODY,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": SMALL,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "xtick.major.size": 3.5,
    "ytick.major.size": 3.5,
    "pdf.fonttype": 42,
    "svg.hashsalt": "rdplane",
}

_P = ParamSpec("_P")
_R = TypeVar("_R")


def styled(draw: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorator: run a figure function under the project's style, leaving the caller's matplotlib settings alone."""

    @functools.wraps(draw)
    def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with matplotlib.rc_context(rc=_RC):
            return draw(*args, **kwargs)

    return wrapped


@dataclass(frozen=True)
class Mark:
    """How one architecture is drawn."""

    colour: tuple[float, float, float]
    marker: str
    filled: bool


def mark(architecture: str) -> Mark:
    """The mark of an architecture such as '-+v'.

    Raises:
        UserError: there is no such architecture.
    """
    model = parse(architecture)
    pair = _PAIRS.index((model.encoder, model.marginal))
    colour = sns.color_palette("Paired", 12)[2 * pair + (model.decoder == "+")]
    return Mark(tuple(colour), _MARKERS[model.marginal], model.encoder == "+")


def scatter(
    axes: Axes, x: ArrayLike, y: ArrayLike, architecture: str, scale: float = 1.0, alpha: float = 1.0, zorder: float = 3
) -> None:
    """Draw runs of one architecture at (x, y) with its mark; `scale` multiplies the mark's area."""
    look = mark(architecture)
    thin = min(1.0, scale) ** 0.5
    # Light colours vanish on white: hollow marks get a dark outline on both sides of the ring, filled ones one line.
    outline = [patheffects.withStroke(linewidth=2.5 * thin, foreground=INK)]
    axes.scatter(
        x,
        y,
        s=_AREAS[look.marker] * scale,
        marker=look.marker,
        facecolor=look.colour if look.filled else "white",
        edgecolor=INK if look.filled else look.colour,
        linewidth=0.7 * thin if look.filled else 1.5 * thin,
        path_effects=None if look.filled else outline,
        alpha=alpha,
        zorder=zorder,
    )


def in_order(architectures: Iterable[str]) -> list[str]:
    """The distinct architectures in the project's order."""
    present = set(architectures)
    return [architecture for architecture in ARCHITECTURES if architecture in present]


def sign(name: str) -> str:
    """An architecture or one of its signs with true minus signs, for print: '-+v' becomes '−+v'."""
    return name.replace("-", "−")


class Page:
    """A figure of given content size (inches) with title and notes above and missing cells named below.

    The content keeps its size whatever the notes need: the figure grows.
    """

    MARGIN = 0.15

    def __init__(
        self,
        width: float,
        height: float,
        title: str,
        subtitle: str = "",
        note: str | None = None,
        footnotes: Sequence[str] = (),
    ):
        above: list[tuple[str, float, str, str]] = [(title, TITLE, INK, "bold")]
        above += [(line, BODY, FAINT, "normal") for line in self._wrap(subtitle, width, BODY)]
        above += [(line, BODY, ACCENT, "bold") for line in self._wrap(note or "", width, BODY * 1.1)]
        below = [line for text in footnotes for line in self._wrap(text, width, SMALL)]
        head = sum(1.5 * size / 72 for _, size, _, _ in above) + 0.10
        self.foot = len(below) * 1.5 * SMALL / 72 + (0.05 if below else 0.0)
        self.width, self.height = width, height
        self._size = (width + 2 * self.MARGIN, height + head + self.foot + 2 * self.MARGIN)
        self.figure = Figure(figsize=self._size)
        y = self._size[1] - self.MARGIN
        for text, size, colour, weight in above:
            self._write(text, y, size, color=colour, weight=weight)
            y -= 1.5 * size / 72
        y = self.MARGIN + self.foot - 0.05
        for text in below:
            self._write(text, y, SMALL, color=FAINT)
            y -= 1.5 * SMALL / 72

    @staticmethod
    def _wrap(text: str, width: float, size: float) -> list[str]:
        return textwrap.wrap(text, max(20, int(width / (0.54 * size / 72))))

    def _write(self, text: str, y: float, size: float, **style: Any) -> None:
        self.figure.text(
            self.MARGIN / self._size[0], y / self._size[1], text, size=size, va="top", parse_math=False, **style
        )

    def text(self, x: float, y: float, text: str, **style: Any) -> None:
        """Text at a place in inches from the lower left corner of the content."""
        across, up = self._size
        place = (x + self.MARGIN) / across, (y + self.MARGIN + self.foot) / up
        self.figure.text(*place, text, parse_math=False, **style)

    def axes(self, left: float, bottom: float, width: float, height: float, **options: Any) -> Axes:
        """Axes at a place in inches from the lower left corner of the content."""
        across, up = self._size
        place = (
            (left + self.MARGIN) / across,
            (bottom + self.MARGIN + self.foot) / up,
            width / across,
            height / up,
        )
        return self.figure.add_axes(place, **options)


def architecture_key(axes: Axes, architectures: Sequence[str]) -> None:
    """Fill `axes` (about 2.5 x 2.2 inches) with the key to the marks: a table of marginal by encoder and decoder."""
    axes.set(xlim=(0, 2.5), ylim=(2.2, 0))
    axes.axis("off")
    columns = {"-": 0.42, "+": 1.12, "v": 1.82}
    axes.text(0, 0.08, "Encoder, decoder, marginal", size=SMALL, weight="bold", va="center")
    for marginal, x in columns.items():
        axes.text(x, 0.32, PARTS["marginal"][marginal], size=SMALL, ha="center", va="center", color=FAINT)
    y = 0.60
    for encoder in "-+":
        for decoder in "-+":
            heading = f"{PARTS['encoder'][encoder]} encoder, {PARTS['decoder'][decoder]}"
            axes.text(0, y - 0.06, heading, size=SMALL - 1, va="center", color=FAINT)
            for marginal, x in columns.items():
                name = encoder + decoder + marginal
                if name in architectures:
                    scatter(axes, [x - 0.24], [y + 0.12], name)
                    axes.text(x - 0.10, y + 0.125, sign(name), size=SMALL, va="center", family="DejaVu Sans Mono")
            y += 0.41


def save(figure: Figure, png: str | Path, pdf: str | Path, dpi: int = 160) -> None:
    """Write a figure as PNG and PDF, each whole or not at all, the same bytes for the same figure (no dates).

    Raises:
        UserError: a file cannot be written.
    """
    for path, options in ((png, {"format": "png", "dpi": dpi}), (pdf, {"format": "pdf"})):
        buffer = io.BytesIO()
        metadata = {"Software": None} if options["format"] == "png" else {"CreationDate": None}
        with matplotlib.rc_context(rc=_RC):
            figure.savefig(buffer, metadata=metadata, facecolor="white", **options)
        with atomic(path) as stream:
            stream.write(buffer.getvalue())


def spread(values: ArrayLike, margin: float = 0.05) -> tuple[float, float]:
    """Lower and upper limit around finite values with a margin; never an empty range."""
    values = np.asarray(values, dtype=float)
    low, high = float(values.min()), float(values.max())
    room = margin * (high - low) or max(1.0, margin * abs(high))
    return low - room, high + room
