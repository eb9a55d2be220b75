"""How every figure looks: colours, type sizes, the layout of a page, files. The one place to change them."""

import functools
import io
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from rdplane.files import atomic

__all__ = [
    "ACCENT", "BODY", "DISTORTION", "FAINT", "GREY", "INK", "NEG_ELBO", "RATE", "SMALL", "Page", "empty", "save",
    "spread", "styled",
]  # fmt: skip

RATE = "Rate R (nats per image)"
DISTORTION = "Distortion D (nats per image)"
NEG_ELBO = "−ELBO = R + D (nats per image)"

INK, FAINT, GREY, ACCENT = "#262626", "#6b6b6b", "#b0b0b0", "#a63603"
TITLE, BODY, SMALL = 13.0, 9.5, 8.0  # points, at the size the figure is made for

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


class Page:
    """A figure of given content size (inches) with title and notes above and missing cells named below.

    The content keeps its size whatever the notes need: the figure grows.

    Args:
        width, height: of the content.
        title: heading; '' leaves it and the subtitle out, for a paper whose caption says the same.
        subtitle: a line under the title.
        note: a line under that, such as the warning that a training run is small; None for none.
        footnotes: lines below the content.
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
        above = [(line, TITLE, INK, "bold") for line in self._wrap(title, width, TITLE * 1.1)]
        if title:
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


@styled
def empty(title: str, reason: str, note: str | None = None, footnotes: Sequence[str] = ()) -> Figure:
    """A page that says why there is nothing to draw: no reason to fail a finished grid."""
    return Page(9.3, 0.3, title, reason, note, footnotes if title else (reason, *footnotes)).figure


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
