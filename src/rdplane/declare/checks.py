"""What a configuration's value must be: a check returns the typed value or raises `Invalid` with what was expected.

Checks are plain data, so that a declaration can hold one, the JSON schema can be made of them, and two of the same
content are equal. Needs no torch.
"""

import math
import re
import reprlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Check", "Choice", "FolderName", "Invalid", "Listing", "MicroBatch", "Name", "Nullable", "Range", "Real", "Several",
    "Shares", "Switch", "Text", "Whole", "ZeroOr", "shown",
]  # fmt: skip

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
LARGEST = 2**31 - 1  # no count or seed is larger: whatever computes with them later takes them
SHORT = reprlib.Repr()  # never spells the whole value: aliases make it huge in a file of a few lines
SHORT.maxlevel, SHORT.maxlist, SHORT.maxdict, SHORT.maxstring = 3, 12, 12, 60


class Invalid(Exception):
    """A value that does not fit its key; the message says what was expected."""


class Check:
    """Base of all checks."""

    def __call__(self, value: Any) -> Any:
        """The value in its one spelling.

        Raises:
            Invalid: it does not fit.
        """
        raise NotImplementedError

    def single(self, value: Any) -> bool:
        """Whether a value where several may stand is one of them, and no list of them."""
        return not isinstance(value, list)

    def schema(self) -> dict[str, Any]:
        """The same as a JSON schema, where JSON can say it; editors complete and underline by it."""
        return {}


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


@dataclass(frozen=True)
class Real(Check):
    """A finite number in [low, high], or strictly above `above`; YAML's text '1e-3' is read as a number."""

    low: float = -math.inf
    high: float = math.inf
    above: float | None = None

    def __call__(self, value: Any) -> float:
        if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
            value = float(value)
        below = self.above is not None and finite(value) and value <= self.above
        if not finite(value) or value < self.low or value > self.high or below:
            raise Invalid(self.expected)
        return float(value) + 0.0  # -0.0 becomes 0.0: one spelling

    @property
    def expected(self) -> str:
        low = f" above {self.above:g}" if self.above is not None else ""
        low = low or ("" if self.low == -math.inf else f" of at least {self.low:g}")
        return f"a finite number{low}" + ("" if self.high == math.inf else f" and at most {self.high:g}")

    def schema(self) -> dict[str, Any]:
        bounds = {"minimum": self.low, "maximum": self.high, "exclusiveMinimum": self.above}
        bounds = {key: bound for key, bound in bounds.items() if bound is not None and math.isfinite(bound)}
        return {"anyOf": [{"type": "number", **bounds}, {"type": "string", "pattern": "^[-+.0-9eE]+$"}]}


@dataclass(frozen=True)
class Range(Check):
    """Two numbers [low, high], each above `above`, the second larger."""

    above: float

    def __call__(self, value: Any) -> list[float]:
        expected = f"two numbers above {self.above:g}, the second larger, such as [0.05, 1.25]"
        if not isinstance(value, list) or len(value) != 2:
            raise Invalid(expected)
        try:
            low, high = (Real(above=self.above)(end) for end in value)
        except Invalid:
            raise Invalid(expected) from None
        if low >= high:
            raise Invalid(expected)
        return [low, high]

    def single(self, value: Any) -> bool:
        return not isinstance(value, list) or not any(isinstance(item, list) for item in value)

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": Real(above=self.above).schema(), "minItems": 2, "maxItems": 2}


@dataclass(frozen=True)
class Whole(Check):
    """A whole number of at least `low` and at most `high`; 3.0 is 3."""

    low: int
    high: int = LARGEST

    def __call__(self, value: Any) -> int:
        expected = f"a whole number of at least {self.low}"
        if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
            value = float(value)
        if not finite(value) or value != int(value) or value < self.low:
            raise Invalid(expected)
        if value > self.high:
            raise Invalid(f"{expected} and at most {self.high}")
        return int(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}


@dataclass(frozen=True)
class ZeroOr(Check):
    """A whole number of at least `least`, or 0 for off."""

    least: int

    def __call__(self, value: Any) -> int:
        try:
            number = Whole(0)(value)
        except Invalid:
            number = 1
        if 0 < number < self.least:
            raise Invalid(f"0 (off) or a whole number of at least {self.least}")
        return number

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"const": 0}, {"type": "integer", "minimum": self.least}]}


@dataclass(frozen=True)
class MicroBatch(Check):
    """A number of images, 'auto', or null for all."""

    def __call__(self, value: Any) -> int | str | None:
        try:
            return value if value in (None, "auto") else Whole(1)(value)
        except Invalid:
            raise Invalid("null, auto or a whole number of at least 1") from None

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"enum": [None, "auto"]}, Whole(1).schema()]}


@dataclass(frozen=True)
class Switch(Check):
    """True or false."""

    def __call__(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Invalid("true or false")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Text(Check):
    """A text that a file can hold."""

    def __call__(self, value: Any) -> str:
        if not isinstance(value, str) or any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
            raise Invalid("a text, without characters that no file can hold")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


@dataclass(frozen=True)
class Name(Check):
    """A name that may be part of a path, but is no path."""

    def __call__(self, value: Any) -> str:
        if not isinstance(value, str) or not NAME.fullmatch(value) or len(value) > 80:
            raise Invalid("a name of letters, digits, '_', '-' and '.' that starts with a letter or digit (no folders)")
        return value

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{NAME.pattern}$", "maxLength": 80}


@dataclass(frozen=True)
class FolderName(Name):
    """A name of a folder below the results folder."""

    def __call__(self, value: Any) -> str:
        if super().__call__(value) in ("data", "downloads"):
            raise Invalid("another name: results/data and its downloads hold the datasets")
        return value


class Choice(Check):
    """One of some words."""

    def __init__(self, *options: str):
        self.options = options

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and other.options == self.options

    def __hash__(self) -> int:
        return hash(self.options)

    def __repr__(self) -> str:
        return f"Choice{self.options!r}"

    def __call__(self, value: Any) -> str:
        if value is False and "off" in self.options:  # YAML reads a bare off as false
            return "off"
        if not isinstance(value, str) or value not in self.options:
            raise Invalid(f"one of {', '.join(self.options)}")
        return value

    def schema(self) -> dict[str, Any]:
        return {"enum": [*self.options, *([False] if "off" in self.options else [])]}


@dataclass(frozen=True)
class Nullable(Check):
    """What another check accepts, or null."""

    check: Check

    def __call__(self, value: Any) -> Any:
        return None if value is None else self.check(value)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "null"}, self.check.schema()]}


@dataclass(frozen=True)
class Several(Check):
    """A list; a single value stands for a list of one."""

    check: Check
    least: int = 0
    exactly: int | None = None

    def __call__(self, value: Any) -> list[Any]:
        values = [value] if self.check.single(value) and value != [] else value
        if self.exactly is not None and len(values) != self.exactly:
            raise Invalid(f"a list of {self.exactly} values")
        if len(values) < self.least:
            raise Invalid(f"a list of at least {self.least} value{'s' if self.least > 1 else ''}")
        return [self.check(item) for item in values]

    def schema(self) -> dict[str, Any]:
        one = self.check.schema()
        bounds = {"minItems": self.exactly, "maxItems": self.exactly} if self.exactly else {"minItems": self.least}
        return {"anyOf": [one, {"type": "array", "items": one, **bounds}]}


@dataclass(frozen=True)
class Shares(Check):
    """Three shares of a whole."""

    def __call__(self, value: Any) -> list[float]:
        values = Several(Real(above=0.0), exactly=3)(value)
        if abs(sum(values) - 1) > 1e-6:
            raise Invalid("three shares (train, valid, test) that sum to 1")
        return values

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}, "minItems": 3, "maxItems": 3}


class Listing(Check):
    """A list of mappings with some of the given keys, and all of the `required` ones."""

    def __init__(self, keys: Mapping[str, Check], required: tuple[str, ...] = ()):
        self.keys, self.required = dict(keys), required

    def __call__(self, value: Any) -> list[dict[str, Any]]:
        named = ", ".join(self.keys)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise Invalid(f"a list of mappings with the keys {named}")
        for item in value:
            for key in item:
                if key not in self.keys:
                    raise Invalid(f"mappings with the keys {named} only, not {key!r}")
            for key in self.required:
                if key not in item:
                    raise Invalid(f"mappings that each name {' and '.join(self.required)}")
        checked = []
        for item in value:
            try:
                checked.append({key: self.keys[key](item[key]) for key in item})
            except Invalid as error:
                raise Invalid(f"in {shown(item)}: {error}") from None
        return checked

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item_schema()}

    def item_schema(self) -> dict[str, Any]:
        """The schema of one mapping."""
        properties = {key: check.schema() for key, check in self.keys.items()}
        return {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            "required": list(self.required),
        }
