"""The keys beside the axes: what the marks of the architectures mean, and what the lines and signs do."""

import textwrap
from collections.abc import Sequence
from typing import Literal

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle
from matplotlib.transforms import IdentityTransform

from rdplane.declare.registry import declared
from rdplane.figures import marks, runs, style

__all__ = [
    "DASHED", "DOTTED", "Entry", "annealed", "architecture_key", "architecture_key_size", "cross", "legend",
    "legend_size", "line", "overlays", "ring",
]  # fmt: skip

Dashes = Literal["solid"] | tuple[float, tuple[float, ...]]
Entry = tuple[Artist, str]

DASHED: Dashes = (0, (5, 3))
DOTTED: Dashes = (0, (1, 1.65))

# Inches: the first column's middle, from column to column, from row to row.
_LEFT, _COLUMN, _ROW = 0.42, 0.70, 0.41
_MOST = 46  # characters of a row's heading
_APART = 0.7  # heights of a line, between two entries of a list


def architecture_key_size(architectures: Sequence[str]) -> tuple[float, float]:
    """Inches across and up that `architecture_key` needs: 2.5 by 2.2 for the paper's twelve."""
    columns, rows = _columns(architectures), _rows(architectures)
    return max(2.5, 0.4 + _COLUMN * len(columns)), 0.56 + _ROW * len(rows)


def architecture_key(axes: Axes, architectures: Sequence[str]) -> None:
    """Fill axes of that size with the key to the marks: a table of marginal by encoder and decoder."""
    width, height = architecture_key_size(architectures)
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    parts = declared().parts
    columns = {marginal: _LEFT + _COLUMN * index for index, marginal in enumerate(_columns(architectures))}
    axes.text(0, 0.08, "Encoder, decoder, marginal", size=style.SMALL, weight="bold", va="center")
    for marginal, x in columns.items():
        title = "\n".join(textwrap.wrap(parts["marginal"][marginal].title, 10)[:2])
        axes.text(x, 0.32, title, size=style.SMALL, ha="center", va="center", color=style.FAINT)
    y = 0.60
    for encoder, decoder in _rows(architectures):
        heading = f"{parts['encoder'][encoder].title} encoder, {parts['decoder'][decoder].title}"
        heading = textwrap.shorten(heading, _MOST, placeholder=" …")
        axes.text(0, y - 0.06, heading, size=style.SMALL - 1, va="center", color=style.FAINT)
        for marginal, x in columns.items():
            name = encoder + decoder + marginal
            if name in architectures:
                marks.scatter(axes, [x - 0.24], [y + 0.12], name)
                axes.text(
                    x - 0.10, y + 0.125, marks.sign(name), size=style.SMALL, va="center", family="DejaVu Sans Mono"
                )
        y += _ROW


def _columns(architectures: Sequence[str]) -> list[str]:
    """The marginals that occur, in the project's order."""
    return [symbol for symbol in declared().parts["marginal"] if any(name[2] == symbol for name in architectures)]


def _rows(architectures: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of encoder and decoder that occur, in the project's order."""
    parts = declared().parts
    pairs = [(encoder, decoder) for encoder in parts["encoder"] for decoder in parts["decoder"]]
    return [pair for pair in pairs if any((name[0], name[1]) == pair for name in architectures)]


def legend_size(entries: Sequence[Entry]) -> float:
    """Inches up that `legend` needs for these entries."""
    lines = sum(1 + text.count("\n") for _, text in entries)
    return (1.25 * lines + _APART * len(entries)) * style.SMALL / 72


def legend(axes: Axes, entries: Sequence[Entry]) -> None:
    """Fill `axes` with a list of lines and signs, each with what it means."""
    axes.axis("off")
    handles, texts = zip(*entries, strict=True)
    axes.legend(
        handles, texts, loc="upper left", bbox_to_anchor=(0, 1), borderaxespad=0, borderpad=0, frameon=False,
        handlelength=2.0, labelspacing=_APART,
    )  # fmt: skip


def line(text: str, colour: str = style.FAINT, width: float = 1.0, dashes: Dashes = "solid") -> Entry:
    """An entry for a line."""
    return Line2D([], [], color=colour, linewidth=width, linestyle=dashes), text


def cross(text: str, marker: str = "+", size: float = 9) -> Entry:
    """An entry for error bars."""
    return Line2D([], [], color=style.INK, linewidth=0.7, marker=marker, markersize=size, linestyle="none"), text


def ring(text: str) -> Entry:
    """An entry for the ring around published points."""
    return Line2D([], [], color="black", linestyle="none", marker="o", markersize=9.5, markerfacecolor="none"), text


def annealed(table: pd.DataFrame) -> list[Entry]:
    """An entry for the dotted ring around annealed runs, where others are not."""
    if runs.apart_by_annealing(table).empty:
        return []
    circle = MarkerStyle("o")
    outline = circle.get_path().transformed(circle.get_transform())
    ring = PathCollection([outline], sizes=[marks.RING_AREA], **marks.RING)
    ring.set_transform(IdentityTransform())  # its area is in points, as in a scatter plot
    return [(ring, textwrap.fill(f"dotted ring: annealed {runs.annealed(table)}", 34))]


def overlays(table: pd.DataFrame) -> list[Entry]:
    """Entries for what is drawn over the marks of some objectives' runs."""
    entries: list[Entry] = []
    for marker, objectives in runs.overlays(table).items():
        text = "\n".join(textwrap.fill(objective.title, 34) for objective in objectives)
        handle = Line2D([], [], color="black", linestyle="none", marker=marker, markersize=6.5, markeredgewidth=1.1)
        entries.append((handle, text))
    return entries
