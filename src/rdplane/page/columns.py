"""What the page knows of every run, setting, curve and published point: columns of numbers, texts and marks.

Columns named `<place>_distortion` and `<place>_neg_elbo` hold a vertical place in either view; the column `<place>`
itself is what is drawn. The columns of `FILTERS` decide what is shown.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from rdplane import frontier
from rdplane.figures import runs as data
from rdplane.figures import style

__all__ = ["FILTERS", "VIEWS", "choices", "curves", "limits", "published", "runs", "settings"]

FILTERS = ("encoder", "decoder", "marginal", "anneal", "objective")
VIEWS = {"distortion": style.DISTORTION, "neg_elbo": style.NEG_ELBO}

# Pixels across, so that the three look equally large. A diamond is a square on its corner.
_MARKERS = {"o": ("circle", 0.0, 9.8), "s": ("square", 0.0, 9.0), "D": ("square", math.pi / 4, 8.3)}

# More curves than this hide the marks.
_MOST_CURVES = 30


def runs(table: pd.DataFrame) -> dict[str, Any]:
    """One entry a run, for the marks, the hover texts, the cards and the table of the page."""
    scale = 1.0 if len(table) <= 60 else 0.85 if len(table) <= 400 else 0.6
    columns = {name: table[name].tolist() for name in ("architecture", "seed", "cell", *FILTERS)}
    columns |= {"rate": _digits(table["rate"])} | _places("y", table["distortion"], table["neg_elbo"])
    columns |= {f"{name}_text": _measured(table, name) for name in ("rate", "distortion", "neg_elbo")}
    columns["model"] = [style.sign(name) for name in table["architecture"]]
    columns["parts"] = [_parts(run) for _, run in table.iterrows()]
    columns["weight"] = [data.label(run) for _, run in table.iterrows()]
    columns["annealing"] = [_annealing(epochs) for epochs in table["anneal"]]
    return columns | _marks(table["architecture"], scale)


def published(points: pd.DataFrame) -> dict[str, Any]:
    """One entry a point that the paper prints."""
    columns = {name: points[name].tolist() for name in ("encoder", "decoder", "marginal")}
    columns |= {"rate": _digits(points["rate"])} | _places("y", points["distortion"], points["neg_elbo"])
    columns["model"] = [style.sign(name) for name in points["architecture"]]
    columns["weight"] = ["β not printed" if math.isnan(beta) else f"β {beta:g}" for beta in points["beta"]]
    columns["source"] = [f"Figure {name}" if name != "text" else "the text" for name in points["figure"]]
    columns["note"] = [note or "none" for note in points["note"]]
    columns |= {f"{name}_text": [f"{value:g}" for value in points[name]] for name in ("rate", "distortion", "neg_elbo")}
    return columns | _marks(points["architecture"], 0.8)


def settings(table: pd.DataFrame) -> dict[str, Any]:
    """One entry a setting (see `rdplane.figures.runs.per_setting`): the ends of its error bars."""
    each = _with_parts(data.per_setting(table))
    columns: dict[str, Any] = {name: each[name].tolist() for name in FILTERS}
    columns["rate"] = _digits(each["rate"])
    columns["left"], columns["right"] = (_digits(each["rate"] + sign * each["rate_se"]) for sign in (-1, 1))
    columns |= _places("y", each["distortion"], each["neg_elbo"])
    for end, sign in (("low", -1), ("high", 1)):
        ends = [each[name] + sign * each[f"{name}_se"] for name in VIEWS]
        columns |= _places(end, *ends)
    return columns


def curves(table: pd.DataFrame) -> dict[str, Any]:
    """One entry a curve of one architecture over beta or the rate target; none when they would hide the marks."""
    every = data.curves(_with_parts(data.per_setting(table)))
    if len(every) > _MOST_CURVES:
        every = []
    columns: dict[str, Any] = {name: [curve[name].iloc[0] for curve in every] for name in FILTERS}
    columns["anneal"] = [int(epochs) for epochs in columns["anneal"]]
    columns["rate"] = [_digits(curve["rate"]) for curve in every]
    for view in VIEWS:
        columns[f"y_{view}"] = [_digits(curve[view]) for curve in every]
    columns["y"] = columns["y_distortion"]
    # Darkened: a thin line in the palest colours cannot be seen on white.
    looks = [style.mark(curve["architecture"].iloc[0]) for curve in every]
    columns["colour"] = [to_hex(_darker(look.colour)) for look in looks]
    columns["dash"] = ["dotted" if epochs else "solid" for epochs in columns["anneal"]]
    return columns


def choices(table: pd.DataFrame) -> dict[str, dict[Any, str]]:
    """What can be filtered: column -> value -> its name, for the columns in which the runs differ."""
    names: dict[str, dict[Any, str]] = {
        part: {kind: f"{style.sign(kind)}  {name}" for kind, name in kinds.items()}
        for part, kinds in style.PARTS.items()
    }
    names["anneal"] = {int(epochs): _annealing(epochs) for epochs in sorted(table["anneal"].unique())}
    names["objective"] = {"beta": "weight β", "target_rate": "rate target R*"}
    present = {column: set(table[column]) for column in FILTERS}
    return {
        column: {value: name for value, name in names[column].items() if value in present[column]}
        for column in FILTERS
        if len(present[column]) > 1
    }


def limits(table: pd.DataFrame, points: pd.DataFrame) -> dict[str, dict[str, tuple[float, float]]]:
    """View -> axis -> what the page shows at first: all runs and points but those beyond three times the best -ELBO.

    Args:
        table: the runs, at least one.
        points: published points to show besides, maybe none.
    """
    best = float(table["neg_elbo"].iloc[frontier.best_elbo(table["rate"], table["distortion"])])
    kept = [part[(part[["rate", "distortion"]] <= 3 * best).all(axis=1)] for part in (table, points)]
    joined = {name: np.concatenate([part[name] for part in kept]) for name in ("rate", "distortion", "neg_elbo")}
    across = style.spread(np.append(joined["rate"], [0.0, 0.55 * best]), 0.035)
    return {
        "distortion": {"x": across, "y": style.spread(np.append(joined["distortion"], [0.0, 1.05 * best]), 0.03)},
        "neg_elbo": {"x": across, "y": style.spread(np.append(joined["neg_elbo"], best))},
    }


def _darker(colour: tuple[float, float, float]) -> tuple[float, float, float]:
    red, green, blue = colour
    return 0.85 * red, 0.85 * green, 0.85 * blue


def _digits(values: pd.Series) -> list[float]:
    """A tenth of a millinat is below every standard error, and shorter in the page."""
    return [round(float(value), 4) for value in values]


def _places(name: str, distortion: pd.Series, neg_elbo: pd.Series) -> dict[str, list[float]]:
    places = _digits(distortion)
    return {name: places, f"{name}_distortion": places, f"{name}_neg_elbo": _digits(neg_elbo)}


def _measured(table: pd.DataFrame, name: str) -> list[str]:
    return [f"{value:.2f} ± {error:.2f}" for value, error in zip(table[name], table[f"{name}_se"], strict=True)]


def _annealing(epochs: int) -> str:
    return data.counted(int(epochs), "epoch") if epochs else "none"


def _parts(run: pd.Series) -> str:
    return ", ".join(style.PARTS[part][run[part]] for part in style.PARTS)


def _with_parts(each: pd.DataFrame) -> pd.DataFrame:
    """Settings with the columns of their encoder, decoder and marginal."""
    return each.assign(**{part: each["architecture"].str[place] for place, part in enumerate(style.PARTS)})


def _marks(architectures: pd.Series, scale: float) -> dict[str, list[Any]]:
    """How every entry is drawn; light colours vanish on white, so hollow marks get a wider, dark outline below."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("marker", "angle", "size", "fill", "line", "line_width", "outline_width")
    }
    for architecture in architectures:
        look = style.mark(architecture)
        marker, angle, size = _MARKERS[look.marker]
        colour = to_hex(look.colour)
        thin = min(1.0, scale)
        drawn = {
            "marker": marker,
            "angle": angle,
            "size": round(size * scale, 2),
            "fill": colour if look.filled else "#ffffff",
            "line": style.INK if look.filled else colour,
            "line_width": round((1.0 if look.filled else 2.1) * thin, 2),
            "outline_width": 0.0 if look.filled else round(3.5 * thin, 2),
        }
        for name, value in drawn.items():
            columns[name].append(value)
    return columns
