# What all rules share. The configuration is checked here, before any job, and expanded into cells.

import json
import os
import subprocess
import sys
from pathlib import Path
from shlex import quote

from snakemake import __version__ as snakemake_version
from snakemake.logging import logger

from rdplane.commands.recover import forget_the_dead, undo_future_dates
from rdplane.commands import steps
from rdplane.commands.step import EXTENSIONS
from rdplane.declare import declared
from rdplane.errors import UserError
from rdplane.experiment import versions
from rdplane.experiment.cells import compute_settings, points_of
from rdplane.experiment.config import read_yaml, resolve_config
from rdplane.experiment.layout import CURVE_GAP, PREFIX, Layout
from rdplane.experiment.prefix import prefix_cells, prefix_settings
from rdplane.experiment.methods import epochs, methods
from rdplane.experiment.note import warning_of
from rdplane.files import canonical_json, digest
from rdplane.jobs.lease import devices
from rdplane.status.course import agenda
from rdplane.status.plan import plan_of, record, refuse_others


include: "internals.smk"


# With --configfile a preset stands alone; without it, config.yaml of the working folder, else of the project.
FILES = workflow.config_settings.configfiles or [
    "config.yaml" if Path("config.yaml").exists() else f"{workflow.basedir}/config.yaml"
]
try:
    # Snakemake's own reader takes the last of two equal keys in silence, and runs code in a file that asks for YTE.
    for file in FILES:
        read_yaml(file)
except UserError as error:
    sys.exit(f"error: {error}")  # one line, no traceback

if not workflow.config_settings.configfiles:

    configfile: FILES[0]


try:
    CONFIG = resolve_config(config, ", ".join(map(str, FILES)), Path(FILES[-1]).parent)
    LAYOUT = Layout(CONFIG, os.environ.get("RDPLANE_RESULTS", "results"))
    CELLS = LAYOUT.cells
    PLOTS = LAYOUT.plots
    config.update(CONFIG)  # the report's texts read it, defaults included
    config["words"] = {
        "methods": methods(CONFIG, CELLS),
        "epochs": epochs(CELLS),
        "note": LAYOUT.note,
    }
except UserError as error:
    sys.exit(f"error: {error}")  # one line, no traceback


# Snakemake itself would end in a traceback.
parent = next(
    folder for folder in [LAYOUT.folder, *LAYOUT.folder.parents] if folder.exists()
)
if not parent.is_dir() or not os.access(parent, os.W_OK):
    sys.exit(
        f"error: cannot write results to {LAYOUT.folder}: {parent} is no folder that you may write to"
    )

if _is_main():
    # Snakemake's locks outlive a Snakemake that was killed.
    forget_the_dead(Path(".snakemake/alive"), Path(".snakemake/locks"))
    for folder in (LAYOUT.folder, LAYOUT.images.parent):
        undo_future_dates(folder)
    try:
        refuse_others(LAYOUT)
    except UserError as error:
        sys.exit(f"error: {error}")  # one line, no traceback
    if CONFIG["extensions"]:
        from rdplane.commands.check import once

        try:
            once(LAYOUT)
        except UserError as error:
            sys.exit(f"error: {error}")  # one line, no traceback


wildcard_constraints:
    cell=r"vae[A-Za-z0-9+-]{3}_[^/]+",


CELL = f"{LAYOUT.folder}/cells/{{cell}}"
METRICS = f"{CELL}/metrics.json"
PREFIX_FILE = f"{CELL}/{PREFIX}.json"
PREFIX_CELLS = prefix_cells(CELLS)
LOG = f"{LAYOUT.folder}/logs"
ENVIRONMENT = f"{workflow.basedir}/envs/environment.yaml"
SETTINGS = canonical_json(CONFIG)
IMAGES = str(LAYOUT.images)
RESULTS = str(LAYOUT.results)
HAS_GPU = bool(devices())  # asked once: nvidia-smi takes up to a second
ON_CLUSTER = _on_cluster()
_offer_gpu_places(CONFIG["compute"]["cells_per_gpu"])


def kind_of(cell):
    """What cells share that are measured alike: architecture, objective, and the points of a curve."""
    architecture, objective = CELLS[cell]["architecture"], CELLS[cell]["objective"]
    points = points_of(CONFIG, objective)
    return architecture, objective["name"], canonical_json(points)


# What an evaluation and the samples of a kind of cells depend on, and how they are computed.
KINDS = {name: kind_of(name) for name in CELLS}
MEASURING = {}
for name, kind in KINDS.items():
    if kind not in MEASURING:
        MEASURING[kind] = steps.measuring(LAYOUT, kind[0], CELLS[name]["objective"])
EVALUATION, SAMPLING = (
    {kind: canonical_json(found[key]) for kind, found in MEASURING.items()}
    for key in ("evaluation", "sampling")
)
COMPUTE = {kind: compute_settings(CONFIG, kind[0]) for kind in MEASURING}


resource_scopes:
    gpu_place="local",


def of_cell(table):
    """A function of the wildcards that looks up what belongs to the kind of the cell."""
    return lambda wildcards: table[KINDS[wildcards.cell]]


def compute(cell, threads):
    """How a cell is computed. Called from params that take `threads`, so that it is no reason to run it again."""
    return canonical_json(COMPUTE[KINDS[cell]] | {"threads": threads})


def measuring(cell):
    """How a cell is measured and sampled once it is trained. Called as `compute` is, for the same reason."""
    return canonical_json(MEASURING[KINDS[cell]])


def points(wildcards):
    """Where the curve of a cell is measured, as JSON; null for a cell that has none."""
    return KINDS[wildcards.cell][-1]


def points_count(cell):
    """How many models of a cell are measured: one, or the points of its curve."""
    found = json.loads(KINDS[cell][-1])
    return len(found["betas"]) + len(found["rates"]) if found else 1


def threads_of(wildcards):
    return of_cell(COMPUTE)(wildcards)["threads"]


def gpu_place_of(wildcards):
    return gpu_place(of_cell(COMPUTE)(wildcards)["device"])


def gpu_place(device):
    """A place for a job that computes on a GPU, none on a machine without: `--resources gpu=2` then binds nothing.

    On a cluster always one, on CPUs too: a group then reserves what one of its steps needs, not the sum.
    """
    return int(ON_CLUSTER or device == "cuda" or (device == "auto" and HAS_GPU))


def train_minutes(wildcards, attempt):
    """Wall time to ask of a batch scheduler: 20 minutes, or more for a curve, which is measured at many points, and
    those of its epochs; twice that at the second attempt."""
    measuring = cell_minutes(wildcards, 1)
    return attempt * round(10 + measuring + epochs_minutes(CELLS[wildcards.cell]))


def epochs_minutes(cell):
    """What the parts of a cell's architecture declare per epoch, times its epochs.

    Measured on one CPU core with the quick grid's sizes: 6 seconds an epoch, 12 with a PixelCNN++ decoder; with the
    paper's sizes and 50,000 images on one H200: 1.3 and 6.
    """
    parts = zip(declared().parts.values(), cell["architecture"])
    epoch = sum(known[symbol].minutes for known, symbol in parts)
    return epoch * cell["training"]["epochs"]


def cell_minutes(wildcards, attempt):
    """Wall time of evaluation and sampling, each measured at 10 seconds or less a model."""
    return attempt * (8 + 2 * points_count(wildcards.cell))


def cell_megabytes(wildcards, attempt):
    """Memory to ask of a batch scheduler. Measured on CPU: 605 MB, and 140 MB for Snakemake's processes in the job.

    CUDA's libraries take some gigabytes more, and a cell that shares its GPU adds its own.
    """
    return attempt * 4000


def figure_inputs(wildcards):
    """The table, and what else a figure declares that it needs: samples or histories of the cells it may show, gaps, or the
    prefix code where there is one."""
    cells = LAYOUT.grids.get(wildcards.figure, CELLS)
    files = {
        "samples": expand(f"{CELL}/samples.npz", cell=cells),
        "histories": expand(f"{CELL}/history.csv", cell=cells),
        "gaps": [f"{LAYOUT.folder}/tables/{CURVE_GAP}.csv"],
        "prefix": [f"{LAYOUT.folder}/tables/{PREFIX}.csv"] if PREFIX_CELLS else [],
    }
    needs = PLOTS[wildcards.figure].needs
    return [LAYOUT.table, *(path for need in needs for path in files[need])]


def figure_category(wildcards):
    """Where a figure stands in the report."""
    return (
        "Samples"
        if "samples" in PLOTS[wildcards.figure].needs
        else "Rate and distortion"
    )


def drawn(root):
    """What every drawing depends on: the note, and the source that draws."""
    return canonical_json(
        {
            "note": CONFIG["figures"]["note"],
            "version": versions.fingerprint(root),
            "looks": LAYOUT.looks,
        }
    )


# A reworded shell line retrains nothing (see profiles/default).
# `python` in a shell line is the one that runs Snakemake, activated or not, and finds this project's package; with
# --sdm conda, the environment's python comes first. Extensions are known to every job by a variable.
shell.prefix(
    f'set -euo pipefail; export PATH={quote(str(Path(sys.executable).parent))}:"$PATH"'
    f" PYTHONPATH={quote(str(workflow.basedir))}/src"
    f" {EXTENSIONS}={quote(json.dumps(CONFIG['extensions']))}; "
)
