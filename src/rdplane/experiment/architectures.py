"""Architectures by name, in the paper's notation: the symbols of encoder, decoder and marginal. Needs no torch."""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from rdplane.declare.kinds import KINDS
from rdplane.declare.registry import declared
from rdplane.errors import UserError

__all__ = ["ARCHITECTURES", "Architecture", "known", "matching", "parse", "place", "simplest"]

ARCHITECTURES = tuple("".join(symbols) for symbols in product("-+", "-+", "-+v"))
"""The paper's twelve: every combination of its parts, for instance ``-+v``."""


@dataclass(frozen=True)
class Architecture:
    """The symbols of one architecture's three parts."""

    encoder: str
    decoder: str
    marginal: str

    def __str__(self) -> str:
        return self.encoder + self.decoder + self.marginal

    @property
    def symbols(self) -> dict[str, str]:
        """Kind of part -> symbol."""
        return dict(zip(KINDS, str(self), strict=True))


def known() -> tuple[str, ...]:
    """Every architecture that the declared parts make, those of extensions included."""
    names = ("".join(symbols) for symbols in product(*(declared().parts[kind] for kind in KINDS)))
    return tuple(name for name in names if all(fnmatch.fnmatchcase(name, fits) for fits in _fits(name)))


def matching(pattern: str) -> list[str]:
    """The architectures that a pattern of a grid means; those with a part that fits no others go by their names."""
    return [name for name in fnmatch.filter(known(), pattern) if name == pattern or not _fits(name)]


def simplest(kind: str, symbol: str) -> str:
    """The first architecture that has a part, with '-' for the others unless it does not fit those."""
    return next(name for name in known() if name[KINDS.index(kind)] == symbol)


def _fits(name: str) -> list[str]:
    """The patterns that parts of an architecture ask it to match."""
    parts = (declared().parts[kind][symbol] for kind, symbol in zip(KINDS, name, strict=True))
    return [part.fits for part in parts if part.fits]


def parse(name: str) -> Architecture:
    """Split a name such as ``-+v`` into its parts.

    Raises:
        UserError: some symbol of `name` is no declared part's.
    """
    parts = declared().parts
    whole = isinstance(name, str) and len(name) == len(KINDS)
    if not whole or any(symbol not in parts[kind] for kind, symbol in zip(KINDS, name, strict=True)):
        symbols = "; ".join(f"{kind} {', '.join(parts[kind])}" for kind in KINDS)
        raise UserError(
            f"unknown architecture {name!r}: expected three symbols such as '-+v' ({symbols}); parts of your own are "
            "known where their file stands under extensions"
        )
    for fits in _fits(name):
        if not fnmatch.fnmatchcase(name, fits):
            raise UserError(f"unknown architecture {name!r}: one of its parts fits {fits} alone; expected that")
    return Architecture(*name)


def place(names: Iterable[str]) -> list[str]:
    """The distinct architectures among `names` in the project's order."""
    order = {name: number for number, name in enumerate(known())}
    return sorted(set(names), key=lambda name: order.get(name, len(order)))
