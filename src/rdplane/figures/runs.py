"""What the figures read from the table of runs: settings and their errors, groups, published points."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rdplane.architectures import ARCHITECTURES

__all__ = [
    "absent",
    "counted",
    "curves",
    "describe",
    "in_grid_order",
    "label",
    "per_setting",
    "published_points",
    "read_missing",
]

_SETTING = ["architecture", "objective", "beta", "rate_target", "anneal"]


def in_grid_order(table: pd.DataFrame) -> pd.DataFrame:
    """Rows by architecture, then beta, rate target, anneal and seed, numbered anew."""
    place = table["architecture"].map({name: index for index, name in enumerate(ARCHITECTURES)})
    ordered = table.assign(_place=place).sort_values(["_place", "beta", "rate_target", "anneal", "seed"], kind="stable")
    return ordered.drop(columns="_place").reset_index(drop=True)


def per_setting(table: pd.DataFrame) -> pd.DataFrame:
    """One row a setting (architecture, objective, beta or rate target, annealing) with its place and error.

    Returns:
        The setting's columns, `runs`, and for each of rate, distortion and neg_elbo the mean over seeds and its
        standard error `<name>_se`: over seeds where there are several, else over the test images.
    """
    groups = table.groupby(_SETTING, dropna=False, sort=False)
    result = groups.agg(runs=("cell", "size")).reset_index()
    for name in ("rate", "distortion", "neg_elbo"):
        runs = result["runs"].to_numpy()
        over_seeds = groups[name].std(ddof=1).to_numpy() / np.sqrt(runs)
        over_images = groups[f"{name}_se"].first().to_numpy()
        result[name] = groups[name].mean().to_numpy()
        result[f"{name}_se"] = np.where(runs > 1, over_seeds, over_images)
    return result


def curves(settings: pd.DataFrame) -> list[pd.DataFrame]:
    """Settings that differ in beta (or in the rate target) alone, in its order: the curve of one architecture."""
    groups = settings.groupby(["architecture", "objective", "anneal"], sort=False)
    return [group.sort_values(["beta", "rate_target"]) for _, group in groups if len(group) > 1]


def label(run: Mapping[str, Any] | pd.Series) -> str:
    """The weight or the target of a run, such as 'β 0.1' or 'R* 10'."""
    if run["objective"] == "target_rate":
        return f"R* {run['rate_target']:g}"
    return f"β {run['beta']:g}"


def describe(table: pd.DataFrame, measured: bool = True) -> str:
    """Data set, architectures and number of runs, for a subtitle; with `measured` also the test images."""
    datasets = ", ".join(dict.fromkeys(table["dataset"]))
    images = ", ".join(f"{count:,}" for count in dict.fromkeys(table["images"]))
    on = f", measured on {images} test images" if measured else ""
    return f"{datasets}: {counted(table['architecture'].nunique(), 'architecture')}, {counted(len(table), 'run')}{on}"


def counted(count: int, noun: str) -> str:
    """'1 run', '36 runs'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def absent(table: pd.DataFrame, missing: Sequence[str]) -> list[str]:
    """A footnote that names missing cells; none when nothing is missing."""
    if not missing:
        return []
    named = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
    return [f"{len(missing)} of {counted(len(table) + len(missing), 'cell')} missing: {named}"]


def read_missing(path: Path) -> list[str]:
    """Names of the cells in ``missing.csv``; none where the file is not there."""
    if not path.exists():
        return []
    with path.open(newline="") as stream:
        return [row["cell"] for row in csv.DictReader(stream)]


def published_points(dataset: str) -> pd.DataFrame:
    """What the paper prints for a data set: architecture, beta, anneal, rate, distortion, neg_elbo, figure, note.

    Empty for any other data set than binarized_mnist and omniglot.
    """
    points = pd.read_csv(
        Path(__file__).with_name("published.csv"),
        comment="#",
        dtype={"architecture": str, "figure": str, "anneal": str},
        keep_default_na=False,
        na_values={"beta": [""]},
    )
    return points[points["dataset"] == dataset].reset_index(drop=True)
