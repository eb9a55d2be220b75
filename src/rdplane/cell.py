"""Cells: the fully resolved runs that a configuration expands to, and their names. Needs no torch.

A cell is one plain dict that holds all that decides its numbers and nothing else; its folder name is a readable slug
and a hash of the canonical JSON of that dict, so that two spellings of one run are one folder and any
change that matters is another.
"""

import fnmatch
import itertools
from typing import Any

from rdplane import code, data
from rdplane.architectures import ARCHITECTURES, parse
from rdplane.config import MODEL, RUNTIME
from rdplane.errors import UserError
from rdplane.files import canonical_json, digest

__all__ = [
    "cell_name",
    "data_identity",
    "data_spec",
    "evaluation_settings",
    "expand",
    "runtime_settings",
    "sampling_settings",
    "select",
]

FLOW = ("flow_steps", "made_layers", "made_units")


def expand(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All cells of a resolved configuration: folder name -> cell, sorted, so that the order of a list is no change.

    Raises:
        UserError: no cell is left, two cells coincide, or the settings of a cell contradict each other.
    """
    images = data_identity(config)
    grid = config["grid"]
    points = _points({**grid, "architecture": grid["architectures"]})
    points = [point for point in points if not any(_matches(point, line) for line in grid["exclude"])]
    for line in grid["extra"]:
        added = _points({"beta": [], "rate_target": [], "anneal": grid["anneal"][:1], "seed": grid["seed"][:1], **line})
        if not added:
            raise UserError(f"grid.extra: the line {line} adds no cell; expected a beta or a rate_target in it")
        points += added
    if not points:
        raise UserError(
            "grid: no cell is left; expected at least one beta or rate_target that grid.exclude does not remove"
        )
    settings = {a: _settings(config, a) for a in ARCHITECTURES if any(p["architecture"] == a for p in points)}
    cells: dict[str, dict[str, Any]] = {}
    for point in points:
        shared = settings[point["architecture"]]
        if point["anneal"] > shared["training"]["epochs"]:
            raise UserError(
                f"grid.anneal is {point['anneal']} epochs, expected at most training.epochs "
                f"({shared['training']['epochs']} for {point['architecture']}); otherwise beta is never reached"
            )
        cell = {
            "architecture": point["architecture"],
            "objective": _objective(point, shared["training"]),
            "anneal": point["anneal"],
            "seed": point["seed"],
            "data": images,
            **shared,
        }
        cell["training"] = {key: value for key, value in cell["training"].items() if not key.startswith("target_")}
        name = cell_name(cell)
        if name in cells:
            raise UserError(
                f"grid: the cell {point['architecture']!r} with {_aim(point)}, anneal {point['anneal']}, seed "
                f"{point['seed']} appears twice; expected each once (1, 1.0 and 1e0 are one beta): remove it from "
                "the lists or from grid.extra"
            )
        cells[name] = cell
    return dict(sorted(cells.items(), key=lambda item: _order(item[1])))


def _points(axes: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """The product of the axes: every beta with every annealing; a target rate has nothing to anneal."""
    aims = [{"beta": beta, "anneal": anneal} for beta in axes["beta"] for anneal in axes["anneal"]]
    aims += [{"rate_target": rate, "anneal": 0} for rate in axes["rate_target"]]
    return [
        {"architecture": architecture, "seed": seed, **aim}
        for architecture, aim, seed in itertools.product(axes["architecture"], aims, axes["seed"])
    ]


def _objective(point: dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """What a cell minimises, with the settings that this objective has and no others."""
    if "beta" in point:
        return {"name": "beta", "beta": point["beta"]}
    objective = {"name": "target_rate", "rate": point["rate_target"], "method": training["target_method"]}
    if objective["method"] == "lagrangian":
        objective |= {"curvature": training["target_curvature"], "step": training["target_step"]}
    return objective


def _aim(point: dict[str, Any]) -> str:
    return f"beta {point['beta']:g}" if "beta" in point else f"rate_target {point['rate_target']:g}"


def _order(cell: dict[str, Any]) -> tuple[Any, ...]:
    objective = cell["objective"]
    aim = (0, objective["beta"]) if objective["name"] == "beta" else (1, objective["rate"])
    return ARCHITECTURES.index(cell["architecture"]), aim, cell["anneal"], cell["seed"]


def select(cells: dict[str, dict[str, Any]], selection: dict[str, list[Any]]) -> list[str]:
    """Names of the cells that match a selection, as in `figures.sample_grids`: each key lists the values allowed."""
    points = {}
    for name, cell in cells.items():
        aim = {"beta": cell["objective"].get("beta"), "rate_target": cell["objective"].get("rate")}
        points[name] = {**cell, **aim}
    return [name for name, point in points.items() if _matches(point, selection)]


def _matches(point: dict[str, Any], selection: dict[str, list[Any]]) -> bool:
    """Whether a point of the grid has one of the values that each key of a selection allows."""
    parts = vars(parse(point["architecture"]))
    return all((parts | point).get(key) in allowed for key, allowed in selection.items())


def _settings(config: dict[str, Any], architecture: str) -> dict[str, Any]:
    """What all cells of one architecture share: model, training and code."""
    model, training = _overridden(config, architecture, "model"), _overridden(config, architecture, "training")
    if training["constant_epochs"] is None:
        training["constant_epochs"] = training["epochs"] // 2
    if training["constant_epochs"] > training["epochs"]:
        raise UserError(
            f"training.constant_epochs is {training['constant_epochs']} for {architecture}, expected at most "
            f"training.epochs ({training['epochs']})"
        )
    used = _sizes_used(architecture)
    return {
        "model": {key: model[key] for key in MODEL if key in used},
        "training": {key: value for key, value in training.items() if key not in RUNTIME},
        "code": code.cell_versions(architecture),
    }


def _overridden(config: dict[str, Any], architecture: str, section: str) -> dict[str, Any]:
    """A section of the configuration for one architecture: overrides that match it apply in the order of the file."""
    settings = dict(config[section])
    for pattern, override in config["overrides"].items():
        if fnmatch.fnmatchcase(architecture, pattern):
            settings.update(override[section])
    return settings


def _sizes_used(architecture: str) -> set[str]:
    """The size keys that this architecture has: others must not change its identity."""
    model = parse(architecture)
    used = {"latent", "width"}
    if model.encoder == "+" or model.marginal == "+":
        used.update(FLOW)
    if model.decoder == "+":
        used.update(("pixelcnn_depth", "pixelcnn_resnets"))
    if model.marginal == "v":
        used.add("pseudo_inputs")
    return used


def cell_name(cell: dict[str, Any]) -> str:
    """Folder name of a cell, such as ``vae-+v_beta0.1_anneal100_seed0_1f2e3d4c`` or ``vae-+v_rate20_seed0_...``."""
    objective = cell["objective"]
    aim = f"beta{objective['beta']:.10g}" if objective["name"] == "beta" else f"rate{objective['rate']:.10g}"
    parts = [f"vae{cell['architecture']}", aim]
    if cell["anneal"]:
        parts.append(f"anneal{cell['anneal']}")
    return "_".join([*parts, f"seed{cell['seed']}", digest(cell)])


def data_spec(config: dict[str, Any]) -> dict[str, Any]:
    """The keys of the configuration that say which images are prepared and how (see `rdplane.data`)."""
    keys = ("seed", "file", "binarise", "threshold", "split")
    return {"dataset": config["dataset"], **{key: config["data"][key] for key in keys}}


def data_identity(config: dict[str, Any]) -> dict[str, Any]:
    """All that decides the prepared images, the version of the code included."""
    return {**data.resolve(data_spec(config)), "code": code.version("data")}


def runtime_settings(config: dict[str, Any], architecture: str) -> dict[str, Any]:
    """How the cells of an architecture are computed (device, threads, checkpoints): not part of their identity."""
    training = _overridden(config, architecture, "training")
    return {key: training[key] for key in RUNTIME}


def evaluation_settings(config: dict[str, Any]) -> str:
    """Canonical JSON of what the evaluation of every cell depends on."""
    return canonical_json({**config["evaluation"], "code": code.version("evaluate")})


def sampling_settings(config: dict[str, Any]) -> str:
    """Canonical JSON of what the samples of every cell depend on."""
    return canonical_json({**config["sampling"], "code": code.version("sample")})
