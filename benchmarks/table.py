"""The one table: a line on the terminal as soon as it is measured, and all of them in a CSV file."""

import csv
import io
from dataclasses import dataclass, fields
from pathlib import Path

from benchmarks.timing import quartiles
from rdplane.files import write_text

__all__ = ["Row", "Table", "compared"]


@dataclass(frozen=True)
class Row:
    """One line of the table; docs/benchmarks.md says what each column is.

    `at_least` is the target of the ratio, `at_most` that of the value.
    """

    benchmark: str
    size: str
    case: str
    quantity: str
    value: float | None = None
    value_iqr: float | None = None
    reference: float | None = None
    reference_iqr: float | None = None
    ratio: float | None = None
    ratio_iqr: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    gflops: float | None = None
    peak_share: float | None = None
    laps: int | None = None
    note: str = ""

    @property
    def met(self) -> str:
        """'yes' or 'no', or nothing where there is no target."""
        if self.at_least is not None and self.ratio is not None:
            return "yes" if self.ratio >= self.at_least else "no"
        if self.at_most is not None and self.value is not None:
            return "yes" if self.value <= self.at_most else "no"
        return ""

    @property
    def target(self) -> str:
        if self.at_least is not None:
            return f">= {self.at_least:g} x"
        return f"<= {self.at_most:g}" if self.at_most is not None else ""


def compared(
    row: Row, seconds: dict[str, list[float]], images: int | None = None, flops: float = 0, peak: float | None = None
) -> Row:
    """`row` with what the laps 'ours' and 'plain' of `interleave` say; 'plain' may be missing.

    Args:
        images: a lap; the quantity is then images a second, else seconds.
        flops: floating-point operations a lap.
        peak: the machine's own, GFLOP/s.
    """
    ours, plain = seconds["ours"], seconds.get("plain")

    def shown(laps: list[float]) -> tuple[float, float]:
        return quartiles([images / lap for lap in laps] if images else laps)

    values = dict(zip(("value", "value_iqr"), shown(ours), strict=True))
    if plain:
        # Of pairs that ran side by side: a slow minute of the machine slows both halves of a pair.
        ratios = quartiles([theirs / mine for mine, theirs in zip(ours, plain, strict=True)])
        values |= dict(zip(("reference", "reference_iqr"), shown(plain), strict=True))
        values |= dict(zip(("ratio", "ratio_iqr"), ratios, strict=True))
    if flops:
        values["gflops"] = flops / quartiles(ours)[0] / 1e9
        if peak:
            values["peak_share"] = values["gflops"] / peak
    return Row(**(vars(row) | values | {"laps": len(ours)}))


PRINTED = (
    ("benchmark", 10), ("size", 7), ("case", 28), ("quantity", 9), ("ours", 20), ("reference", 20), ("ratio", 15),
    ("target", 8), ("met", 3), ("GFLOP/s", 7), ("peak", 4),
)  # fmt: skip


class Table:
    """Prints rows and keeps them.

    Args:
        path: the CSV file, whole after every row, so that a run cut short keeps what it measured; None for none.
    """

    def __init__(self, path: Path | None = None):
        self.path = path
        self.rows: list[Row] = []

    def add(self, row: Row) -> None:
        """Print a row and write the file anew."""
        if not self.rows:
            print("  ".join(name.ljust(width) for name, width in PRINTED) + "  note", flush=True)
        self.rows.append(row)
        cells = (
            row.benchmark, row.size, row.case, row.quantity, _spread(row.value, row.value_iqr),
            _spread(row.reference, row.reference_iqr), _spread(row.ratio, row.ratio_iqr, "x"), row.target, row.met,
            "" if row.gflops is None else f"{row.gflops:.3g}",
            "" if row.peak_share is None else f"{row.peak_share:.0%}",
        )  # fmt: skip
        line = "  ".join(cell.ljust(width) for cell, (_, width) in zip(cells, PRINTED, strict=True))
        print(f"{line}  {row.note}".rstrip(), flush=True)
        if self.path is not None:
            write_text(self.path, self._csv())

    def _csv(self) -> str:
        names = [field.name for field in fields(Row)]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*names, "met"])
        writer.writerows([*(_plain(getattr(row, name)) for name in names), row.met] for row in self.rows)
        return text.getvalue()


def _plain(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value


def _spread(value: float | None, iqr: float | None, unit: str = "") -> str:
    if value is None:
        return ""
    return f"{value:.4g}{unit}" + (f" (±{iqr / 2:.2g})" if iqr else "")
