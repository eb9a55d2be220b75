"""Architectures by name, in the paper's notation: the symbols of encoder, decoder and marginal. Needs no torch."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from rdplane.declare.kinds import KINDS
from rdplane.declare.registry import declared
from rdplane.errors import UserError

__all__ = ["ARCHITECTURES", "Architecture", "known", "parse", "place"]

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
    return tuple("".join(symbols) for symbols in product(*(declared().parts[kind] for kind in KINDS)))


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
    return Architecture(*name)


def place(names: Iterable[str]) -> list[str]:
    """The distinct architectures among `names` in the project's order."""
    order = {name: number for number, name in enumerate(known())}
    return sorted(set(names), key=lambda name: order.get(name, len(order)))
