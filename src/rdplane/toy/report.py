"""The toy's tables and figures as the workflow and the command line make them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rdplane.declare.objects import construct
from rdplane.declare.registry import declared
from rdplane.toy import record, summary

__all__ = ["figure", "tabulate"]


def tabulate(records: Sequence[Path], table: Path, summary_table: Path) -> None:
    """Write one row per run to `table`, and one row per objective to `summary_table`."""
    runs = [record.load(path) for path in records]
    record.write_table(runs, table)
    summary.write_summary(runs, summary_table)


def figure(
    name: str, records: Sequence[Path], settings: dict[str, Any], png: Path, pdf: Path, titles: bool = True
) -> None:
    """Draw one of the toy's figures and save it as PNG and PDF.

    Args:
        name: of a declared figure that needs 'toy'.
        records: files of its cells.
        settings: the section `toy` of a resolved configuration.
        titles: whether title and subtitle are printed.
    """
    from rdplane.figures.style import save

    runs = [record.load(path) for path in records]
    plot = declared().toy_plots[name]
    known = {"records": runs, "settings": settings, "title": plot.title if titles else ""}
    save(construct(plot, known), png, pdf)
