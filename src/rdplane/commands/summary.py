"""The table of an experiment, the list of cells it lacks, and a line or two that say how it ended. Needs no torch."""

import csv
import io
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import rdplane
from rdplane.errors import UserError
from rdplane.experiment.cells import evaluation_of, points_of
from rdplane.experiment.layout import Layout
from rdplane.experiment.reference import commented
from rdplane.files import write_text
from rdplane.status.look import look
from rdplane.status.plan import plan_of, refuse_others
from rdplane.status.render import failures, headline
from rdplane.table.rd import aggregate

__all__ = ["draw_what_is_there", "summarise", "tabulate"]


def tabulate(layout: Layout, partial: bool = False) -> None:
    """Write `rd.csv` and `missing.csv` of an experiment, and `config.yaml`, the configuration that they are of.

    Args:
        layout: the experiment.
        partial: leave out cells without metrics instead of refusing.

    Raises:
        UserError: a metrics file is damaged, of other settings, or (unless `partial`) missing; or the folder holds a
            table of other images.
    """
    refuse_others(layout)
    folders = [layout.cell(name) for name in layout.cells]
    kinds = {(cell["architecture"], cell["objective"]["name"]) for cell in layout.cells.values()}
    expected = {kind: evaluation_of(layout.config, *kind) for kind in kinds}
    points = {name: points_of(layout.config, cell["objective"]) for name, cell in layout.cells.items()}
    missing = aggregate(layout.config["experiment"], folders, layout.table, partial, expected, points)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["cell", "reason"])
    reasons = {cell.name: cell.reason for cell in look(plan_of(layout))} if missing else {}
    writer.writerows([folder.name, reasons[folder.name]] for folder in missing)
    write_text(layout.missing, table.getvalue())
    write_text(layout.settings, _resolved(layout))


def _resolved(layout: Layout) -> str:
    """The configuration of an experiment, whole: read from any folder it gives the same cells."""
    config, file = layout.config, layout.config["data"]["file"]
    if file is not None:
        config = {**config, "data": {**config["data"], "file": str(Path(file).expanduser().absolute())}}
    return commented(config, f"The configuration of which rd.csv was made, resolved by rdplane {rdplane.__version__}.")


def summarise(layout: Layout) -> str:
    """How a run ended: the failed cells if there are any, then one line with the cells done and the best -ELBO."""
    if not layout.table.exists():  # only a part, such as the toy, was asked for
        return f"{layout.config['experiment']}: done, see {layout.folder}"
    plan = plan_of(layout)
    cells = look(plan)
    with layout.table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    line = headline(plan, cells)
    if rows:
        best = min(rows, key=lambda row: float(row["neg_elbo"]))
        line += (
            f"; best -ELBO {float(best['neg_elbo']):.2f} nats (R {float(best['rate']):.2f}, "
            f"D {float(best['distortion']):.2f}) by {best['architecture']}; "
            f"table {layout.table}, figures {layout.figures}"
        )
    if len(rows) < len(cells):
        line += f"; missing cells and why: {layout.missing}"
    failed = failures(cells, layout.missing, shutil.get_terminal_size((100, 24)).columns)
    return f"{failed}\n\n{line}" if failed else line


def draw_what_is_there(layout: Layout) -> None:
    """After failures: all that is made of the finished cells, dated so that the next run makes it anew.

    After a mere interruption only the table: it goes on soon, and whoever stopped it does not wait for figures. A
    figure that the finished cells do not allow says why, in place of one that may be of another grid.

    Raises:
        UserError: a metrics file is damaged.
    """
    tabulate(layout, partial=True)
    _outdate([layout.table, layout.missing, layout.settings])
    if len(layout.table.read_text().splitlines()) == 1 or not failures(look(plan_of(layout)), layout.missing):
        return
    from rdplane.figures import style
    from rdplane.figures.draw import draw
    from rdplane.page import write_page
    from rdplane.table.short import write_tables

    write_tables(layout.folder, layout.tables)
    _outdate([layout.folder / "tables" / f"{name}.{kind}" for name in layout.tables for kind in ("csv", "md")])
    note = layout.config["figures"]["note"]
    for name in layout.plots:
        png, pdf = (layout.figures / f"{name}.{kind}" for kind in ("png", "pdf"))
        try:
            draw(name, layout.folder, layout.figure_settings(name))
        except UserError as error:
            style.save(style.empty(name, str(error), layout.note), png, pdf)
        _outdate([png, pdf])
    write_page(layout.folder, layout.page, note)
    _outdate([layout.page])


def _outdate(paths: Iterable[Path]) -> None:
    for path in paths:
        os.utime(path, (1, 1))  # older than any input: never taken for the finished thing
