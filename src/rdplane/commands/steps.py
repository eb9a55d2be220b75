"""The steps of an experiment, as the workflow's jobs and the command `rdplane` call them: objects in, files out.

Torch is imported only by the steps that compute, once the choice of device and threads is settled.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rdplane.declare.objects import explained
from rdplane.declare.registry import declared, files
from rdplane.errors import UserError
from rdplane.experiment.cells import (
    compute_settings,
    data_spec,
    evaluation_of,
    measure_version,
    pixels_of,
    points_of,
    samples_version,
    sampling_settings,
    versions_of,
)
from rdplane.experiment.layout import PREFIX, Layout
from rdplane.experiment.prefix import prefix_settings
from rdplane.files import read_json, write_text

__all__ = ["STEPS", "arguments_of", "make_images", "measuring"]

Settings = Mapping[str, Any]


def prepare_data(config: Settings, output: Path) -> None:
    """Download or read the images, check, binarise, split and pack them."""
    from rdplane import data

    settings = config["data"]
    data.prepare(
        data_spec(dict(config)), output, mirror=settings["mirror"], cache=output.parent.parent / "downloads",
        timeout=settings["timeout"], retries=settings["retries"],
    )  # fmt: skip


def draw_images(config: Settings, folder: Path, output: Path) -> None:
    """Draw the images of the data set `teacher`.

    Args:
        config: of the experiment.
        folder: of its trained teacher.
        output: the file of the images.
    """
    from rdplane.experiment.cells import data_identity
    from rdplane.experiment.teacher import teacher_of

    teacher, identity = teacher_of(config), data_identity(dict(config))
    with computing("teacher", config["compute"]) as where:
        from rdplane.evaluate.teacher import draw_images as draw

        draw(folder, output, teacher.counts, teacher.seed, identity, **where)


def make_images(layout: Layout) -> None:
    """Make the images of an experiment unless they are there: prepare them, or train the teacher that draws them."""
    if layout.images.exists():
        return
    if layout.teacher is None:
        prepare_data(layout.config, layout.images)
        return
    make_images(layout.teacher)
    (name,) = layout.teacher.cells
    train(**arguments_of(layout.teacher, name, "train"))
    draw_images(layout.config, layout.teacher.cell(name), layout.images)


def train(
    cell: dict[str, Any],
    images: Path,
    folder: Path,
    compute: dict[str, Any],
    log: Path | None = None,
    fresh: bool = False,
    measuring: dict[str, Any] | None = None,
) -> None:
    """Train a cell, or go on with it (see `rdplane.train.job.train`).

    Args:
        measuring: `evaluation`, `sampling` and `points` of the steps that follow, to be done here as well: torch is
            loaded and the GPU held. Those steps find the results kept.
    """
    from rdplane.jobs.progress import Progress
    from rdplane.train.job import train

    _refuse_edited(cell["versions"], versions_of(cell["architecture"], cell["objective"]["name"], pixels_of(cell)))
    set_threads(compute["threads"])

    def measure() -> None:
        assert measuring is not None
        where = {"device": compute["device"], "threads": compute["threads"]}
        for doing, settings in ((_evaluate, measuring["evaluation"]), (_sample, measuring["sampling"])):
            try:
                doing(folder, images, None, settings, where, measuring["points"])
            except Exception as error:  # the training has succeeded, and the step for this tries again
                reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                Progress(folder.name, log).line(f"trained; measuring is left to its own step ({reason})")

    train(cell, images, folder, compute, log, fresh, measure if measuring else None)


def evaluate(
    folder: Path, images: Path, output: Path, evaluation: dict[str, Any], compute: dict[str, Any],
    points: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Measure a trained cell on the test images: what was measured before, with the same settings, is kept.

    Args:
        points: where a cell that trained a curve is measured (`rdplane.experiment.cells.points_of`).
    """
    with computing(folder.name, compute) as where:
        _evaluate(folder, images, output, evaluation, where, points)


def sample(
    folder: Path, images: Path, output: Path, sampling: dict[str, Any], compute: dict[str, Any],
    points: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Draw reconstructions and generations of a trained cell, unless they were drawn before.

    Args:
        points: as for `evaluate`.
    """
    with computing(folder.name, compute) as where:
        _sample(folder, images, output, sampling, where, points)


def prefix(folder: Path, images: Path, output: Path, settings: dict[str, Any], compute: dict[str, Any]) -> None:
    """Measure the prefix code of a trained PixelCNN++ alone, unless it was measured before."""
    with computing(folder.name, compute) as where:
        from rdplane.evaluate.prefix import prefix as measure
        from rdplane.experiment import versions

        _refuse_edited(settings["version"], versions.version("prefix code"))
        measure(folder, images, output, settings, **where)


def _evaluate(
    folder: Path, images: Path, output: Path | None, evaluation: Settings, where: dict[str, Any],
    points: dict[str, Any] | None,
) -> None:  # fmt: skip
    from rdplane.evaluate.run import evaluate

    architecture, measures = _architecture(folder), declared().measures
    wanted = {name: settings["version"] for name, settings in evaluation.items()}
    _refuse_edited(wanted, {name: measure_version(measures[name], architecture) for name in wanted if name in measures})
    evaluate(folder, images, output, evaluation, **where, points=points)


def _sample(
    folder: Path, images: Path, output: Path | None, sampling: dict[str, Any], where: dict[str, Any],
    points: dict[str, Any] | None,
) -> None:  # fmt: skip
    from rdplane.evaluate.samples import sample

    _refuse_edited(sampling["version"], samples_version(_architecture(folder)))
    sample(folder, images, output, sampling, **where, points=points)


def _architecture(folder: Path) -> str:
    """The architecture of a trained cell.

    Raises:
        UserError: it is not trained, or its record is damaged.
    """
    found = read_json(folder / "train.json")
    try:
        return str(found["cell"]["architecture"])
    except (KeyError, TypeError):
        raise UserError(
            f"{folder / 'train.json'} describes no model; delete the cell's folder and run the workflow again"
        ) from None


def _refuse_edited(asked: Any, now: Any) -> None:
    """A result of edited source under a version that was named before would bear the wrong name."""
    if asked != now:
        raise UserError(
            "the source was edited after this workflow had started, so the result would bear the wrong name; run the "
            "same command again"
        )


def aggregate(config: dict[str, Any], results: Path) -> None:
    """Gather the metrics of all cells into rd.csv."""
    from rdplane.commands.summary import tabulate

    tabulate(Layout(config, results))


def tables(folder: Path, names: list[str]) -> None:
    """Write the short tables of these names."""
    from rdplane.table.short import write_tables

    write_tables(folder, names)


def figure(name: str, folder: Path, settings: dict[str, Any]) -> None:
    """Draw a figure of an experiment."""
    from rdplane.figures.draw import draw

    draw(name, folder, settings)


def cell_figure(folder: Path, cell: str, settings: dict[str, Any]) -> None:
    """Draw the training curves of one cell."""
    from rdplane.figures.draw import draw_cell

    draw_cell(folder, cell, settings)


def page(folder: Path, settings: Settings) -> None:
    """Write the interactive page."""
    from rdplane.page import write_page

    write_page(folder, folder / "rd_plane.html", settings["note"])


def toy_cell(cell: dict[str, Any], output: Path) -> None:
    """Train, or build, one cell of the toy model."""
    from rdplane.toy.run import run_cell

    run_cell(cell, output)


def toy_table(config: Settings, folder: Path) -> None:
    """Write the toy's tables."""
    from rdplane.toy.report import tabulate

    tabulate(_toy_records(config, folder), folder / "toy.csv", folder / "summary.csv")


def toy_figure(config: Settings, folder: Path, name: str) -> None:
    """Draw a figure of the toy model."""
    from rdplane.toy.report import figure

    png, pdf = (folder / "figures" / f"{name}.{kind}" for kind in ("png", "pdf"))
    titles = config["figures"]["titles"]
    figure(name, _toy_records(config, folder), dict(config["toy"]), png, pdf, titles)


def _toy_records(config: Settings, folder: Path) -> list[Path]:
    from rdplane.experiment.toy_cells import expand

    return [folder / "cells" / f"{name}.npz" for name in expand(config["toy"])]


def summary(config: dict[str, Any], results: Path, failed: bool = False) -> None:
    """Say how a run ended; after failures draw what is finished."""
    from rdplane.commands.summary import draw_what_is_there, summarise

    layout = Layout(config, results)
    if failed:
        draw_what_is_there(layout)
    print(summarise(layout), file=sys.stderr)


def check(mark: Path) -> None:
    """Check the extensions in use, and leave a file that says so."""
    from rdplane.commands.check import check_extensions

    check_extensions()
    write_text(mark, "".join(f"{path}\n" for path in files().values()))


STEPS = (
    prepare_data, draw_images, train, evaluate, prefix, sample, aggregate, summary, tables, figure, cell_figure, page,
    toy_cell, toy_table, toy_figure, check,
)  # fmt: skip


@contextlib.contextmanager
def computing(cell: str, compute: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A GPU of one's own and the threads asked for, both settled before torch is imported."""
    from rdplane.jobs.lease import lease

    set_threads(compute["threads"])
    with lease(compute.get("cells_per_gpu", 1)) if compute["device"] in ("auto", "cuda") else contextlib.nullcontext():
        try:
            with explained(f"{cell} cannot be computed", passing=_memory_ran_out):
                yield {"device": compute["device"], "threads": compute["threads"]}
        except (RuntimeError, MemoryError) as error:
            if not _memory_ran_out(error):
                raise
            raise UserError(
                f"{cell}: out of memory; lower evaluation.batch_size, sampling.images or compute.cells_per_gpu"
            ) from None


def _memory_ran_out(error: Exception) -> bool:
    from rdplane.device import out_of_memory

    return out_of_memory(error)


def set_threads(threads: int) -> None:
    """Tell the numerical libraries how many threads to start; they read this when they are imported."""
    for key in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[key] = str(threads)


def arguments_of(layout: Layout, name: str, step: str) -> dict[str, Any]:
    """The arguments of one cell's step: 'train', 'evaluate', 'sample', or 'prefix' of a PixelCNN++ alone.

    Args:
        layout: the experiment.
        name: the cell's folder name.
    """
    folder, cell = layout.cell(name), layout.cells[name]
    architecture = cell["architecture"]
    shared = {"folder": folder, "images": layout.images, "compute": compute_settings(layout.config, architecture)}
    if step == "train":
        return {**shared, "cell": cell}
    if step == PREFIX:
        return {**shared, "settings": prefix_settings(layout.config), "output": folder / f"{PREFIX}.json"}
    output = folder / {"evaluate": "metrics.json", "sample": "samples.npz"}[step]
    key = {"evaluate": "evaluation", "sample": "sampling"}[step]
    found = measuring(layout, architecture, cell["objective"])
    return {**shared, key: found[key], "points": found["points"], "output": output}


def measuring(layout: Layout, architecture: str, objective: Settings) -> dict[str, Any]:
    """How the cells of an architecture and objective are measured and sampled once they are trained (see `train`)."""
    config = layout.config
    return {
        "evaluation": evaluation_of(config, architecture, objective["name"]),
        "sampling": sampling_settings(config, architecture),
        "points": points_of(config, objective),
    }
