"""One job of the workflow: ``python -m rdplane.step <step> ...``, as the rules call it.

People use the command `rdplane` (see `rdplane.cli`); both call the same functions. A `UserError` ends as one
line ``error: ...`` and status 2, an interrupted training as status 75. Needs torch only in the steps that compute.
"""

import argparse
import contextlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rdplane.cell import evaluation_settings, runtime_settings, sampling_settings
from rdplane.errors import UserError
from rdplane.files import canonical_json
from rdplane.layout import Layout

__all__ = ["cell_arguments", "guarded", "main"]

INTERRUPTED = 75  # EX_TEMPFAIL: run the same again, it goes on from its checkpoint


def prepare_data(options: argparse.Namespace) -> None:
    from rdplane import data
    from rdplane.cell import data_spec

    config = json.loads(options.config)
    settings = config["data"]
    downloads = Path(options.output).parent.parent / "downloads"
    data.prepare(
        data_spec(config), Path(options.output), mirror=settings["mirror"], cache=downloads,
        timeout=settings["timeout"], retries=settings["retries"],
    )  # fmt: skip


def train(options: argparse.Namespace) -> None:
    from rdplane import code
    from rdplane.train import train

    cell = json.loads(options.cell)
    if cell["code"] != code.cell_versions(cell["architecture"]):
        raise UserError(
            f"the code of {cell['architecture']} was edited after this workflow had started, so its result would bear "
            "the wrong name; run the same command again"
        )
    runtime = json.loads(options.runtime)
    set_thread_environment(runtime["threads"])
    train(cell, Path(options.images), Path(options.folder), runtime, options.log, options.fresh)


def evaluate(options: argparse.Namespace) -> None:
    with _computing(options) as where:
        from rdplane.evaluate import evaluate

        evaluate(
            Path(options.folder), Path(options.images), Path(options.output), json.loads(options.settings), **where
        )


def sample(options: argparse.Namespace) -> None:
    with _computing(options) as where:
        from rdplane.sample import sample

        sample(Path(options.folder), Path(options.images), Path(options.output), json.loads(options.settings), **where)


def aggregate(options: argparse.Namespace) -> None:
    from rdplane.summary import tabulate

    tabulate(Layout(json.loads(options.config), options.results))


def tables(options: argparse.Namespace) -> None:
    from rdplane.tables import write_tables

    write_tables(Path(options.folder))


def cell_figure(options: argparse.Namespace) -> None:
    from rdplane.figures.draw import draw_cell

    draw_cell(Path(options.folder), options.cell, json.loads(options.settings))


def page(options: argparse.Namespace) -> None:
    from rdplane.page import write_page

    folder = Path(options.folder)
    write_page(folder, folder / "rd_plane.html", json.loads(options.settings)["note"])


def toy_cell(options: argparse.Namespace) -> None:
    from rdplane.toy.run import run_cell

    run_cell(json.loads(options.cell), Path(options.output))


def toy_table(options: argparse.Namespace) -> None:
    from rdplane.toy.run import tabulate

    folder = Path(options.folder)
    tabulate(_toy_records(options), folder / "toy.csv", folder / "summary.csv")


def toy_figure(options: argparse.Namespace) -> None:
    from rdplane.toy.run import figure

    figures = Path(options.folder) / "figures"
    settings = json.loads(options.config)["toy"]
    png, pdf = figures / f"{options.name}.png", figures / f"{options.name}.pdf"
    figure(options.name, _toy_records(options), settings, png, pdf)


def _toy_records(options: argparse.Namespace) -> list[Path]:
    from rdplane.toy.cells import expand

    return [Path(options.folder) / "cells" / f"{name}.npz" for name in expand(json.loads(options.config)["toy"])]


def summary(options: argparse.Namespace) -> None:
    from rdplane.summary import draw_what_is_there, summarise

    layout = Layout(json.loads(options.config), options.results)
    if options.failed:
        draw_what_is_there(layout)
    print(summarise(layout), file=sys.stderr)


def figure(options: argparse.Namespace) -> None:
    from rdplane.figures.draw import draw

    draw(options.name, Path(options.folder), json.loads(options.settings))


@contextlib.contextmanager
def _computing(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A GPU of one's own and the threads asked for, both settled before torch is imported."""
    from rdplane.train.job import DEFAULTS
    from rdplane.train.lease import lease

    runtime = json.loads(options.runtime)
    set_thread_environment(runtime["threads"])
    places = runtime.get("cells_per_gpu", DEFAULTS["cells_per_gpu"])
    with lease(places) if runtime["device"] in ("auto", "cuda") else contextlib.nullcontext():
        try:
            yield {"device": runtime["device"], "threads": runtime["threads"]}
        except (RuntimeError, MemoryError) as error:
            from rdplane.device import out_of_memory

            if not out_of_memory(error):
                raise
            raise UserError(
                f"{Path(options.folder).name}: out of memory; lower evaluation.batch_size, sampling.images "
                "or training.cells_per_gpu"
            ) from None


def set_thread_environment(threads: int) -> None:
    """Tell the numerical libraries how many threads to start; they read this when they are imported."""
    for key in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[key] = str(threads)


def cell_arguments(layout: Layout, name: str, step: str) -> list[str]:
    """The command line of one cell's step: 'train', 'evaluate' or 'sample'.

    Args:
        layout: the experiment.
        name: the cell's folder name.
    """
    folder, cell = layout.cell(name), layout.cells[name]
    runtime = runtime_settings(layout.config, cell["architecture"])
    arguments = [step, "--folder", str(folder), "--images", str(layout.images), "--runtime", json.dumps(runtime)]
    if step == "train":
        return [*arguments, "--cell", canonical_json(cell)]
    if step == "evaluate":
        return [*arguments, "--settings", evaluation_settings(layout.config), "--output", str(folder / "metrics.json")]
    return [*arguments, "--settings", sampling_settings(layout.config), "--output", str(folder / "samples.npz")]


def guarded(action: Callable[[], None], log: Path | None = None) -> int:
    """Run `action`; what goes wrong becomes one line on standard error (and in `log`) and an exit status."""
    from rdplane.train.signals import Interrupted

    try:
        action()
    except UserError as error:
        message, status = f"error: {error}", 2
    except Interrupted as error:
        message, status = f"interrupted: {error}; run the same command to go on", INTERRUPTED
    except KeyboardInterrupt:
        message, status = "interrupted: run the same command to go on", INTERRUPTED
    except BrokenPipeError:
        return 1
    except Exception:
        # A fault of ours: the traceback is what a bug report needs.
        message, status = traceback.format_exc() + "error: a bug in rdplane; please report it with the lines above", 1
    else:
        return 0
    print(message, file=sys.stderr)
    if log is not None:
        with contextlib.suppress(OSError), log.open("a") as stream:
            stream.write(message + "\n")
    return status


def main(arguments: list[str] | None = None) -> int:
    """Entry point of ``python -m rdplane.step``."""
    parser = argparse.ArgumentParser(prog="python -m rdplane.step", description="One job of the workflow.")
    steps = parser.add_subparsers(dest="step", required=True)

    def add(action: Callable[[argparse.Namespace], None], *names: str) -> argparse.ArgumentParser:
        step = steps.add_parser(action.__name__)
        step.set_defaults(action=action)
        step.add_argument("--log", type=Path)
        for name in names:
            step.add_argument(f"--{name}", required=True)
        return step

    add(prepare_data, "config", "output")
    add(train, "cell", "images", "folder", "runtime").add_argument("--fresh", action="store_true")
    add(evaluate, "folder", "images", "output", "settings", "runtime")
    add(sample, "folder", "images", "output", "settings", "runtime")
    add(aggregate, "config", "results")
    add(summary, "config", "results").add_argument("--failed", action="store_true")
    add(tables, "folder")
    add(cell_figure, "folder", "cell", "settings")
    add(page, "folder", "settings")
    add(toy_cell, "cell", "output")
    add(toy_table, "config", "folder")
    add(toy_figure, "config", "folder", "name")
    add(figure, "name", "folder", "settings")
    options = parser.parse_args(arguments)
    return guarded(lambda: options.action(options), options.log)


if __name__ == "__main__":
    sys.exit(main())
