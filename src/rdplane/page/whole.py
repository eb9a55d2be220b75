"""Whole curves, each from one training: the lines through their points, and the stops of the slider along them.

The points of a curve are rows of the table like any run. The stops are the numbers (betas) at which all curves were
asked to be measured; a point whose beta was searched for a rate lies on its line but is no stop, since every curve has
another there.
"""

from typing import Any

import pandas as pd
from matplotlib.colors import to_hex

from rdplane.experiment.layout import cell_of
from rdplane.figures import curve_lines, marks, runs
from rdplane.figures.plane import MOST_CURVES

__all__ = ["dot", "lines", "places", "slider"]


def lines(table: pd.DataFrame) -> dict[str, list[Any]]:
    """One entry per curve: a smooth line for either view, its parts and objective, its colour, and pixels across."""
    every = _curves(table)
    columns: dict[str, list[Any]] = {}
    for view in ("distortion", "neg_elbo"):
        smooth = [curve_lines.smooth(curve, "number", "rate", view).round(4).T.tolist() for curve in every]
        columns["rate"], columns[f"y_{view}"] = [line[0] for line in smooth], [line[1] for line in smooth]
    columns["y"] = columns["y_distortion"]
    for name in ("encoder", "decoder", "marginal", "anneal", "objective"):
        columns[name] = [curve[name].tolist()[0] for curve in every]
    columns["colour"] = [_colour(curve["architecture"].iloc[0]) for curve in every]
    columns["width"] = [2.0 if len(every) <= MOST_CURVES else 1.0] * len(every)
    return columns


def places(table: pd.DataFrame) -> dict[str, list[int]]:
    """For each row the number of its `curve` in `lines`, and of its `stop` in `slider`; -1 where it has none."""
    stops = _stops(table)
    curve = {row: number for number, points in enumerate(_curves(table)) for row in points.index}
    stop = {row: stops.index(runs.label(point)) for row, point in _asked(table).iterrows()}
    return {name: [of.get(row, -1) for row in table.index] for name, of in (("curve", curve), ("stop", stop))}


def slider(table: pd.DataFrame) -> dict[str, Any]:
    """The slider's `symbol` and `unit`, such as 'β', and its `stops`, such as 'β 0.1'; no stops where no curve is."""
    points = table[runs.on_curves(table)]
    units = dict.fromkeys(objective.unit for objective in runs.objectives(points))
    return {"symbol": runs.symbols(points), "unit": " or ".join(filter(None, units)), "stops": _stops(table)}


def dot(architecture: str) -> dict[str, Any]:
    """How a point of a curve is drawn, in the columns of a mark: the architecture's mark is left to separate runs."""
    return {
        "marker": "circle", "angle": 0.0, "size": 6.0, "fill": _colour(architecture), "line": "#ffffff",
        "line_width": 0.8, "outline_width": 0.0, "inside": "", "inside_size": 0.0,
    }  # fmt: skip


def _curves(table: pd.DataFrame) -> list[pd.DataFrame]:
    """The points of each curve, by their `number`."""
    points = table[runs.on_curves(table)]
    points = points.assign(number=runs.numbers(points)).sort_values("number", kind="stable")
    return [curve for _, curve in points.groupby(points["cell"].map(cell_of))]


def _asked(table: pd.DataFrame) -> pd.DataFrame:
    """Points whose number was asked for, not searched for a rate."""
    return table[runs.on_curves(table) & table["rate_target"].isna()]


def _stops(table: pd.DataFrame) -> list[str]:
    asked = _asked(table)
    by_number = asked.loc[runs.numbers(asked).sort_values(kind="stable").index]
    return list(dict.fromkeys(runs.label(point) for _, point in by_number.iterrows()))


def _colour(architecture: str) -> str:
    return to_hex(marks.darker(marks.mark(architecture).colour))
