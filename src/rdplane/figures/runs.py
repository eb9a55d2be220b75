"""What the figures read from the table of runs: settings and their errors, curves, labels, notes, published points."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rdplane.declare.kinds import KINDS, Objective
from rdplane.declare.registry import declared
from rdplane.experiment.architectures import place
from rdplane.experiment.layout import cell_of, curve_of

__all__ = [
    "absent", "annealed", "apart_by_annealing", "counted", "counted_rows", "curves", "describe", "footnotes",
    "generative", "in_grid_order", "label", "numbers", "objectives", "on_curves", "overlays", "parts", "per_setting",
    "precisions", "read_missing", "spaced", "symbol", "symbols", "trainings",
]  # fmt: skip


def objectives(table: pd.DataFrame) -> list[Objective]:
    """The objectives that the runs were trained with, in the project's order."""
    present = set(table["objective"])
    return [objective for name, objective in declared().objectives.items() if name in present]


def on_curves(table: pd.DataFrame) -> pd.Series:
    """Which rows are points of a curve that one training gave whole; each of the others is a training of its own."""
    return table["objective"].isin([objective.name for objective in objectives(table) if objective.conditions])


def trainings(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each training run: of the points of a curve the first."""
    return table[~(on_curves(table) & table["cell"].map(cell_of).duplicated())]


def numbers(table: pd.DataFrame) -> pd.Series:
    """Each run's number of its objective, such as its beta."""
    result = pd.Series(np.nan, index=table.index, dtype=float)
    for objective in objectives(table):
        result = result.mask(table["objective"] == objective.name, table[objective.holds])
    return result


def in_grid_order(table: pd.DataFrame) -> pd.DataFrame:
    """The rows by architecture, then objective and its number, annealing and seed, numbered anew."""
    architectures = {name: index for index, name in enumerate(place(table["architecture"]))}
    aims = {objective.name: index for index, objective in enumerate(objectives(table))}
    keys = {
        "_architecture": table["architecture"].map(architectures), "_objective": table["objective"].map(aims),
        "_number": numbers(table),
    }  # fmt: skip
    ordered = table.assign(**keys).sort_values([*keys, "anneal", "seed"], kind="stable")
    return ordered.drop(columns=list(keys)).reset_index(drop=True)


def parts(architectures: pd.Series) -> dict[str, pd.Series]:
    """Kind of part -> its symbol in each architecture."""
    return {kind: architectures.str[index] for index, kind in enumerate(KINDS)}


def per_setting(table: pd.DataFrame, means: Sequence[str] = ("rate", "distortion", "neg_elbo")) -> pd.DataFrame:
    """One row for all runs that differ in nothing but their seed, with their place and its error.

    Points of curves that differ in nothing but their seed are one setting if they are of one beta, or if their betas
    were searched for one rate; that setting has the geometric mean of these betas.

    Args:
        table: one row per run or point of a curve.
        means: columns to average, each with its error `<name>_se`.

    Returns:
        The columns of the setting (architecture, objective, a column for each objective that occurs, anneal; `curve`,
        what a curve's cell is called up to its seed, '' for other runs), `runs`, and for each of `means` the mean over
        seeds and its standard error `<name>_se`: over seeds where there are several, else over the test images.
    """
    numbers = dict.fromkeys(objective.holds for objective in objectives(table))
    setting = ["architecture", "objective", *numbers, "anneal", "curve"]
    groups = _over_seeds(table).groupby(setting, dropna=False, sort=False)
    result = groups.agg(runs=("cell", "size")).reset_index()
    for name in means:
        runs = result["runs"].to_numpy()
        over_seeds = groups[name].std(ddof=1).to_numpy() / np.sqrt(runs)
        over_images = groups[f"{name}_se"].first().to_numpy()
        result[name] = groups[name].mean().to_numpy()
        result[f"{name}_se"] = np.where(runs > 1, over_seeds, over_images)
    return result


def _over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """The table with `curve` (see `per_setting`), and one number where seeds were searched for one rate."""
    points = on_curves(table)
    # The range of a curve is in no column: a cell's name says all that decides it, the seed last but for the hash.
    names = table["cell"].map(curve_of).where(points, "")
    table = table.assign(curve=names)
    if not points.any():
        return table
    searched = table[points & table["rate_target"].notna()]
    for _, group in searched.groupby(["curve", "objective", "rate_target"]):
        column = declared().objectives[group["objective"].iloc[0]].holds
        table.loc[group.index, column] = np.exp(np.log(group[column]).mean())
    return table


def curves(settings: pd.DataFrame) -> list[pd.DataFrame]:
    """Settings that differ in the number of their objective alone, in its order: the curve of one architecture.

    Either of separate training runs, or of the points of one training (see `on_curves`).
    """
    groups = settings.groupby(["architecture", "objective", "anneal", "curve"], sort=False)
    held = {name: objective.holds for name, objective in declared().objectives.items()}
    return [group.sort_values(held[group["objective"].iloc[0]]) for _, group in groups if len(group) > 1]


def label(run: Mapping[str, Any] | pd.Series) -> str:
    """The objective's number of a run as its declaration spells it, such as 'β 0.1' or 'R* 10'."""
    objective = declared().objectives[run["objective"]]
    return objective.called(run[objective.holds])


def symbol(objective: Objective) -> str:
    """What an objective's number is called, without the number: 'β', 'R*'."""
    return objective.label.split("{")[0].strip() or objective.title


def symbols(table: pd.DataFrame) -> str:
    """The same for all objectives of the runs: 'β', 'β or R*', 'β, λ or R*'."""
    return _either(objectives(table))


def annealed(table: pd.DataFrame) -> str:
    """The same for those whose number can climb to its value over the first epochs."""
    return _either([objective for objective in objectives(table) if objective.anneals])


def apart_by_annealing(table: pd.DataFrame) -> pd.DataFrame:
    """The runs whose number climbed to its value, if that of others did not; else none: nothing is to be told apart.

    Curves do not count: theirs never does.
    """
    separate = table[~on_curves(table)]
    annealed = separate["anneal"] > 0
    return separate[annealed] if not annealed.all() else table[:0]


def generative(run: Mapping[str, Any] | pd.Series) -> str:
    """The bounds E and G on the generative information of a run in words, '' where they were not measured.

    E is 'below 0' wherever it is: the information never is, so that no further digit says anything. An estimate of G
    below 0 is chance, and 0 the bound.
    """
    lower, upper = run["gen_lower"], run["gen_upper"]
    if np.isnan(upper):
        return ""
    upper = max(upper, 0.0)
    if np.isnan(lower):
        return f"up to {upper:.1f}"
    return f"{'below 0' if lower < 0 else f'{lower:.1f}'} to {upper:.1f}"


def _either(among: list[Objective]) -> str:
    *others, last = list(dict.fromkeys(map(symbol, among))) or [""]
    return f"{', '.join(others)} or {last}" if others else last


def overlays(table: pd.DataFrame) -> dict[str, list[Objective]]:
    """What is drawn over marks, 'x' or '+' -> the objectives of those runs."""
    found: dict[str, list[Objective]] = {}
    for objective in objectives(table):
        if objective.mark:
            found.setdefault(objective.mark, []).append(objective)
    return found


def spaced(table: pd.DataFrame, most: int, kept: int | None = None, low_rates: bool = False) -> pd.DataFrame:
    """At most so many of the runs by rate: the ends, and those nearest to even steps of the rate between them.

    Args:
        table: the runs.
        most: of them, at least 1.
        kept: row (a label of the table's index) that is among them in any case, in place of the one nearest to it.
        low_rates: take even steps of log(1 + R) instead, which tell 0 nats from 5 as well as 5 from 30.
    """
    if len(table) <= most:
        return table.sort_values("rate", kind="stable")
    table = table.sort_values("rate", kind="stable")
    rate = table["rate"].to_numpy()
    if low_rates:
        rate = np.log1p(np.maximum(rate, 0.0))  # an estimate of R may be below 0
    places: list[int] = []
    for step in np.linspace(rate[0], rate[-1], most):
        free = [index for index in range(len(rate)) if index not in places]
        places.append(min(free, key=lambda index: abs(rate[index] - step)))
    if kept is not None and (wanted := table.index.tolist().index(kept)) not in places:
        nearest = min(places, key=lambda index: abs(rate[index] - rate[wanted]))
        places[places.index(nearest)] = wanted
    return table.iloc[sorted(places)]


def describe(table: pd.DataFrame, measured: bool = True) -> str:
    """Data set, architectures and number of training runs, for a subtitle; with `measured` also the test images."""
    datasets = ", ".join(dict.fromkeys(table["dataset"]))
    images = ", ".join(f"{count:,}" for count in dict.fromkeys(table["images"]))
    on = f", measured on {images} test images" if measured else ""
    trained = trainings(table)
    curves = int(on_curves(trained).sum())
    runs = counted(len(trained) - curves, "separate run" if curves else "run")
    found = [*([counted(curves, "curve")] if curves else []), *([runs] if len(trained) > curves else [])]
    return f"{datasets}: {counted(table['architecture'].nunique(), 'architecture')}, {' and '.join(found)}{on}"


def counted_rows(table: pd.DataFrame) -> str:
    """'36 runs', '2 points of curves', '36 runs and 2 points of curves'."""
    points = int(on_curves(table).sum())
    of_curves = f"{counted(points, 'point')} of {'a curve' if points == 1 else 'curves'}"
    runs = counted(len(table) - points, "run")
    return of_curves if points == len(table) > 0 else f"{runs} and {of_curves}" if points else runs


def counted(count: int, noun: str) -> str:
    """'1 run', '36 runs'."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def footnotes(table: pd.DataFrame, missing: Sequence[str]) -> list[str]:
    """What every figure of an experiment must say below itself: missing cells, and runs of different precisions."""
    return absent(table, missing) + precisions(table)


def absent(table: pd.DataFrame, missing: Sequence[str]) -> list[str]:
    """A footnote that names missing cells; none when nothing is missing."""
    if not missing:
        return []
    named = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
    return [f"{len(missing)} of {counted(len(trainings(table)) + len(missing), 'cell')} missing: {named}"]


def precisions(table: pd.DataFrame) -> list[str]:
    """A footnote that counts the training runs of each precision; none when all were trained in one."""
    if table["precision"].nunique() < 2:
        return []
    (first, count), *others = trainings(table)["precision"].value_counts().sort_index().items()
    more = [f"{number:,} in {name}" for name, number in others]
    return [", ".join([f"{counted(count, 'run')} trained in {first}", *more])]


def read_missing(path: Path) -> list[str]:
    """Names of the cells in ``missing.csv``; none where the file is not there."""
    if not path.exists():
        return []
    with path.open(newline="") as stream:
        return [row["cell"] for row in csv.DictReader(stream)]
