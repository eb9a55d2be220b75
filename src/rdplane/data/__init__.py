"""Binary image datasets: fetched, verified, binarised once, stored as bits and loaded in a moment."""

from rdplane.data.identity import resolve
from rdplane.data.prepare import prepare
from rdplane.data.store import Images, load

__all__ = ["Images", "load", "prepare", "resolve"]
