"""Short tables drawn from rd.csv: the best ELBO, the Pareto set, and the best run of each architecture."""

from pathlib import Path

import pandas as pd

from rdplane.aggregate import read_table
from rdplane.errors import UserError
from rdplane.files import write_text
from rdplane.frontier import pareto
from rdplane.layout import TABLES
from rdplane.measures.category import category

__all__ = ["with_category", "write_tables"]

COLUMNS = [
    *("architecture", "beta", "rate_target", "anneal", "seed"),
    *("rate", "rate_se", "distortion", "distortion_se", "neg_elbo", "neg_elbo_se"),
    *("probe_accuracy", "category"),
]


def with_category(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a column `category` (see `rdplane.measures.category`)."""
    best = float(table["neg_elbo"].min())
    places = zip(table["rate"], table["distortion"], table["probe_accuracy"], strict=True)
    return table.assign(category=[category(r, d, best, None if pd.isna(p) else p) for r, d, p in places])


def write_tables(folder: Path) -> None:
    """Write `tables/<name>.csv` and `.md` below an experiment's folder for each of `TABLES`.

    best_elbo: the run with the lowest R + D. pareto: the runs that no other beats, by rate. best_by_architecture: of
    each architecture the run with the lowest R + D, best first.

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
    for name in TABLES:
        rows = selections[name][COLUMNS]
        write_text(folder / "tables" / f"{name}.csv", rows.to_csv(index=False, lineterminator="\n"))
        write_text(folder / "tables" / f"{name}.md", _markdown(rows))


def _markdown(rows: pd.DataFrame) -> str:
    """A Markdown table: value ± standard error in one column, in nats an image."""
    lines = ["| model | beta | anneal | seed | R, nats | D, nats | -ELBO, nats | probe accuracy | category |"]
    lines.append("| --- " * 9 + "|")
    for _, row in rows.iterrows():
        aim = f"{row['beta']:g}" if pd.notna(row["beta"]) else f"R* {row['rate_target']:g}"
        measured = [f"{row[key]:.2f} ± {row[f'{key}_se']:.2f}" for key in ("rate", "distortion", "neg_elbo")]
        probe = f"{row['probe_accuracy']:.1%}" if pd.notna(row["probe_accuracy"]) else ""
        cells = [
            f"`{row['architecture']}`",
            aim,
            f"{row['anneal']}",
            f"{row['seed']}",
            *measured,
            probe,
            row["category"],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
