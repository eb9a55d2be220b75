"""One tidy table from the measurements of all cells: ``rd.csv``, one row a cell."""

import csv
import io
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdplane.architectures import ARCHITECTURES, parse
from rdplane.errors import UserError
from rdplane.files import read_json, write_text
from rdplane.measures.columns import COLUMNS as MEASURES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "aggregate", "read_metrics", "read_table"]

# Columns of rd.csv in order, with the type that pandas reads them as. R, D, -ELBO and their standard errors are in
# nats an image.
COLUMNS: dict[str, str] = {
    "experiment": "str",
    "dataset": "str",
    "architecture": "str",
    "encoder": "str",
    "decoder": "str",
    "marginal": "str",
    "objective": "str",
    "beta": "float64",
    "rate_target": "float64",
    "anneal": "int64",
    "seed": "int64",
    "epochs": "int64",
    "epoch": "int64",
    "parameters": "int64",
    "rate": "float64",
    "rate_se": "float64",
    "distortion": "float64",
    "distortion_se": "float64",
    "neg_elbo": "float64",
    "neg_elbo_se": "float64",
    "images": "int64",
    "z_samples": "int64",
    "train_seconds": "float64",
    "device": "str",
    "cell": "str",
    **MEASURES,
}

# beta of a target_rate cell, rate_target of a beta cell and measures that are off stay empty.
_OPTIONAL = ("beta", "rate_target", *MEASURES)


class _Rule:
    """What a value of metrics.json must be: `expected` in words, `accepts` in code."""

    def __init__(self, expected: str, accepts: Callable[[Any], bool]):
        self.expected = expected
        self.accepts = accepts


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63  # as the table stores it


_FINITE = _Rule("a finite number", _number)
_POSITIVE = _Rule("a finite number >= 0", lambda value: _number(value) and value >= 0)
_COUNT = _Rule("a whole number >= 1", lambda value: _whole(value) and value >= 1)
_NATURAL = _Rule("a whole number >= 0", lambda value: _whole(value) and value >= 0)
_TEXT = _Rule("printable text", lambda value: isinstance(value, str) and bool(value) and value.isprintable())
_MEASURED = _Rule("a finite number or null", lambda value: value is None or _number(value))
_MAPPING = _Rule("a mapping", lambda value: isinstance(value, dict))
_SCHEMA = _Rule("1", lambda value: _whole(value) and value == 1)
_ARCHITECTURE = _Rule(f"one of {', '.join(ARCHITECTURES)}", lambda value: value in ARCHITECTURES)

_METRICS: dict[str, _Rule] = {
    "schema": _SCHEMA,
    "cell": _MAPPING,
    "evaluation": _MAPPING,
    "rate": _FINITE,
    "rate_se": _POSITIVE,
    "distortion": _FINITE,
    "distortion_se": _POSITIVE,
    "neg_elbo": _FINITE,
    "neg_elbo_se": _POSITIVE,
    "images": _COUNT,
    "z_samples": _COUNT,
    "parameters": _COUNT,
    "epochs": _COUNT,
    "epoch": _NATURAL,
    "train_seconds": _POSITIVE,
    "device": _TEXT,
    "torch": _TEXT,
    **dict.fromkeys(MEASURES, _MEASURED),
}

_CELL: dict[str, _Rule] = {
    "architecture": _ARCHITECTURE,
    "objective": _MAPPING,
    "anneal": _NATURAL,
    "seed": _NATURAL,
    "data": _MAPPING,
    "model": _MAPPING,
    "training": _MAPPING,
    "code": _MAPPING,
}

# The parameter of each objective, and the column that holds it.
_OBJECTIVES = {"beta": ("beta", "beta"), "target_rate": ("rate", "rate_target")}

# -ELBO is rounded separately from R and D; a larger difference means that the file was edited.
_SUM_TOLERANCE = 1e-3


def read_metrics(path: str | Path) -> dict[str, Any]:
    """Read and check one cell's ``metrics.json``.

    Returns:
        The metrics; every number in them is finite, -ELBO is R + D, and no key is missing or unknown.

    Raises:
        UserError: the file is missing, not JSON, or a key is missing, unknown or has an unexpected value.
    """
    metrics = read_json(path)
    if not isinstance(metrics, dict):
        raise UserError(f"{path}: expected a mapping at the top, found {_show(metrics)}; {_REMEDY}")
    _check(path, "", metrics, _METRICS)
    cell = metrics["cell"]
    _check(path, "cell.", cell, _CELL)
    _check_objective(path, cell["objective"])
    dataset = cell["data"].get("dataset")
    if not _TEXT.accepts(dataset):
        raise UserError(f"{path}: cell.data.dataset is {_show(dataset)}, expected {_TEXT.expected}; {_REMEDY}")
    difference = metrics["neg_elbo"] - metrics["rate"] - metrics["distortion"]
    if abs(difference) > _SUM_TOLERANCE * max(1.0, abs(metrics["neg_elbo"])):
        raise UserError(
            f"{path}: neg_elbo is {metrics['neg_elbo']}, expected rate + distortion = "
            f"{metrics['rate'] + metrics['distortion']}; {_REMEDY}"
        )
    return metrics


_REMEDY = "delete the file and run the same command again to evaluate this cell anew"


def _check(path: str | Path, prefix: str, values: Mapping[str, Any], rules: Mapping[str, _Rule]) -> None:
    for key, rule in rules.items():
        if key not in values:
            raise UserError(f"{path}: {prefix}{key} is missing, expected {rule.expected}; {_REMEDY}")
        if not rule.accepts(values[key]):
            raise UserError(f"{path}: {prefix}{key} is {_show(values[key])}, expected {rule.expected}; {_REMEDY}")
    unknown = [str(key) for key in values if key not in rules]
    if unknown:
        raise UserError(f"{path}: unknown key {prefix}{unknown[0]}, expected {', '.join(rules)}; {_REMEDY}")


def _check_objective(path: str | Path, objective: Mapping[str, Any]) -> None:
    name = objective.get("name")
    if not isinstance(name, str) or name not in _OBJECTIVES:
        raise UserError(
            f"{path}: cell.objective.name is {_show(name)}, expected one of {', '.join(_OBJECTIVES)}; {_REMEDY}"
        )
    key, _ = _OBJECTIVES[name]
    if not _POSITIVE.accepts(objective.get(key)):
        raise UserError(
            f"{path}: cell.objective.{key} is {_show(objective.get(key))}, expected {_POSITIVE.expected}; {_REMEDY}"
        )


def _show(value: Any, most: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."


def aggregate(
    experiment: str,
    cells: Sequence[Path],
    output: Path,
    partial: bool = False,
    evaluation: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write the table of all measured cells to `output`, one row a cell in the order given.

    Args:
        experiment: name of the experiment, the first column.
        cells: cell folders; each one's ``metrics.json`` is read.
        output: the table, written whole or not at all; numbers keep every digit.
        partial: leave out cells without ``metrics.json`` instead of stopping.
        evaluation: the evaluation settings that every cell must have been measured with.

    Returns:
        The cells that are missing from the table.

    Raises:
        UserError: a cell is missing (unless `partial`), its metrics are invalid, or were measured with settings
            other than `evaluation`.
    """
    missing = [cell for cell in cells if not (cell / "metrics.json").is_file()]
    if missing and not partial:
        first = ", ".join(cell.name for cell in missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise UserError(
            f"metrics.json is missing for {len(missing)} of {len(cells)} cells: {first}; "
            "train and evaluate them, or leave them out with --partial"
        )
    absent = set(missing)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for cell in cells:
        if cell in absent:
            continue
        metrics = read_metrics(cell / "metrics.json")
        if evaluation is not None and metrics["evaluation"] != evaluation:
            raise UserError(
                f"cell {cell.name} was evaluated with {_show(metrics['evaluation'], 600)}, the config says "
                f"{_show(evaluation, 600)}; run snakemake --forcerun evaluate"
            )
        writer.writerow(_row(experiment, cell.name, metrics))
    write_text(output, text.getvalue())
    return missing


def _row(experiment: str, name: str, metrics: Mapping[str, Any]) -> list[str]:
    cell = metrics["cell"]
    architecture = parse(cell["architecture"])
    key, column = _OBJECTIVES[cell["objective"]["name"]]
    values = {
        **metrics,
        "experiment": experiment,
        "dataset": cell["data"]["dataset"],
        "architecture": cell["architecture"],
        "encoder": architecture.encoder,
        "decoder": architecture.decoder,
        "marginal": architecture.marginal,
        "objective": cell["objective"]["name"],
        "anneal": cell["anneal"],
        "seed": cell["seed"],
        "cell": name,
        column: cell["objective"][key],
    }
    return [_spell(values.get(column), kind) for column, kind in COLUMNS.items()]


def _spell(value: Any, kind: str) -> str:
    if value is None:
        return ""
    # repr is the shortest text that reads back as the same float.
    return repr(float(value)) if kind == "float64" else str(value)


def read_table(path: str | Path) -> "pd.DataFrame":
    """Read ``rd.csv``: names and signs as text; beta, rate_target and measures as floats, NaN where empty.

    Raises:
        UserError: the file is missing or not a table, a column is missing, or a value is not of its column's type.
    """
    import pandas as pd

    remedy = "make it again with `rdplane aggregate`"
    try:
        text = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; {remedy}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a table ({error}); {remedy}") from None
    missing = [column for column in COLUMNS if column not in text.columns]
    if missing:
        raise UserError(f"{path}: column {missing[0]} is missing, expected {', '.join(COLUMNS)}; {remedy}")
    table = {}
    for column, kind in COLUMNS.items():
        values = text[column]
        if column in _OPTIONAL:
            values = values.mask(values == "", "nan")
            kind = "float64"  # NaN where empty
        try:
            table[column] = values.to_numpy(dtype=object).astype(object if kind == "str" else kind)
        except (ValueError, OverflowError) as error:
            expected = "a whole number" if kind == "int64" else "a number"
            raise UserError(f"{path}: column {column}: {error}, expected {expected}; {remedy}") from None
        known = ARCHITECTURES if column == "architecture" else _OBJECTIVES if column == "objective" else None
        wrong = [value for value in table[column] if value not in known] if known else []
        if kind == "float64":
            wrong = [v for v in table[column] if math.isinf(v) or (math.isnan(v) and column not in _OPTIONAL)]
        if wrong:
            expected = f"one of {', '.join(known)}" if known else "a finite number"
            raise UserError(f"{path}: column {column} holds {_show(wrong[0])}, expected {expected}; {remedy}")
    return pd.DataFrame(table)
