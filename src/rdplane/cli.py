"""The command `rdplane`: every step of the workflow without Snakemake, and the upkeep of the code's versions."""

import argparse
import contextlib
import fnmatch
import os
import shutil
import sys
import time
from pathlib import Path

import rdplane
from rdplane import code
from rdplane.config import load_config
from rdplane.errors import UserError
from rdplane.files import canonical_json
from rdplane.layout import SAMPLE_PLOTS, TOY_PLOTS, Layout
from rdplane.plan import find, record
from rdplane.status import look
from rdplane.step import cell_arguments, guarded
from rdplane.step import main as step
from rdplane.watch import as_json, render

__all__ = ["main"]


def _layout(options: argparse.Namespace) -> Layout:
    return Layout(load_config(options.config), options.results)


def _chosen(options: argparse.Namespace, layout: Layout) -> list[str]:
    """Names of the cells asked for with --only, in the order of the grid."""
    names = [
        name for name, cell in layout.cells.items()
        if fnmatch.fnmatchcase(name, options.only) or fnmatch.fnmatchcase(cell["architecture"], options.only)
    ]  # fmt: skip
    if not names:
        raise UserError(
            f"--only {options.only} matches no cell of {options.config}; expected an architecture, as in --only=-+v, "
            f"or a name with * such as '{next(iter(layout.cells))}'; see `rdplane cells`"
        )
    return names


def cells(options: argparse.Namespace) -> None:
    """List the cells of a configuration."""
    for name in _chosen(options, _layout(options)):
        print(name)


def prepare(options: argparse.Namespace) -> None:
    """Download or read the images, check, binarise, split and pack them."""
    layout = _layout(options)
    record(layout)
    if not layout.images.exists():
        _step("prepare_data", "--config", canonical_json(layout.config), "--output", str(layout.images))


def train(options: argparse.Namespace) -> None:
    """Train cells, one after the other."""
    prepare(options)
    _each(options, "train", *["--fresh"] * options.fresh)


def evaluate(options: argparse.Namespace) -> None:
    """Measure test-set rate and distortion of trained cells."""
    _each(options, "evaluate")


def sample(options: argparse.Namespace) -> None:
    """Draw reconstructions and generations of trained cells."""
    _each(options, "sample")


def aggregate(options: argparse.Namespace) -> None:
    """Gather the metrics of all cells into rd.csv."""
    from rdplane.summary import summarise, tabulate

    layout = _layout(options)
    tabulate(layout, options.partial)
    print(summarise(layout))


def figures(options: argparse.Namespace) -> None:
    """Draw every figure, the interactive page and the short tables from rd.csv and the stored samples."""
    from rdplane.figures.draw import draw
    from rdplane.page import write_page
    from rdplane.tables import write_tables

    layout = _layout(options)
    write_tables(layout.folder)
    for name in (*layout.plots, *SAMPLE_PLOTS, *layout.grids):
        draw(name, layout.folder, layout.figure_settings(name))
    write_page(layout.folder, layout.page, layout.config["figures"]["note"])
    print(f"figures in {layout.figures}, page {layout.page}")


def toy(options: argparse.Namespace) -> None:
    """Train the toy model, and draw its table and figures."""
    from rdplane.toy.run import check

    layout = _layout(options)
    check(layout.config["toy"])
    for name, cell in layout.toy_cells.items():
        record = layout.toy / "cells" / f"{name}.npz"
        if not record.exists():
            print(f"toy: {name}", file=sys.stderr)
            _step("toy_cell", "--cell", canonical_json(cell), "--output", str(record))
    shared = ("--config", canonical_json(layout.config), "--folder", str(layout.toy))
    _step("toy_table", *shared)
    for name in TOY_PLOTS:
        _step("toy_figure", *shared, "--name", name)
    print(f"toy: table and figures in {layout.toy}")


def batch(options: argparse.Namespace) -> None:
    """Train, evaluate and sample as many cells as fit into a time budget, then pack their results."""
    from rdplane.batch import pack, run_batch

    prepare(options)
    layout = _layout(options)
    outcome = run_batch(layout, options.first, options.minutes, options.together)
    for name, state in outcome.items():
        print(f"{state:8} {name}")
    if options.pack:
        for archive in pack(layout, Path(options.pack), options.weights):
            print(f"packed {archive}")


def status(options: argparse.Namespace) -> None:
    """Show where the cells stand: done, running (epoch, R and D of its training images so far, time left), failed."""

    def text() -> str:
        plan = find(options.config, options.results)
        cells = look(plan)
        if options.json:
            return as_json(plan, cells)
        return render(plan, cells, shutil.get_terminal_size((100, 24)).columns, options.all)

    if options.watch is None:
        print(text())
        return
    # On a terminal cursor home and clear to the end; in a file or pipe one after the other.
    start, end = ("\033[H\033[J", "\n") if sys.stdout.isatty() else ("", "\n\n")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            print(start + text(), end=end, flush=True)
            time.sleep(options.watch)


def versions(options: argparse.Namespace) -> None:
    """Show, accept or bump edited code; see CONTRIBUTING.md."""
    if options.what == "status":
        for component in code.COMPONENTS:
            print(f"{component:12} {code.version(component)}")
        return
    done = code.accept() if options.what == "accept" else code.bump()
    print(f"{options.what}: {', '.join(done) or 'nothing was edited'}")


def _step(*arguments: str) -> None:
    status = step(list(arguments))
    if status:
        sys.exit(status)


def _each(options: argparse.Namespace, name: str, *extra: str) -> None:
    """Run a step for every chosen cell in this process, so that torch is imported once."""
    layout = _layout(options)
    chosen = _chosen(options, layout)
    for number, cell in enumerate(chosen, 1):
        print(f"{name} {number} of {len(chosen)}: {cell}", file=sys.stderr)
        _step(*cell_arguments(layout, cell, name), *extra)


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (seconds := float(text)) < float("inf"):
            return seconds
    raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, not {text!r}")


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the command `rdplane`."""
    parser = argparse.ArgumentParser(prog="rdplane", description=rdplane.__doc__)
    parser.add_argument("--version", action="version", version=f"rdplane {rdplane.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for action in (cells, prepare, train, evaluate, sample, aggregate, figures, toy, batch, status):
        command = commands.add_parser(action.__name__, help=action.__doc__, description=action.__doc__)
        command.set_defaults(action=action)
        named = ", or an experiment's name or folder" if action is status else ""
        command.add_argument(
            "config", nargs="?", default="config.yaml", help=f"configuration (default: config.yaml){named}"
        )
        command.add_argument("--results", default=os.environ.get("RDPLANE_RESULTS", "results"), help="results folder")
        if action in (cells, train, evaluate, sample):
            command.add_argument(
                "--only", default="*", help="--only=-+v (an architecture) or a cell's name; * and ? are wild"
            )
        if action is train:
            command.add_argument("--fresh", action="store_true", help="forget checkpoints and finished results")
        if action is batch:
            command.add_argument("--minutes", type=float, required=True, help="time budget")
            command.add_argument("--together", type=int, default=1, help="cells at once, sharing a GPU (default: 1)")
            command.add_argument("--first", action="append", default=[], help="cells that go first; repeat, best first")
            command.add_argument("--pack", help="folder for archives of the results")
            command.add_argument("--weights", action="append", default=[], help="cells whose weights are packed too")
        if action is aggregate:
            command.add_argument("--partial", action="store_true", help="leave out cells that are not finished")
        if action is status:
            command.add_argument("--all", action="store_true", help="list every cell")
            command.add_argument("--watch", type=_seconds, metavar="SECONDS", help="look again so often, until Ctrl-C")
            command.add_argument("--json", action="store_true", help="for scripts")
    command = commands.add_parser("code", help=versions.__doc__, description=versions.__doc__)
    command.add_argument("what", choices=("status", "accept", "bump"))
    command.set_defaults(action=versions)
    options = parser.parse_args(arguments)
    return guarded(lambda: options.action(options))


if __name__ == "__main__":
    sys.exit(main())
