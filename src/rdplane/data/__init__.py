"""Binary image datasets: fetched, verified, binarised once, stored as bits and loaded in a moment."""

from rdplane.data.identity import resolve
from rdplane.data.prepare import prepare
from rdplane.data.sources import DATASETS, download_names
from rdplane.data.store import Images, load

__all__ = ["DATASETS", "Images", "download_names", "load", "prepare", "resolve"]
