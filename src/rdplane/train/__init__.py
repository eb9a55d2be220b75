"""Training one cell: resumable, exclusive, and on a device of its own."""

from rdplane.jobs.signals import Interrupted
from rdplane.train.job import train

__all__ = ["Interrupted", "train"]
