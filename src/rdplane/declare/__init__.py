"""What varies, and how it is declared: parts, objectives, measures, figures, datasets. Needs no torch."""

from rdplane.declare.checks import (
    Choice,
    Name,
    Nullable,
    Range,
    Real,
    Several,
    Switch,
    Text,
    Whole,
    ZeroOr,
)
from rdplane.declare.kinds import PIXELS, Column, Dataset, Figure, File, Key, Likelihood, Measure, Objective, Part
from rdplane.declare.registry import Registry, declared, use

__all__ = [
    "PIXELS", "Choice", "Column", "Dataset", "Figure", "File", "Key", "Likelihood", "Measure", "Name", "Nullable",
    "Objective", "Part", "Range", "Real", "Registry", "Several", "Switch", "Text", "Whole", "ZeroOr", "declared", "use",
]  # fmt: skip
