"""What all seeds of an objective have in common: the table beside the paper's two numbers."""

import os
from collections.abc import Sequence

from rdplane.toy.record import Record, write_rows

__all__ = ["SUMMARY_COLUMNS", "summarise", "write_summary"]

SUMMARY_COLUMNS = (
    "objective",
    "beta",
    "rate_penalty",
    "runs",
    "rate_min",
    "rate_max",
    "excess_max",
    "kl_p_g_max",
    "kl_p_d_max",
    "class_mass_min",
    "class_mass_max",
    "class_information_min",
    "class_information_max",
    "clusters_found",
)

_TOLERANCE = 0.03


def summarise(records: Sequence[Record]) -> list[dict[str, str | float | int | None]]:
    """One row an objective, in the order in which `records` bring them; keys as in `SUMMARY_COLUMNS`.

    Extremes are over the runs of the objective, in nats. `clusters_found` counts the runs whose `class_mass` (see
    `Record.quantities`) is within 0.03 of the weight of class 0: two clusters with the masses of the true classes.
    """
    groups: dict[tuple[str, float | None], list[Record]] = {}
    for record in records:
        groups.setdefault((record.objective, record.value), []).append(record)
    return [_row(group) for group in groups.values()]


def write_summary(records: Sequence[Record], path: str | os.PathLike[str]) -> None:
    """Write `summarise(records)` as CSV, empty where a column does not apply."""
    write_rows(summarise(records), SUMMARY_COLUMNS, path)


def _row(group: Sequence[Record]) -> dict[str, str | float | int | None]:
    first = group[0].row()
    numbers = [record.quantities() for record in group]
    weight = float(group[0].joint[:, 0].sum())
    row: dict[str, str | float | int | None] = {name: first[name] for name in ("objective", "beta", "rate_penalty")}
    row["runs"] = len(group)
    for column in SUMMARY_COLUMNS:
        name, _, end = column.rpartition("_")
        if end in ("min", "max"):
            row[column] = (min if end == "min" else max)(number[name] for number in numbers)
    row["clusters_found"] = sum(abs(number["class_mass"] - weight) <= _TOLERANCE for number in numbers)
    return row
