"""What a configuration's value must be: each check returns the typed value or raises `Invalid` with what was expected.

Needs no torch.
"""

import fnmatch
import math
import re
import reprlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from rdplane.architectures import ARCHITECTURES, DECODERS, ENCODERS, MARGINALS

__all__ = [
    "AXES", "SELECTION", "Check", "Invalid", "architectures", "choice", "folder_name", "micro_batch", "name",
    "optional", "pattern", "real", "selections", "several", "shares", "shown", "switch", "tables", "text", "whole",
    "zero_or",
]  # fmt: skip

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
LARGEST = 2**31 - 1  # no count or seed is larger: whatever computes with them later takes them
SHORT = reprlib.Repr()  # never spells the whole value: aliases make it huge in a file of a few lines
SHORT.maxlevel, SHORT.maxlist, SHORT.maxdict, SHORT.maxstring = 3, 12, 12, 60


class Invalid(Exception):
    """A value that does not fit its key; the message says what was expected."""


Check = Callable[[Any], Any]


def shown(value: Any) -> str:
    """A value in a message: at most 60 characters."""
    try:
        text = SHORT.repr(value)
    except ValueError:
        return "a number of more than 4300 digits"  # Python refuses to spell it
    return text if len(text) <= 60 else text[:57] + "..."


def finite(value: Any) -> bool:
    """Whether a value is a number that fits into a float."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def real(low: float = -math.inf, high: float = math.inf, above: float | None = None) -> Check:
    """A finite number in [low, high], or strictly above `above`; YAML's text '1e-3' is read as a number."""
    bounds = f" above {above:g}" if above is not None else "" if low == -math.inf else f" of at least {low:g}"
    expected = f"a finite number{bounds}" + ("" if high == math.inf else f" and at most {high:g}")

    def check(value: Any) -> float:
        if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
            value = float(value)
        if not finite(value) or value < low or value > high or (above is not None and value <= above):
            raise Invalid(expected)
        return float(value) + 0.0  # -0.0 becomes 0.0: one spelling

    return check


def whole(low: int, high: int = LARGEST) -> Check:
    """A whole number of at least `low` and at most `high`; 3.0 is 3."""
    expected = f"a whole number of at least {low}"

    def check(value: Any) -> int:
        if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
            value = float(value)
        if not finite(value) or value != int(value) or value < low:
            raise Invalid(expected)
        if value > high:
            raise Invalid(f"{expected} and at most {high}")
        return int(value)

    return check


def zero_or(least: int) -> Check:
    """A whole number of at least `least`, or 0 for off."""

    def check(value: Any) -> int:
        try:
            number = whole(0)(value)
        except Invalid:
            number = 1
        if 0 < number < least:
            raise Invalid(f"0 (off) or a whole number of at least {least}")
        return number

    return check


def micro_batch(value: Any) -> int | str | None:
    try:
        return value if value in (None, "auto") else whole(1)(value)
    except Invalid:
        raise Invalid("null, auto or a whole number of at least 1") from None


def switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid("true or false")
    return value


def text(value: Any) -> str:
    if not isinstance(value, str) or any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
        raise Invalid("a text, without characters that no file can hold")
    return value


def name(value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value) or len(value) > 80:
        raise Invalid("a name of letters, digits, '_', '-' and '.' that starts with a letter or digit (no folders)")
    return value


def folder_name(value: Any) -> str:
    if name(value) in ("data", "downloads"):
        raise Invalid("another name: results/data and its downloads hold the datasets")
    return value


def choice(*options: str) -> Check:
    def check(value: Any) -> str:
        if value is False and "off" in options:  # YAML reads a bare off as false
            return "off"
        if not isinstance(value, str) or value not in options:
            raise Invalid(f"one of {', '.join(options)}")
        return value

    return check


def optional(check: Check) -> Check:
    def checked(value: Any) -> Any:
        return None if value is None else check(value)

    return checked


def several(check: Check, least: int = 0, exactly: int | None = None) -> Check:
    """A list; a single value stands for a list of one."""

    def checked(value: Any) -> list[Any]:
        values = value if isinstance(value, list) else [value]
        if exactly is not None and len(values) != exactly:
            raise Invalid(f"a list of {exactly} values")
        if len(values) < least:
            raise Invalid(f"a list of at least {least} value{'s' if least > 1 else ''}")
        return [check(item) for item in values]

    return checked


def architecture(value: Any) -> str:
    if value not in ARCHITECTURES:
        raise Invalid(
            f"an architecture (encoder, decoder, marginal) in quotes: one of {', '.join(map(repr, ARCHITECTURES))}"
        )
    return value


def architectures(value: Any) -> list[str]:
    return list(ARCHITECTURES) if value == "all" else several(architecture, least=1)(value)


def pattern(value: Any) -> str:
    if not isinstance(value, str) or not fnmatch.filter(ARCHITECTURES, value):
        raise Invalid("a pattern that some architecture matches, in quotes, '?' for any one symbol, as in '?+?'")
    return value


def shares(value: Any) -> list[float]:
    values = several(real(above=0.0), exactly=3)(value)
    if abs(sum(values) - 1) > 1e-6:
        raise Invalid("three shares (train, valid, test) that sum to 1")
    return values


def tables(keys: Mapping[str, Check], required: tuple[str, ...] = ()) -> Check:
    """A list of mappings with the given keys, for `grid.extra` and `grid.exclude`."""

    def check(value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise Invalid(f"a list of mappings with the keys {', '.join(keys)}")
        for item in value:
            for key in item:
                if key not in keys:
                    raise Invalid(f"mappings with the keys {', '.join(keys)} only, not {key!r}")
            for key in required:
                if key not in item:
                    raise Invalid(f"mappings that each name {' and '.join(required)}")
        checked = []
        for item in value:
            try:
                checked.append({key: keys[key](item[key]) for key in item})
            except Invalid as error:
                raise Invalid(f"in {shown(item)}: {error}") from None
        return checked

    return check


AXES: dict[str, Check] = {
    "architecture": architectures,
    "beta": several(real(0), least=1),
    "rate_target": several(real(0), least=1),
    "anneal": several(whole(0), least=1),
    "seed": several(whole(0), least=1),
}


SELECTION = AXES | {
    "encoder": several(choice(*ENCODERS), least=1),
    "decoder": several(choice(*DECODERS), least=1),
    "marginal": several(choice(*MARGINALS), least=1),
}


def selections(value: Any) -> dict[str, dict[str, Any]]:
    """Figure names with the selection of cells that each shows."""
    if not isinstance(value, dict):
        raise Invalid("a mapping of figure names to selections")
    return {name(figure): tables(SELECTION)([selection])[0] for figure, selection in value.items()}
