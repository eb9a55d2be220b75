"""What a curve that one cell trained costs at each beta: the objective beside that of a training for this beta alone.

J = D + beta R is what both minimise. Both models are measured on the same test images, so the error of a difference is
that of the mean of its values on the images, which is far below the errors of the two: what is hard to one model is
hard to the other. It is an error over images, of two trained models; it does not tell how much another seed would
change. Needs no torch.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rdplane.declare.kinds import Column
from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.experiment.cells import spelled
from rdplane.experiment.layout import cell_of
from rdplane.experiment.metrics import ALWAYS, with_errors
from rdplane.files import read_json, sha256

__all__ = ["COLUMNS", "PerImage", "compare", "markdown", "paired", "per_image", "read_gaps"]

_DIFFERENCES = {"rate": "R", "distortion": "D", "j": "J = D + beta R"}

COLUMNS = (
    Column("architecture", "symbols of encoder, decoder and marginal, such as -+v", "", "str"),
    Column("seed", "of both trainings", "", "int64"),
    Column("beta", "weight of the rate, of the curve's point and of the separate training", "nats of D per nat of R"),
    Column("anneal", "epochs over which beta of the separate training climbed from 0; 0: none", "", "int64"),
    *(
        column
        for name, text in _DIFFERENCES.items()
        for column in (
            Column(f"{name}_curve", f"{text} of the curve's point"),
            Column(f"{name}_separate", f"{text} of the separate training"),
            Column(f"{name}_difference", f"{text}, curve - separate: below 0 the curve is better", error=True),
        )
    ),
    Column("rate_relative", "(R of the curve - R) / R of the separate training; empty where the latter is 0", "share"),
    Column("images", "test images", "", "int64"),
    Column("epochs_curve", "passes over the training images of the curve, for all of its points", "", "int64"),
    Column("epochs_separate", "those of the separate training", "", "int64"),
    Column("train_seconds_curve", "duration of the curve's training, for all of its points", "s"),
    Column("train_seconds_separate", "that of the separate training", "s"),
    Column("device_curve", "on which the curve was trained", "", "str"),
    Column("device_separate", "on which the separate training ran", "", "str"),
    Column("cell_curve", "the row of rd.csv of the curve's point", "", "str"),
    Column("cell_separate", "that of the separate training", "", "str"),
)
"""Those of curve_gap.csv; an error `<name>_se`, paired over images, is empty where the numbers per image are gone."""

_DIFFERENCE = (
    "Difference: the point of the curve minus the training for this β alone, ± standard error, paired over the test "
    "images. Epochs and seconds of a curve are those of its whole training, for all of its points."
)
_WITHOUT_ERROR = (
    " A difference is without an error where what was measured of each test image was not kept, or belongs to another "
    "measurement."
)

_CLOSE = 1e-6  # nats: numbers per image whose mean is further from the table's are of another measurement


class PerImage(NamedTuple):
    """What was measured of each test image, nats.

    Attributes:
        rate, distortion: (N,) each.
        images: digest of the file of images.
    """

    rate: NDArray[np.float64]
    distortion: NDArray[np.float64]
    images: str


def compare(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Every point of a curve that was asked for by its beta beside each separate training of this beta.

    A separate training is a row of the objective `beta` of the same architecture, seed and beta; each of its annealings
    is a comparison of its own, and so is each curve where there are several.

    Args:
        table: an experiment's (see `rdplane.table.rd.read_table`).
        folder: ``results/<experiment>``, where the numbers per image are kept.

    Returns:
        One row per comparison in the order of the table, with the columns of `COLUMNS`; none where there is nothing to
        compare.
    """
    curves = [name for name, objective in declared().objectives.items() if objective.conditions]
    points = table[table["objective"].isin(curves) & table["rate_target"].isna()]
    separate: dict[tuple[Any, ...], list[pd.Series]] = {}
    for _, other in table[table["objective"] == "beta"].iterrows():
        separate.setdefault(_setting(other), []).append(other)
    rows = []
    for _, point in points.iterrows():
        for other in separate.get(_setting(point), []):
            rows.append(_row(point, other, per_image(folder, point), per_image(folder, other)))
    return pd.DataFrame(rows, columns=_names()).astype(
        {column.name: object if column.type == "str" else column.type for column in COLUMNS}
    )


def _setting(row: pd.Series) -> tuple[Any, ...]:
    """What a curve's point and a separate training have in common."""
    return row["architecture"], row["seed"], spelled(row["beta"])


def _names() -> list[str]:
    return [column.name for column in with_errors(COLUMNS)]


def _row(point: pd.Series, other: pd.Series, kept: PerImage | None, kept_other: PerImage | None) -> dict[str, Any]:
    """One comparison; with an error only where both have their numbers per image."""
    beta = float(point["beta"])
    row = {name: point[name] for name in ("architecture", "seed", "beta", "images")} | {"anneal": other["anneal"]}
    for name in ("epochs", "train_seconds", "device", "cell"):
        row |= {f"{name}_curve": point[name], f"{name}_separate": other[name]}
    for name in _DIFFERENCES:
        both = [float(_value(run, name, beta)) for run in (point, other)]
        row |= {f"{name}_curve": both[0], f"{name}_separate": both[1], f"{name}_difference": both[0] - both[1]}
        error = np.nan
        if kept is not None and kept_other is not None and kept.images == kept_other.images:
            error = paired(_value(kept._asdict(), name, beta), _value(kept_other._asdict(), name, beta))
        row[f"{name}_difference_se"] = error
    row["rate_relative"] = row["rate_difference"] / other["rate"] if other["rate"] else np.nan
    return row


def _value(run: Any, name: str, beta: float) -> Any:
    """R, D or J, of a row of the table or of each image."""
    return run["distortion"] + beta * run["rate"] if name == "j" else run[name]


def paired(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Standard error of the mean of first - second, s / sqrt(N), with s the standard deviation of the differences.

    Args:
        first, second: (N,) each, in one order, N at least 2.
    """
    return float((first - second).std(ddof=1) / np.sqrt(len(first)))


def per_image(folder: Path, row: pd.Series) -> PerImage | None:
    """What was kept of each test image when a row of the table was measured.

    None where it is gone (in results that were copied without `state`), damaged, or of another measurement than the
    row. Its place and form are those of `rdplane.evaluate.kept.Kept`.

    Args:
        folder: ``results/<experiment>``.
        row: of rd.csv.
    """
    place = folder / "cells" / cell_of(row["cell"]) / "state" / "measures"
    if declared().objectives[row["objective"]].conditions:
        place /= f"beta{spelled(row['beta'])}"
    path = place / f"{ALWAYS}.npz"
    try:
        record = read_json(place / f"{ALWAYS}.json")
        if sha256(path) != record["per_image"]:
            return None
        with np.load(path, allow_pickle=False) as arrays:
            found = PerImage(arrays["rate"], arrays["distortion"], record["key"]["images"])
    except (UserError, OSError, KeyError, TypeError, ValueError):
        return None
    means = found.rate.mean() - row["rate"], found.distortion.mean() - row["distortion"]
    return found if len(found.rate) == row["images"] and np.abs(means).max() <= _CLOSE else None


def markdown(gaps: pd.DataFrame) -> str:
    """The comparisons as a Markdown table: difference ± its paired standard error, in nats per image."""
    heads = (
        "model", "β", "anneal", "seed", "difference of D + βR, nats", "R of the curve, nats", "R separate, nats",
        "difference of R, nats", "difference of D, nats", "epochs, curve and separate",
        "training, curve and separate, s",
    )  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    for _, row in gaps.iterrows():
        relative = f" ({row['rate_relative']:+.1%})" if pd.notna(row["rate_relative"]) else ""
        cells = [
            f"`{row['architecture']}`",
            f"{row['beta']:g}",
            f"{row['anneal']}",
            f"{row['seed']}",
            _difference(row, "j"),
            f"{row['rate_curve']:.2f}",
            f"{row['rate_separate']:.2f}",
            _difference(row, "rate") + relative,
            _difference(row, "distortion"),
            f"{row['epochs_curve']}, {row['epochs_separate']}",
            f"{row['train_seconds_curve']:.0f}, {row['train_seconds_separate']:.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lacking = gaps["j_difference_se"].isna().any()
    return "\n".join([*lines, "", _DIFFERENCE + (_WITHOUT_ERROR if lacking else "")]) + "\n"


def _difference(row: pd.Series, name: str) -> str:
    value, error = row[f"{name}_difference"], row[f"{name}_difference_se"]
    return f"{value:+.2f} ± {error:.2f}" if pd.notna(error) else f"{value:+.2f}"


def read_gaps(path: Path) -> pd.DataFrame:
    """Read ``curve_gap.csv``.

    Returns:
        One row per comparison with the columns of `COLUMNS`; none where there is no such file, as in an experiment
        without a curve, or without a separate training at one of its points.

    Raises:
        UserError: the file is damaged or lacks a column.
    """
    if not path.exists():
        return pd.DataFrame(columns=_names())
    remedy = "make it again with `rdplane figures`"
    texts = {column.name: str for column in COLUMNS if column.type == "str"}
    try:
        found = pd.read_csv(path, dtype=texts)
        missing = [name for name in _names() if name not in found.columns]
        if missing:
            raise UserError(f"{path}: column {missing[0]} is missing, expected {', '.join(_names())}; {remedy}")
        return found.astype({column.name: column.type for column in COLUMNS if column.type != "str"})
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a table ({error}); {remedy}") from None
