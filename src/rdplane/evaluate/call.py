"""One measure computed, and what it returns checked against its declaration."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from rdplane.declare.kinds import Measure
from rdplane.declare.objects import explained, imported
from rdplane.declare.registry import files
from rdplane.device import out_of_memory
from rdplane.errors import UserError
from rdplane.evaluate.estimate import Estimate
from rdplane.evaluate.given import Given, Numbers
from rdplane.experiment.metrics import Rule, columns_of, rules_of, shown

__all__ = ["call"]


def call(measure: Measure, given: Given) -> dict[str, Any]:
    """The columns of a measure: name -> number, text or None.

    An estimate fills its column and that of its standard error; one that is not finite leaves both empty. A bound that
    overflows must not cost a cell its other numbers.

    Raises:
        UserError: the measure says what the user can mend; a user's measure fails, or returns something else than its
            declaration says.
    """
    function = imported(measure)
    given.start()  # a user's measure need not think of it
    with torch.no_grad():
        numbers = _call(measure, function, given)
    if not isinstance(numbers, Mapping):
        raise _unfit(measure, f"returns {shown(numbers)}, expected a mapping of its columns to numbers")
    names = [column.name for column in measure.columns]
    unknown = [str(name) for name in numbers if name not in names]
    missing = [name for name in names if name not in numbers]
    if unknown:
        raise _unfit(measure, f"returns an unknown column {unknown[0]!r}, expected {', '.join(names)}")
    if missing:
        raise _unfit(measure, f"returns no {missing[0]!r}, expected {', '.join(names)} (None where there is no number)")
    return _columns(measure, numbers)


def _call(measure: Measure, function: Callable[[Given], Numbers], given: Given) -> Numbers:
    with explained(f"the measure {measure.name} failed", measure, out_of_memory):
        return function(given)


def _columns(measure: Measure, numbers: Numbers) -> dict[str, Any]:
    rules = rules_of(measure)
    columns: dict[str, Any] = dict.fromkeys(column.name for column in columns_of(measure))
    for column in measure.columns:
        value = numbers[column.name]
        if value is None:
            continue
        if isinstance(value, Estimate) != column.error:
            expected = "an Estimate" if column.error else f"{rules[column.name].expected} (it has no standard error)"
            raise _unfit(measure, f"returns {shown(value)} for {column.name}, expected {expected}")
        parts = value if isinstance(value, Estimate) else (value,)
        plain = {f"{column.name}{ending}": _plain(part) for ending, part in zip(("", "_se"), parts, strict=False)}
        if any(isinstance(part, float) and not math.isfinite(part) for part in plain.values()):
            continue
        for name, part in plain.items():
            columns[name] = _checked(measure, name, part, rules[name])
    return columns


def _plain(value: Any) -> Any:
    """A number of numpy or torch as one of Python."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


def _checked(measure: Measure, name: str, value: Any, rule: Rule) -> Any:
    if not rule.accepts(value):
        raise _unfit(measure, f"returns {shown(value)} for {name}, expected {rule.expected} or None")
    return value


def _unfit(measure: Measure, problem: str) -> UserError:
    return UserError(f"{files().get(measure.source, measure.source)}: the measure {measure.name} {problem}")
