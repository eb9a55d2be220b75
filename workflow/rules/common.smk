# What all rules share. The configuration is checked here, before any job, and expanded into cells.

import os
import sys
from pathlib import Path
from shlex import quote

from rdplane import code
from rdplane.cell import evaluation_settings, runtime_settings, sampling_settings
from rdplane.config import read_yaml, resolve_config
from rdplane.crash import forget_the_dead, undo_future_dates
from rdplane.errors import UserError
from rdplane.files import canonical_json, digest
from rdplane.layout import SAMPLE_PLOTS, TABLES, TOY_PLOTS, Layout
from rdplane.plan import record
from rdplane.train.lease import devices

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
    CONFIG = resolve_config(config, ", ".join(map(str, FILES)))
    LAYOUT = Layout(CONFIG, os.environ.get("RDPLANE_RESULTS", "results"))
    CELLS = LAYOUT.cells
    GRIDS = LAYOUT.grids
    config.update(CONFIG)  # the report's texts read it, defaults included
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

if workflow.is_main_process:
    # Snakemake's locks outlive a Snakemake that was killed.
    forget_the_dead(Path(".snakemake/alive"), Path(".snakemake/locks"))
    for folder in (LAYOUT.folder, LAYOUT.images.parent):
        undo_future_dates(folder)


wildcard_constraints:
    cell=r"vae[-+v]{3}_[^/]+",


CELL = f"{LAYOUT.folder}/cells/{{cell}}"
METRICS = f"{CELL}/metrics.json"
LOG = f"{LAYOUT.folder}/logs"
ENVIRONMENT = f"{workflow.basedir}/envs/environment.yaml"
SETTINGS = canonical_json(CONFIG)
IMAGES = str(LAYOUT.images)
RESULTS = str(LAYOUT.results)
HAS_GPU = bool(devices())  # asked once: nvidia-smi takes up to a second
ON_CLUSTER = (
    workflow.remote_exec
    or workflow.global_resources["_nodes"].value is not None
    and workflow.global_resources["_cores"].value is None
)

# A job on a GPU takes a place on it: `--resources gpu=2` are two GPUs, each with training.cells_per_gpu places. On a
# cluster the place is that of one batch job, in which Snakemake runs a group's steps one after another.
if ON_CLUSTER:
    workflow.register_resource("gpu_place", 1)
elif "gpu" in workflow.global_resources:
    workflow.register_resource(
        "gpu_place",
        workflow.global_resources["gpu"].value * CONFIG["training"]["cells_per_gpu"],
    )


resource_scopes:
    gpu_place="local",


def runtime(cell, threads):
    """How a cell is computed. Called from params that take `threads`, so that it is no reason to run it again."""
    return canonical_json(
        runtime_settings(CONFIG, CELLS[cell]["architecture"]) | {"threads": threads}
    )


def threads_of(wildcards):
    return runtime_settings(CONFIG, CELLS[wildcards.cell]["architecture"])["threads"]


def gpu_place_of(wildcards):
    """A place for a job that computes on a GPU, none on a machine without: `--resources gpu=2` then binds nothing.

    On a cluster always one, on CPUs too: a group then reserves what one of its steps needs, not the sum.
    """
    device = runtime_settings(CONFIG, CELLS[wildcards.cell]["architecture"])["device"]
    return int(ON_CLUSTER or device == "cuda" or (device == "auto" and HAS_GPU))


def train_minutes(wildcards, attempt):
    """Wall time to ask of a batch scheduler: 20 minutes and 6 seconds an epoch, 15 with a PixelCNN++ decoder.

    Twice that at the second attempt. Measured on one CPU core with the quick grid's sizes: 6 seconds an epoch, 12 with
    a PixelCNN++ decoder. The paper's sizes on one H100 are expected to take 1 and 4; that is not measured yet.
    """
    cell = CELLS[wildcards.cell]
    epoch = 0.25 if "+" in cell["architecture"][1] else 0.1
    return attempt * round(20 + epoch * cell["training"]["epochs"])


def cell_minutes(wildcards, attempt):
    """Wall time of evaluation and sampling, each measured at 10 seconds or less."""
    return attempt * 10


def cell_megabytes(wildcards, attempt):
    """Memory to ask of a batch scheduler. Measured on CPU: 605 MB, and 140 MB for Snakemake's processes in the job.

    CUDA's libraries take some gigabytes more, and a cell that shares its GPU adds its own.
    """
    return attempt * 4000


def figure_inputs(wildcards):
    """The table, and what else a figure draws: samples of the cells it shows, or the histories."""
    if wildcards.figure in SAMPLE_PLOTS:
        return [LAYOUT.table, *expand(f"{CELL}/samples.npz", cell=CELLS)]
    if wildcards.figure in GRIDS:
        return [
            LAYOUT.table,
            *expand(f"{CELL}/samples.npz", cell=GRIDS[wildcards.figure]),
        ]
    if wildcards.figure == "training_curves":
        return [LAYOUT.table, *expand(f"{CELL}/history.csv", cell=CELLS)]
    return [LAYOUT.table]


def figure_category(wildcards):
    """Where a figure stands in the report."""
    return (
        "Samples" if wildcards.figure.startswith("samples_") else "Rate and distortion"
    )


def figure_settings(wildcards):
    """All that a figure depends on beside its inputs, the code that draws it included."""
    return canonical_json(
        LAYOUT.figure_settings(wildcards.figure) | {"code": code.fingerprint("figures")}
    )


# A reworded shell line retrains nothing (see profiles/default).
# `python` in a shell line is the one that runs Snakemake, activated or not, and finds this project's package; with
# --sdm conda, the environment's python comes first.
shell.prefix(
    f'set -euo pipefail; export PATH={quote(str(Path(sys.executable).parent))}:"$PATH"'
    f" PYTHONPATH={quote(str(workflow.basedir))}/src; "
)
