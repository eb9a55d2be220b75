"""The table of an experiment, the list of cells it lacks, and one line that says how it ended. Needs no torch."""

import csv
import io
import json
import os
from pathlib import Path

from rdplane.aggregate import aggregate
from rdplane.cell import evaluation_settings
from rdplane.files import write_text
from rdplane.layout import Layout

__all__ = ["draw_what_is_there", "summarise", "tabulate"]


def tabulate(layout: Layout, partial: bool = False) -> None:
    """Write `rd.csv` and `missing.csv` of an experiment.

    Args:
        layout: the experiment.
        partial: leave out cells without metrics instead of refusing.

    Raises:
        UserError: a metrics file is damaged, of other settings, or (unless `partial`) missing.
    """
    folders = [layout.cell(name) for name in layout.cells]
    settings = json.loads(evaluation_settings(layout.config))
    missing = aggregate(layout.config["experiment"], folders, layout.table, partial, settings)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["cell", "reason"])
    for folder in missing:
        writer.writerow([folder.name, _reason(folder)])
    write_text(layout.missing, table.getvalue())


def _reason(folder: Path) -> str:
    """Why a cell has no metrics."""
    failure = folder / "state" / "failure"
    if failure.exists():
        return failure.read_text().strip()
    return "trained, not evaluated" if (folder / "train.json").exists() else "not trained yet"


def summarise(layout: Layout) -> str:
    """One line on an experiment: cells done, the best -ELBO, and how many cells are missing."""
    if not layout.table.exists():  # only a part, such as the toy, was asked for
        return f"{layout.config['experiment']}: done, see {layout.folder}"
    with layout.table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    line = f"{layout.config['experiment']}: {len(rows)} of {len(layout.cells)} cells"
    if rows:
        best = min(rows, key=lambda row: float(row["neg_elbo"]))
        line += (
            f"; best -ELBO {float(best['neg_elbo']):.2f} nats (R {float(best['rate']):.2f}, "
            f"D {float(best['distortion']):.2f}) by {best['architecture']}; "
            f"table {layout.table}, figures {layout.figures}"
        )
    return line + (f"; missing cells and why: {layout.missing}" if len(rows) < len(layout.cells) else "")


def draw_what_is_there(layout: Layout) -> None:
    """After failures: table and plots of the cells that are finished, dated so that the next run makes them anew.

    Raises:
        UserError: a metrics file is damaged.
    """
    from rdplane.figures.draw import draw

    tabulate(layout, partial=True)
    made = [layout.table, layout.missing]
    try:
        if len(layout.table.read_text().splitlines()) > 1:
            for name in layout.plots:
                draw(name, layout.folder, layout.figure_settings(name))
                made += [layout.figures / f"{name}.{kind}" for kind in ("png", "pdf")]
    finally:
        for path in made:
            os.utime(path, (1, 1))  # older than any input: never taken for the finished thing
