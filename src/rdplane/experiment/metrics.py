"""One cell's ``metrics.json``: which keys it has, and a closed check of what stands in them. Needs no torch.

The columns of the measures stand in it once; for a cell that trained a whole curve once for each point, under `points`.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rdplane.declare.checks import Invalid
from rdplane.declare.kinds import Column, Measure
from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.experiment.architectures import known
from rdplane.files import read_json

__all__ = [
    "ALWAYS", "SCHEMA", "SUMMARY", "Rule", "columns_of", "measured", "read_metrics", "rows", "rules_of", "shown",
    "with_errors",
]  # fmt: skip

SCHEMA = 2
SUMMARY = ("cell", "parameters", "epochs", "epoch", "train_seconds", "device", "precision", "torch")
"""What metrics.json repeats from train.json."""

RESERVED = ("schema", "evaluation", "asked", "points", *SUMMARY)

ALWAYS = "rate_distortion"
"""The measure without whose numbers there is no row of a table."""

# -ELBO is rounded separately from R and D; a larger difference means that the file was edited.
SUM_TOLERANCE = 1e-3

REMEDY = "delete the file and run the same command again to evaluate this cell anew"


@dataclass(frozen=True)
class Rule:
    """What a value of metrics.json must be: `expected` in words, `accepts` in code."""

    expected: str
    accepts: Callable[[Any], bool]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63  # as the table stores it


FINITE = Rule("a finite number", _number)
POSITIVE = Rule("a finite number >= 0", lambda value: _number(value) and value >= 0)
WHOLE = Rule("a whole number", _whole)
COUNT = Rule("a whole number >= 1", lambda value: _whole(value) and value >= 1)
NATURAL = Rule("a whole number >= 0", lambda value: _whole(value) and value >= 0)
TEXT = Rule("printable text", lambda value: isinstance(value, str) and bool(value) and value.isprintable())
MAPPING = Rule("a mapping", lambda value: isinstance(value, dict))

CELL = {
    "architecture": TEXT,  # and one that is known: see `read_metrics`
    "objective": MAPPING,
    "anneal": NATURAL,
    "seed": NATURAL,
    "data": MAPPING,
    "model": MAPPING,
    "training": MAPPING,
    "versions": MAPPING,
}


CURVE = {
    "asked": MAPPING,
    "points": Rule(
        "a list of mappings", lambda value: isinstance(value, list) and all(isinstance(p, dict) for p in value)
    ),
}
"""In place of columns, of a cell that trained a whole curve."""

POINT = {
    "beta": Rule("a finite number > 0", lambda value: _number(value) and value > 0),
    "rate_target": Rule("a finite number > 0 or null", lambda value: value is None or (_number(value) and value > 0)),
}
"""What a point of a curve has beside its columns: its beta, and the rate for which this was searched, if it was."""


TYPES = {"float64": FINITE, "int64": WHOLE, "str": TEXT}
"""Type of a column -> what its values must be."""


def columns_of(measure: Measure) -> Iterator[Column]:
    """Columns of a measure in order, those of standard errors included."""
    return with_errors(measure.columns)


def with_errors(columns: Iterable[Column]) -> Iterator[Column]:
    """The same columns, each that has a standard error with that behind it."""
    for column in columns:
        yield column
        if column.error:
            yield Column(f"{column.name}_se", f"standard error of {column.name}", column.unit)


def rules_of(measure: Measure) -> dict[str, Rule]:
    """What the columns of a measure must hold where they are not empty: name -> rule."""
    rules: dict[str, Rule] = {}
    for column in measure.columns:
        if column.type not in TYPES:
            raise UserError(
                f"{measure.source}: the type of the column {column.name} is {column.type!r}, expected one of "
                f"{', '.join(TYPES)}"
            )
        rules[column.name] = TYPES[column.type]
        if column.error:
            rules[f"{column.name}_se"] = POSITIVE
    return rules


def measured() -> dict[str, Column]:
    """The columns of every declared measure, in order.

    Raises:
        UserError: a user's measure has a column whose name is taken, or of an unknown type.
    """
    found: dict[str, Column] = {}
    for measure in declared().measures.values():
        rules_of(measure)
        for column in columns_of(measure):
            if column.name in found or column.name in RESERVED:
                raise UserError(f"{measure.source}: there is a column {column.name!r} already; choose another name")
            found[column.name] = column
    return found


def _measures() -> dict[str, Rule]:
    """What the columns of all measures must hold."""
    measured()  # names that are taken are refused before anything is read
    measures = dict(declared().measures)
    always = rules_of(measures.pop(ALWAYS))
    others = {name: rule for measure in measures.values() for name, rule in rules_of(measure).items()}
    empty = {name: Rule(f"{rule.expected} or null", _or_none(rule)) for name, rule in others.items()}
    return {**always, "images": COUNT, "z_samples": COUNT, **empty}


def _rules(columns: Mapping[str, Rule]) -> dict[str, Rule]:
    """Of the whole file.

    Args:
        columns: what stands in the place of the measures.
    """
    return {
        "schema": Rule(str(SCHEMA), lambda value: _whole(value) and value == SCHEMA),
        "cell": MAPPING,
        "evaluation": MAPPING,
        **columns,
        "parameters": COUNT,
        "epochs": COUNT,
        "epoch": NATURAL,
        "train_seconds": POSITIVE,
        "device": TEXT,
        "precision": TEXT,
        "torch": TEXT,
    }


def _or_none(rule: Rule) -> Callable[[Any], bool]:
    return lambda value: value is None or rule.accepts(value)


def read_metrics(path: str | Path) -> dict[str, Any]:
    """Read and check one cell's ``metrics.json``.

    Returns:
        The metrics. Every number in them is finite, -ELBO is R + D, and no key is missing or unknown. Those of a curve
        have `points` in the place of columns, and what was `asked` for (`rdplane.experiment.cells.points_of`). A
        measure that the evaluation left out is empty, also where it was declared after the file was written.

    Raises:
        UserError: the file is missing, not JSON, or a key is missing, unknown or has an unexpected value.
    """
    metrics = read_json(path)
    if not isinstance(metrics, dict):
        raise UserError(f"{path}: expected a mapping at the top, found {shown(metrics)}; {REMEDY}")
    columns = _measures()
    _fill(metrics)
    _check(path, "", metrics, _rules(CURVE if "points" in metrics else columns))
    cell = metrics["cell"]
    architecture = Rule(f"one of {', '.join(known())}", lambda value: value in known())
    _check(path, "cell.", cell, {**CELL, "architecture": architecture})
    _check_objective(path, cell["objective"])
    dataset = cell["data"].get("dataset")
    if not TEXT.accepts(dataset):
        raise UserError(f"{path}: cell.data.dataset is {shown(dataset)}, expected {TEXT.expected}; {REMEDY}")
    if "points" not in metrics:
        _check_sum(path, "", metrics)
    for number, point in enumerate(metrics.get("points", [])):
        prefix = f"points[{number}]."
        _check(path, prefix, point, {**POINT, **columns})
        _check_sum(path, prefix, point)
    return metrics


def _fill(metrics: dict[str, Any]) -> None:
    """Add the columns of measures that the evaluation left out, empty, to metrics of whatever form."""
    evaluation, points = metrics.get("evaluation"), metrics.get("points", [metrics])
    if not isinstance(evaluation, dict) or not isinstance(points, list):
        return  # which is said soon
    for measure in declared().measures.values():
        if measure.name not in evaluation and measure.name != ALWAYS:
            for found in points:
                if isinstance(found, dict):
                    found.update({name: found.get(name) for name in rules_of(measure)})


def rows(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is measured in a cell's metrics, a row for each model: one, or one for each point of a curve.

    Args:
        metrics: as `read_metrics` returns them.
    """
    points = metrics.get("points", [{}])
    shared = {key: value for key, value in metrics.items() if key not in ("points", "asked")}
    return [shared | point for point in points]


def _check_sum(path: str | Path, prefix: str, found: Mapping[str, Any]) -> None:
    total = found["rate"] + found["distortion"]
    if abs(found["neg_elbo"] - total) > SUM_TOLERANCE * max(1.0, abs(found["neg_elbo"])):
        raise UserError(
            f"{path}: {prefix}neg_elbo is {found['neg_elbo']}, expected rate + distortion = {total}; {REMEDY}"
        )


def _check(path: str | Path, prefix: str, values: Mapping[str, Any], rules: Mapping[str, Rule]) -> None:
    for key, rule in rules.items():
        if key not in values:
            raise UserError(f"{path}: {prefix}{key} is missing, expected {rule.expected}; {REMEDY}")
        if not rule.accepts(values[key]):
            raise UserError(f"{path}: {prefix}{key} is {shown(values[key])}, expected {rule.expected}; {REMEDY}")
    unknown = [str(key) for key in values if key not in rules]
    if unknown:
        raise UserError(f"{path}: unknown key {prefix}{unknown[0]}, expected {', '.join(rules)}; {REMEDY}")


def _check_objective(path: str | Path, objective: Mapping[str, Any]) -> None:
    objectives = declared().objectives
    name, value = objective.get("name"), objective.get("value")
    if not isinstance(name, str) or name not in objectives:
        expected = f"one of {', '.join(objectives)}"
        raise UserError(f"{path}: cell.objective.name is {shown(name)}, expected {expected}; {REMEDY}")
    try:
        # A configuration may spell a number as text; metrics never do.
        plain = isinstance(value, list) and all(map(_number, value)) if objectives[name].conditions else _number(value)
        objectives[name].values(value if plain else None)
    except Invalid as error:
        raise UserError(f"{path}: cell.objective.value is {shown(value)}, expected {error}; {REMEDY}") from None


def shown(value: Any, most: int = 60) -> str:
    """A value in a message, cut after `most` characters."""
    text = repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."
