"""What the page knows of every run, setting, curve and published point: columns of numbers, texts and marks.

Columns named `<place>_distortion` and `<place>_neg_elbo` hold a vertical place in either view; the column `<place>`
itself is what is drawn. The columns of `FILTERS` decide what is shown.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from rdplane.declare.kinds import KINDS
from rdplane.declare.registry import declared
from rdplane.figures import marks, plane, references, runs, style
from rdplane.figures.plane import MOST_CURVES
from rdplane.page import whole
from rdplane.table import frontier

__all__ = [
    "FILTERS", "VIEWS", "choices", "headings", "limits", "of_curves", "of_published", "of_runs", "of_settings",
]  # fmt: skip

FILTERS = (*KINDS, "anneal", "objective")
VIEWS = {"distortion": style.DISTORTION, "neg_elbo": style.NEG_ELBO}

# A marginal's mark -> Bokeh's marker, its turn, and pixels across, so that all look equally large. A diamond is a
# square on its corner.
_SHAPES = {
    "circle": ("circle", 0.0, 9.8), "square": ("square", 0.0, 9.0), "diamond": ("square", math.pi / 4, 8.3),
    "triangle": ("triangle", 0.0, 10.4), "star": ("star", 0.0, 13.5), "hexagon": ("hex", 0.0, 10.2),
    "down": ("inverted_triangle", 0.0, 10.4), "left": ("triangle", math.pi / 2, 10.4),
}  # fmt: skip

# What stands inside the hollow mark of an encoder -> Bokeh's marker and pixels across.
_INSIDE = {"dot": ("circle", 1.9), "cross": ("x", 4.5), "bar": ("dash", 6.0), "plus": ("cross", 5.5)}


def of_runs(table: pd.DataFrame) -> dict[str, Any]:
    """One entry per run, for the marks, the hover texts, the cards and the table of the page."""
    points = runs.on_curves(table)
    marked = len(table) - int(points.sum())
    scale = 1.0 if marked <= 60 else 0.85 if marked <= 400 else 0.6
    columns = {name: table[name].tolist() for name in ("architecture", "seed", "cell", "precision", *FILTERS)}
    columns |= {"rate": _digits(table["rate"])} | _places("y", table["distortion"], table["neg_elbo"])
    columns |= {f"{name}_text": _measured(table, name) for name in ("rate", "distortion", "neg_elbo")}
    for index in np.flatnonzero(table["bits_per_dim"].notna()):
        columns["neg_elbo_text"][index] += f" ({table['bits_per_dim'].iloc[index]:.3f} bits per dimension)"
    columns["model"] = [marks.sign(name) for name in table["architecture"]]
    columns["parts"] = [_parts(run) for _, run in table.iterrows()]
    columns["label"] = [runs.label(run) for _, run in table.iterrows()]
    columns["annealing"] = [_annealing(epochs) for epochs in table["anneal"]]
    columns["ringed"] = table.index.isin(runs.apart_by_annealing(table).index).tolist()
    columns["generative"] = [runs.generative(run) for _, run in table.iterrows()]
    columns |= _marks(table["architecture"], scale)
    if points.any():
        columns |= whole.places(table)
        for index in np.flatnonzero(points):
            columns["label"][index] = f"curve, {columns['label'][index]}"
            for name, value in whole.dot(columns["architecture"][index]).items():
                columns[name][index] = value
    return columns


def of_published(points: pd.DataFrame) -> dict[str, Any]:
    """One entry per point that the paper prints; all of them have a beta, printed or not."""
    beta = declared().objectives["beta"]
    columns = {kind: symbols.tolist() for kind, symbols in runs.parts(points["architecture"]).items()}
    columns |= {"rate": _digits(points["rate"])} | _places("y", points["distortion"], points["neg_elbo"])
    columns["model"] = [marks.sign(name) for name in points["architecture"]]
    columns["label"] = [
        f"{runs.symbol(beta)} not printed" if math.isnan(value) else beta.label.format(value=value)
        for value in points["beta"]
    ]
    columns["source"] = [f"Figure {name}" if name != "text" else "the text" for name in points["figure"]]
    columns["note"] = [note or "none" for note in points["note"]]
    columns |= {f"{name}_text": [f"{value:g}" for value in points[name]] for name in ("rate", "distortion", "neg_elbo")}
    return columns | _marks(points["architecture"], 0.8)


def of_settings(table: pd.DataFrame) -> dict[str, Any]:
    """One entry per setting (see `rdplane.figures.runs.per_setting`): the ends of its error bars."""
    each = _with_parts(runs.per_setting(table))
    columns: dict[str, Any] = {name: each[name].tolist() for name in FILTERS}
    columns["rate"] = _digits(each["rate"])
    columns["left"], columns["right"] = (_digits(each["rate"] + sign * each["rate_se"]) for sign in (-1, 1))
    columns |= _places("y", each["distortion"], each["neg_elbo"])
    for end, sign in (("low", -1), ("high", 1)):
        ends = [each[name] + sign * each[f"{name}_se"] for name in VIEWS]
        columns |= _places(end, *ends)
    return columns


def of_curves(table: pd.DataFrame) -> dict[str, Any]:
    """One entry per curve of separate runs (see `rdplane.figures.runs.curves`); none when they would hide the marks."""
    every = runs.curves(_with_parts(runs.per_setting(table[~runs.on_curves(table)])))
    if len(every) > MOST_CURVES:
        every = []
    columns: dict[str, Any] = {name: [curve[name].iloc[0] for curve in every] for name in FILTERS}
    columns["anneal"] = [int(epochs) for epochs in columns["anneal"]]
    columns["rate"] = [_digits(curve["rate"]) for curve in every]
    for view in VIEWS:
        columns[f"y_{view}"] = [_digits(curve[view]) for curve in every]
    columns["y"] = columns["y_distortion"]
    looks = [marks.mark(curve["architecture"].iloc[0]) for curve in every]
    columns["colour"] = [to_hex(marks.darker(look.colour)) for look in looks]
    apart = not runs.apart_by_annealing(table).empty
    columns["dash"] = ["dotted" if apart and epochs else "solid" for epochs in columns["anneal"]]
    return columns


def choices(table: pd.DataFrame) -> dict[str, dict[Any, str]]:
    """What can be filtered: column -> value -> its name, for the columns in which the runs differ."""
    names: dict[str, dict[Any, str]] = {
        kind: {symbol: f"{marks.sign(symbol)}  {part.title}" for symbol, part in declared().parts[kind].items()}
        for kind in KINDS
    }
    names["anneal"] = {int(epochs): _annealing(epochs) for epochs in sorted(table["anneal"].unique())}
    names["objective"] = {objective.name: objective.title for objective in runs.objectives(table)}
    present = {column: set(table[column]) for column in FILTERS}
    return {
        column: {value: name for value, name in names[column].items() if value in present[column]}
        for column in FILTERS
        if len(present[column]) > 1
    }


def headings(table: pd.DataFrame) -> dict[str, str]:
    """What the columns of `FILTERS` are called."""
    number = runs.annealed(table)
    return {name: name.capitalize() for name in FILTERS} | {"anneal": f"{number} annealed" if number else "Annealed"}


def limits(table: pd.DataFrame, points: pd.DataFrame) -> dict[str, dict[str, tuple[float, float]]]:
    """View -> axis -> what the page shows at first: all runs and points but those beyond three times the best -ELBO.

    Args:
        table: the runs, at least one.
        points: published points to show besides, maybe none.
    """
    best = float(table["neg_elbo"].iloc[frontier.best_elbo(table["rate"], table["distortion"])])
    lowest = references.references(table).lowest
    kept = [part[(part[["rate", "distortion"]] <= 3 * best).all(axis=1)] for part in (table, points)]
    joined = {name: np.concatenate([part[name] for part in kept]) for name in ("rate", "distortion", "neg_elbo")}
    across = plane.rate_limits(joined["rate"], best)
    return {
        "distortion": {"x": across, "y": plane.limits(np.append(joined["distortion"], [best, lowest]), best)},
        "neg_elbo": {"x": across, "y": style.spread(np.append(joined["neg_elbo"], [best, lowest]))},
    }


def _digits(values: pd.Series) -> list[float]:
    """A tenth of a millinat is below every standard error, and shorter in the page."""
    return [round(float(value), 4) for value in values]


def _places(name: str, distortion: pd.Series, neg_elbo: pd.Series) -> dict[str, list[float]]:
    places = _digits(distortion)
    return {name: places, f"{name}_distortion": places, f"{name}_neg_elbo": _digits(neg_elbo)}


def _measured(table: pd.DataFrame, name: str) -> list[str]:
    return [f"{value:.2f} ± {error:.2f}" for value, error in zip(table[name], table[f"{name}_se"], strict=True)]


def _annealing(epochs: int) -> str:
    return runs.counted(int(epochs), "epoch") if epochs else "none"


def _parts(run: pd.Series) -> str:
    return ", ".join(declared().parts[kind][run[kind]].title for kind in KINDS)


def _with_parts(each: pd.DataFrame) -> pd.DataFrame:
    """Settings with the columns of their encoder, decoder and marginal."""
    return each.assign(**runs.parts(each["architecture"]))


def _marks(architectures: pd.Series, scale: float) -> dict[str, list[Any]]:
    """How every entry is drawn: column -> values."""
    looks = {architecture: _look(architecture, scale) for architecture in architectures.unique()}
    names = ("marker", "angle", "size", "fill", "line", "line_width", "outline_width", "inside", "inside_size")
    return {name: [looks[architecture][name] for architecture in architectures] for name in names}


def _look(architecture: str, scale: float) -> dict[str, Any]:
    """The mark of an architecture; light colours vanish on white, so hollow marks get a wider, dark outline below."""
    look = marks.mark(architecture)
    marker, angle, size = _SHAPES[look.shape]
    colour = to_hex(look.colour)
    inside, inside_size = _INSIDE.get(look.fill, ("", 0.0))
    filled = look.fill == "filled"
    thin = min(1.0, scale)
    return {
        "marker": marker,
        "angle": angle,
        "size": round(size * scale, 2),
        "fill": colour if filled else "#ffffff",
        "line": style.INK if filled else colour,
        "line_width": round((1.0 if filled else 2.1) * thin, 2),
        "outline_width": 0.0 if filled else round(3.5 * thin, 2),
        "inside": inside,
        "inside_size": round(inside_size * scale, 2),
    }
