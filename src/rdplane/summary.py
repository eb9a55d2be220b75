"""The table of an experiment, the list of cells it lacks, and one line that says how it ended. Needs no torch."""

import csv
import io
import json

from rdplane.aggregate import aggregate
from rdplane.cell import evaluation_settings
from rdplane.files import write_text
from rdplane.layout import Layout

__all__ = ["tabulate"]


def tabulate(layout: Layout, partial: bool = False) -> str:
    """Write `rd.csv` and `missing.csv` of an experiment.

    Args:
        layout: the experiment.
        partial: leave out cells without metrics instead of refusing.

    Returns:
        One line: cells done and missing.

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
        failure = folder / "state" / "failure"
        writer.writerow([folder.name, failure.read_text().strip() if failure.exists() else "not trained yet"])
    write_text(layout.missing, table.getvalue())
    line = f"{layout.config['experiment']}: {len(folders) - len(missing)} of {len(folders)} cells in {layout.table}"
    return line + (f"; {len(missing)} missing, see {layout.missing}" if missing else "")
