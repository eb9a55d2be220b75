"""Training one cell: resumable, exclusive, and on a device of its own."""

from rdplane.train.job import train
from rdplane.train.signals import Interrupted

__all__ = ["Interrupted", "train"]
