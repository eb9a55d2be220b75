"""``python -m benchmarks [names ...]``: measure, print one table, keep it as CSV. See docs/benchmarks.md."""

import argparse
import importlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.machine import processor
from benchmarks.sizes import SIZES, Plan
from benchmarks.table import Row, Table
from rdplane.commands.step import guarded
from rdplane.commands.steps import set_threads
from rdplane.errors import UserError

NAMES = (
    "peak",
    "training",
    "evaluation",
    "sampling",
    "startup",
    "memory",
    "dag",
    "precision",
    "time_to_nats",
)  # with a `run(plan)`
ASKED = ("gpu", "recipe")  # only where they are asked for


def main(arguments: list[str] | None = None) -> int:
    """Entry point; status 2 and one line when something cannot be done or measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed and memory.")
    parser.add_argument(
        "names", nargs="*", help=f"of {', '.join(NAMES + ASKED)} (default: all but {' and '.join(ASKED)})"
    )
    parser.add_argument("--quick", action="store_true", help="fewer architectures, batches, cells and laps")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--size", action="append", choices=SIZES, help="repeat (default: all but tiny)")
    parser.add_argument("--csv", type=Path, default=Path("results/benchmarks.csv"), help="(default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=7.5, help="time budget of gpu (default: 7.5)")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"), help="of gpu; cpu only tries it out")
    parser.add_argument("--recipe", action="append", help="a name of benchmarks/recipe.py; repeat (default: all)")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.names if name not in NAMES + ASKED]:
        parser.error(f"no benchmark {unknown[0]!r}, expected some of {', '.join(NAMES + ASKED)}")
    if options.threads < 1:
        parser.error(f"--threads is {options.threads}, expected at least 1")
    return guarded(lambda: measure(options))


def measure(options: argparse.Namespace) -> None:
    """Run the benchmarks that the command line names; one that fails is a row, and the others go on.

    Raises:
        UserError: the table cannot be written, or some benchmark failed.
    """
    set_threads(options.threads)  # before torch is imported, for child processes too
    import torch

    torch.set_num_threads(options.threads)
    table = Table(options.csv)
    where = f"{processor()}, torch {torch.__version__}"
    table.add(Row("machine", "", "", "threads", float(options.threads), note=where))
    failed = []
    with tempfile.TemporaryDirectory(prefix="rdplane-benchmarks-") as scratch:
        plan = plan_of(options, Path(scratch))
        for name in options.names or NAMES:
            try:
                for row in _rows(name, plan, options):
                    table.add(row)
            except Exception as error:
                reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                table.add(Row(name, "", "", "", note=f"failed: {reason}"))
                failed.append(name)
    print(f"written to {options.csv}", file=sys.stderr)
    if failed:
        raise UserError(f"benchmarks failed: {', '.join(failed)}; their rows in {options.csv} say why")


def plan_of(options: argparse.Namespace, scratch: Path) -> Plan:
    """How much is measured, by the command line."""
    plan = Plan(
        scratch, tuple(options.size or Plan.sizes), threads=options.threads, recipes=tuple(options.recipe or ())
    )
    if not options.quick:
        return plan
    few = ("---", "-+-")
    return replace(
        plan, architectures=few, kinds=few, seconds=1.0, least=2, batches=(1, 64), cells=(100, 1_000), hours=False
    )


def _rows(name: str, plan: Plan, options: argparse.Namespace) -> Iterator[Row]:
    module = importlib.import_module(f"benchmarks.{name}")
    return module.run(plan, options.minutes, options.device) if name == "gpu" else module.run(plan)


if __name__ == "__main__":
    sys.exit(main())
