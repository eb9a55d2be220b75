"""Curves that one training gives whole: smooth lines through the points at which they were measured."""

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy.interpolate import PchipInterpolator

from rdplane.declare.registry import declared
from rdplane.experiment.layout import curve_of
from rdplane.figures import keys, marks, runs, style

__all__ = ["WIDTH", "draw_curves", "entries", "lines", "smooth"]

WIDTH = 1.9  # points, of a line: clearly more than one that joins separate runs

_STEPS = 12  # pieces of line between two points
_FEW = 6  # points, below which a line goes straight from one to the next: a bend would be a guess, by 1 to 2 nats
_DOT = 3.0  # points, across
_EDGE = 0.5  # points, of a dot
_MARK = 0.7  # share of a mark's area at the end of a curve: less than the mark of a training of its own


def smooth(points: pd.DataFrame, number: str, x: str, y: str) -> np.ndarray:
    """Places along the line through the points of a curve: monotone where they are, in the logarithm of their number.

    Through few points it is straight from each to the next.

    Args:
        points: one row per point; those without a value are left out.
        number: column of what the curve is over, such as beta, above 0.
        x, y: columns of its places.

    Returns:
        (K, 2) x and y by rising number; the points themselves are among them.
    """
    known = points[[number, x, y]].dropna().sort_values(number).drop_duplicates(number)
    places = known[[x, y]].to_numpy()
    if len(known) < _FEW:
        return places
    along = np.log(known[number].to_numpy())
    shares = np.arange(_STEPS) / _STEPS
    between = np.append((along[:-1, None] + shares * np.diff(along)[:, None]).ravel(), along[-1])
    return PchipInterpolator(along, places)(between)


def lines(table: pd.DataFrame, y: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The curves among the rows of a table: of each its architecture, and places (K, 2) along the mean of its seeds.

    Args:
        table: one row per run or point of a curve; runs of their own are left out.
        y: (N,) what is above the rate of each row.
    """
    points = table.assign(y=y, y_se=0.0)[runs.on_curves(table)]
    settings = runs.per_setting(_on_lines(points), means=("rate", "y"))
    found = []
    for _, curve in settings.groupby(["architecture", "objective", "curve"], sort=False):
        number = declared().objectives[curve["objective"].iloc[0]].holds
        found.append((curve["architecture"].iloc[0], smooth(curve, number, "rate", "y")))
    return found


def _on_lines(points: pd.DataFrame) -> pd.DataFrame:
    """The points whose means are on lines: of a curve of several seeds those at the numbers that all of them have.

    A point that was searched for a rate is not among these. Some seeds may not reach that rate, and others are of
    another number each, so that their mean is beside the line through the means at one number.
    """
    name = points["cell"].map(curve_of)
    points = points.assign(curve=name, number=runs.numbers(points))
    alone = points.groupby("curve")["seed"].transform("nunique") == 1
    points = points[alone | points["rate_target"].isna()]
    seeds = points.groupby(["curve", "number"])["seed"].transform("nunique")
    return points[seeds == seeds.groupby(points["curve"]).transform("max")]


def draw_curves(axes: Axes, table: pd.DataFrame, y: np.ndarray, scale: float = 1.0) -> None:
    """Draw the curves among the rows of a table: a line over the means of the seeds, a dot at every point, one mark.

    The mark of the architecture is where the line begins, at the smallest number: there the curves are far apart.

    Args:
        table, y: as for `lines`.
        scale: multiplies the area of the marks.
    """
    points = runs.on_curves(table).to_numpy()
    colours = {name: marks.darker(marks.mark(name).colour) for name in table["architecture"][points].unique()}
    for architecture, line in lines(table, y):
        axes.plot(*line.T, color=colours[architecture], linewidth=WIDTH, solid_capstyle="round", zorder=2.2)
        marks.scatter(axes, line[:1, 0], line[:1, 1], architecture, _MARK * scale, zorder=2.9)
    each = [colours[name] for name in table["architecture"][points]]
    rate = table["rate"].to_numpy()[points]
    axes.scatter(rate, y[points], s=_DOT**2, color=each, edgecolor=style.INK, linewidth=_EDGE, zorder=2.3)


def entries(table: pd.DataFrame) -> list[keys.Entry]:
    """What the key must explain of the curves among the rows of a table, and of marks beside them; else nothing."""
    points = runs.on_curves(table)
    if not points.any():
        return []
    number = runs.symbols(table[points])
    seeds = " (the mean of its seeds)" if table["seed"][points].nunique() > 1 else ""
    text = f"a curve: one training for every {number}{seeds}, measured at the dots; a mark at its end"
    look: dict[str, Any] = {"marker": "o", "markeredgecolor": style.INK}
    line = Line2D([], [], color=style.GREY, linewidth=WIDTH, markersize=_DOT, markeredgewidth=_EDGE, **look)
    alone = Line2D([], [], linestyle="none", markersize=6.5, markerfacecolor="white", **look)
    found: list[keys.Entry] = [(line, textwrap.fill(text, 34))]
    return found if points.all() else [*found, (alone, "a mark alone: a training of its own")]
