"""Short tables drawn from rd.csv: the best ELBO, the Pareto set, the best run of each architecture, comparisons."""

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.experiment.layout import CURVE_GAP, PAPER, PREFIX, TABLES
from rdplane.files import write_text
from rdplane.table import curve_gap, paper, prefix
from rdplane.table.category import with_category
from rdplane.table.frontier import pareto
from rdplane.table.rd import read_table

__all__ = ["columns", "write_tables"]

MEASURED = ("rate", "distortion", "neg_elbo")


def columns() -> list[str]:
    """Columns of the short tables: a run's settings with one per declared objective, what it achieves, and its cell."""
    errors = [name for measured in MEASURED for name in (measured, f"{measured}_se")]
    numbers = dict.fromkeys(objective.holds for objective in declared().objectives.values())
    return ["architecture", "objective", *numbers, "anneal", "seed", *errors, "probe_accuracy", "category", "cell"]


def write_tables(folder: Path, names: Collection[str] = TABLES, kept: Path | None = None) -> None:
    """Write `tables/<name>.csv` and `.md` below an experiment's folder.

    best_elbo: the run with the lowest R + D. pareto: the runs that no other beats, by rate. best_by_architecture: of
    each architecture the run with the lowest R + D, best first. curve_gap: points of curves beside separate trainings
    (see `rdplane.table.curve_gap`). paper: the paper's points beside ours (see `rdplane.table.paper`).
    prefix: the code that is the first k pixels (see `rdplane.table.prefix`).

    Args:
        folder: ``results/<experiment>``.
        names: of the tables (see `rdplane.experiment.layout.Layout.tables`).
        kept: the experiment's folder with the numbers per image, if it is another.

    Raises:
        UserError: `rd.csv` is missing, damaged or empty.
    """
    table = read_table(folder / "rd.csv")
    if table.empty:
        raise UserError(f"{folder / 'rd.csv'} has no rows, so there is nothing to tabulate; run the cells first")
    table = with_category(table)
    ordered = table.sort_values("neg_elbo", kind="stable")
    selections = {
        "best_elbo": ordered.head(1),
        "pareto": table.iloc[pareto(table["rate"], table["distortion"])],
        "best_by_architecture": ordered.drop_duplicates("architecture"),
    }
    texts = {name: (rows[columns()], _markdown(rows)) for name, rows in selections.items() if name in names}
    if CURVE_GAP in names:
        gaps = curve_gap.compare(table, kept or folder)
        texts[CURVE_GAP] = gaps, curve_gap.markdown(gaps)
    if PREFIX in names:
        found = prefix.gather(table, folder)
        texts[PREFIX] = found, prefix.markdown(found)
    if PAPER in names:
        points = paper.beside(table)
        texts[PAPER] = points, paper.markdown(points)
    for name, (rows, text) in texts.items():
        write_text(folder / "tables" / f"{name}.csv", rows.to_csv(index=False, lineterminator="\n"))
        write_text(folder / "tables" / f"{name}.md", text)


def _markdown(rows: pd.DataFrame) -> str:
    """A Markdown table: value ± standard error in one column, in nats per image."""
    lines = ["| model | objective | anneal | seed | R, nats | D, nats | -ELBO, nats | probe accuracy | category |"]
    lines.append("| --- " * 9 + "|")
    for _, row in rows.iterrows():
        probe = row["probe_accuracy"]
        cells = [
            f"`{row['architecture']}`",
            _label(row),
            f"{row['anneal']}",
            f"{row['seed']}",
            *(f"{row[name]:.2f} ± {row[f'{name}_se']:.2f}" for name in MEASURED),
            f"{probe:.1%}" if pd.notna(probe) else "",
            row["category"],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _label(row: pd.Series) -> str:
    """What a run minimised, such as 'β 0.1', or of a point of a curve 'curve, β 0.1'."""
    objective = declared().objectives[row["objective"]]
    called = objective.called(row[objective.holds])
    return f"curve, {called}" if objective.conditions else called
