"""The command `rdplane`: every step of the workflow without Snakemake, and what goes with an experiment."""

import argparse
import contextlib
import fnmatch
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import rdplane
from rdplane.commands import steps
from rdplane.commands.step import guarded
from rdplane.errors import UserError
from rdplane.experiment import versions as source
from rdplane.experiment.config import load_config
from rdplane.experiment.layout import PREFIX, Layout
from rdplane.experiment.prefix import prefix_cells

__all__ = ["main"]

Options = argparse.Namespace


def _layout(options: Options) -> Layout:
    return Layout(load_config(options.config), options.results)


def _chosen(options: Options, layout: Layout) -> list[str]:
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


def _each(options: Options, name: str, **more: bool) -> None:
    """Run a step for every chosen cell that has it, in this process, so that torch is imported once."""
    layout = _layout(options)
    chosen = [cell for cell in _chosen(options, layout) if name != PREFIX or prefix_cells({cell: layout.cells[cell]})]
    for number, cell in enumerate(chosen, 1):
        print(f"{name} {number} of {len(chosen)}: {cell}", file=sys.stderr)
        getattr(steps, name)(**steps.arguments_of(layout, cell, name), **more)


def init(options: Options) -> None:
    """Write a commented configuration to start from into a folder, one that fits images of your own."""
    from rdplane.commands.init import MINUTES, write_configuration

    timed = options.minutes is not None and options.images is None
    dataset = options.dataset or ("mnist5k" if timed else None)
    results = os.environ.get("RDPLANE_RESULTS", "results")
    print(write_configuration(Path(options.folder), options.images, dataset, options.minutes or MINUTES, results))


def config(options: Options) -> None:
    """Print a configuration with every default filled in."""
    from rdplane.experiment.reference import commented

    resolved = load_config(options.config)
    print(commented(resolved, f"{options.config}, resolved by rdplane {rdplane.__version__}"), end="")


def check(options: Options) -> None:
    """Check a file with parts, objectives, measures, figures or datasets of your own."""
    from rdplane.commands.check import check_extensions
    from rdplane.declare.registry import use

    use([str(Path(name).resolve()) if name.endswith(".py") else name for name in options.files])
    check_extensions(print)


def reference(options: Options) -> None:
    """Print docs/configuration.md, docs/columns.md or the JSON schema, the extensions of CONFIG included."""
    from rdplane.experiment.reference import json_schema, markdown
    from rdplane.table.reference import markdown as columns

    if options.config:
        load_config(options.config)
    made = {"configuration": markdown, "columns": columns, "schema": lambda: json.dumps(json_schema(), indent=1) + "\n"}
    print(made[options.what](), end="")


def cells(options: Options) -> None:
    """List the cells of a configuration."""
    for name in _chosen(options, _layout(options)):
        print(name)


def prepare(options: Options) -> None:
    """Check the extensions, then download or read the images, check, binarise, split and pack them."""
    from rdplane.commands.check import once
    from rdplane.status.plan import record

    layout = _layout(options)
    once(layout)
    record(layout)
    steps.make_images(layout)


def train(options: Options) -> None:
    """Train cells, one after the other."""
    from rdplane.experiment.note import warning_of
    from rdplane.jobs.lease import devices

    if not devices() and (warning := warning_of(_layout(options).cells)):
        print(warning, file=sys.stderr)
    prepare(options)
    _each(options, "train", fresh=options.fresh)


def evaluate(options: Options) -> None:
    """Measure test-set rate and distortion of trained cells, and the prefix code of a PixelCNN++ alone."""
    _each(options, "evaluate")
    _each(options, PREFIX)


def sample(options: Options) -> None:
    """Draw reconstructions and generations of trained cells."""
    _each(options, "sample")


def find_beta(options: Options) -> None:
    """Find the beta at which a curve has a given rate on the validation images."""
    from rdplane.commands.curve import find

    print(find(Path(options.cell), options.rate))


def aggregate(options: Options) -> None:
    """Gather the metrics of all cells into rd.csv."""
    from rdplane.commands.summary import summarise, tabulate
    from rdplane.status.plan import record

    layout = _layout(options)
    record(layout)
    tabulate(layout, options.partial)
    print(summarise(layout))


def figures(options: Options) -> None:
    """Draw every figure, the interactive page and the short tables from rd.csv and the stored samples."""
    from rdplane.status.plan import refuse_others

    layout = _layout(options)
    if options.list:
        for name, figure in layout.plots.items():
            print(f"{name:20} {figure.caption}")
        return
    refuse_others(layout)
    steps.tables(layout.folder, list(layout.tables))
    for name in layout.plots:
        steps.figure(name, layout.folder, layout.figure_settings(name))
    steps.page(layout.folder, layout.config["figures"])
    print(f"figures in {layout.figures}, page {layout.page}")


def toy(options: Options) -> None:
    """Train the toy model, and draw its table and figures."""
    from rdplane.declare.registry import declared
    from rdplane.toy.run import check

    layout = _layout(options)
    if not layout.toy_cells:
        raise UserError(
            f"toy.seed is [] in {options.config}, so there is no toy model; expected a seed at least, such as "
            "toy.seed: [0]"
        )
    check(layout.config["toy"])
    for name, cell in layout.toy_cells.items():
        record = layout.toy / "cells" / f"{name}.npz"
        if not record.exists():
            print(f"toy: {name}", file=sys.stderr)
            steps.toy_cell(cell, record)
    steps.toy_table(layout.config, layout.toy)
    for name in declared().toy_plots:
        steps.toy_figure(layout.config, layout.toy, name)
    print(f"toy: table and figures in {layout.toy}")


def batch(options: Options) -> None:
    """Train, evaluate and sample as many cells as fit into a time budget, then pack their results."""
    from rdplane.commands.batch import pack, run_batch

    prepare(options)
    layout = _layout(options)
    outcome = run_batch(layout, options.first, options.minutes, options.together)
    for name, state in outcome.items():
        print(f"{state:8} {name}")
    if options.pack:
        for archive in pack(layout, Path(options.pack), options.weights):
            print(f"packed {archive}")


def publish(options: Options) -> None:
    """Add the finished cells to a copy of the experiment to keep and share: numbers and figures, no weights."""
    from rdplane.commands.publish import publish as copy

    print(copy(_layout(options), Path(options.to), options.replace))


def status(options: Options) -> None:
    """Show where the cells stand: done, running (epoch, R and D of its training images so far, time left), failed."""
    from rdplane.status.look import look
    from rdplane.status.plan import find
    from rdplane.status.render import as_json, render

    def text() -> str:
        plan = find(options.config, options.results)
        found = look(plan)
        if options.json:
            return as_json(plan, found)
        return render(plan, found, shutil.get_terminal_size((100, 24)).columns, options.all)

    if options.watch is None:
        print(text())
        return
    # On a terminal cursor home and clear to the end; in a file or pipe one after the other.
    start, end = ("\033[H\033[J", "\n") if sys.stdout.isatty() else ("", "\n\n")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            print(start + text(), end=end, flush=True)
            time.sleep(options.watch)


def code(options: Options) -> None:
    """Show, accept or bump edited source of the package; see CONTRIBUTING.md."""
    if options.what == "status":
        for name in source.versioned():
            print(f"{name:24} {source.version(name)}")
        return
    done = source.accept() if options.what == "accept" else source.bump()
    print(f"{options.what}: {', '.join(done) or 'nothing was edited'}")


def _above_zero(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (number := float(text)) < float("inf"):
            return number
    raise argparse.ArgumentTypeError(f"expected a number above 0, not {text!r}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rdplane", description=rdplane.__doc__)
    parser.add_argument("--version", action="version", version=f"rdplane {rdplane.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(action: Callable[[Options], None]) -> argparse.ArgumentParser:
        name = action.__name__.replace("_", "-")
        command = commands.add_parser(name, help=action.__doc__, description=action.__doc__)
        command.set_defaults(action=action)
        return command

    command = add(init)
    command.add_argument("folder", help="a new folder, or one without a config.yaml")
    among = command.add_mutually_exclusive_group()
    among.add_argument("--images", metavar="PATH", help="your own: .npy, .npz, .pt, or a folder of PNG or JPEG")
    among.add_argument("--dataset", metavar="NAME", help="one that is there, such as patches (default: mnist5k)")
    command.add_argument("--minutes", type=_above_zero, help="that the study may take on this machine (default: 30)")
    for action in (
        config, cells, prepare, train, evaluate, sample, aggregate, figures, toy, batch, publish, status,
    ):  # fmt: skip
        command = add(action)
        named = ", or an experiment's name or folder" if action is status else ""
        command.add_argument(
            "config", nargs="?", default="config.yaml", help=f"configuration (default: config.yaml){named}"
        )
        if action is not config:
            command.add_argument(
                "--results", default=os.environ.get("RDPLANE_RESULTS", "results"), help="results folder"
            )
        if action in (cells, train, evaluate, sample):
            command.add_argument(
                "--only", default="*", help="--only=-+v (an architecture) or a cell's name; * and ? are wild"
            )
        if action is train:
            command.add_argument("--fresh", action="store_true", help="forget checkpoints and finished results")
        if action is figures:
            command.add_argument("--list", action="store_true", help="only name them, and what each shows")
        if action is batch:
            command.add_argument("--minutes", type=float, required=True, help="time budget")
            command.add_argument("--together", type=int, default=1, help="cells at once, sharing a GPU (default: 1)")
            command.add_argument("--first", action="append", default=[], help="cells that go first; repeat, best first")
            command.add_argument("--pack", help="folder for archives of the results")
            command.add_argument("--weights", action="append", default=[], help="cells whose weights are packed too")
        if action is publish:
            command.add_argument("--to", default="results/published", help="folder of published experiments")
            command.add_argument("--replace", action="store_true", help="put new numbers in the place of old ones")
        if action is aggregate:
            command.add_argument("--partial", action="store_true", help="leave out cells that are not finished")
        if action is status:
            command.add_argument("--all", action="store_true", help="list every cell")
            command.add_argument(
                "--watch", type=_above_zero, metavar="SECONDS", help="look again so often, until Ctrl-C"
            )
            command.add_argument("--json", action="store_true", help="for scripts")
    command = add(find_beta)
    command.add_argument("cell", help="folder of a cell that trained a curve, below results/mine/cells")
    command.add_argument("--rate", type=_above_zero, required=True, help="nats an image")
    add(check).add_argument("files", nargs="+", metavar="FILE", help="a Python file, or the name of a module")
    command = add(reference)
    command.add_argument("what", choices=("configuration", "columns", "schema"))
    command.add_argument("config", nargs="?", help="a configuration whose extensions count, too")
    add(code).add_argument("what", choices=("status", "accept", "bump"))
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Entry point of the command `rdplane`."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: options.action(options))


if __name__ == "__main__":
    sys.exit(main())
