"""Training one cell: resumable, exclusive, and on a device of its own."""

from rdplane.train.job import Interrupted, train

__all__ = ["Interrupted", "train"]
