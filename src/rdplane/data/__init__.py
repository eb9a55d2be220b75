"""Image datasets: fetched, verified, binarised once if asked for, stored as bits or bytes and loaded in a moment."""

from rdplane.data.identity import labelled, pixels_of, resolve
from rdplane.data.prepare import prepare
from rdplane.data.store import Images, load

__all__ = ["Images", "labelled", "load", "pixels_of", "prepare", "resolve"]
