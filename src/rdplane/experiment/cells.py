"""Cells: the fully resolved runs that a configuration expands to, and their names. Needs no torch.

A cell is one plain dict that holds all that decides its numbers and nothing else; its folder name is a readable slug
and a hash of the canonical JSON of that dict, so that two spellings of one run are one folder and any
change that matters is another.
"""

import fnmatch
import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

from rdplane.declare.checks import shown
from rdplane.declare.kinds import Measure, Objective
from rdplane.declare.registry import declared, names_of_keys
from rdplane.errors import UserError
from rdplane.experiment import versions
from rdplane.experiment.architectures import parse, place
from rdplane.experiment.keys import WARMUP_STEPS, contradictions, override_of, sizes_of
from rdplane.experiment.teacher import TEACHER, teacher_of
from rdplane.files import digest

__all__ = [
    "cell_name", "compute_settings", "data_identity", "data_spec", "evaluation_of", "expand", "is_measured",
    "measure_version", "pixels_of", "points_of", "samples_version", "sampling_settings", "select", "spelled",
    "versions_of",
]  # fmt: skip


def expand(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """All cells of a resolved configuration: folder name -> cell, sorted, so that the order of a list is no change.

    Raises:
        UserError: no cell is left, two cells coincide, or the settings of a cell contradict each other.
    """
    images = data_identity(config)
    grid, axes = config["grid"], declared().objectives
    points = _points({**grid, "architecture": grid["architectures"]})
    points = [point for point in points if not any(_matches(point, line) for line in grid["exclude"])]
    for line in grid["extra"]:
        once = {"anneal": grid["anneal"][:1], "seed": grid["seed"][:1]}
        added = _points({**{axis: [] for axis in axes}, **once, **line})
        if not added:
            raise UserError(f"grid.extra: the line {line} adds no cell; expected one of {', '.join(axes)} in it")
        points += added
    if not points:
        raise UserError(
            f"grid: no cell is left; expected at least one value of {', '.join(axes)} that grid.exclude does not remove"
        )
    ordered = place(point["architecture"] for point in points)
    pixels = images.get("pixels", "binary")
    settings = {
        (name, objective): _settings(config, name, objective, pixels)
        for name in ordered
        for objective in {point["objective"]: None for point in points if point["architecture"] == name}
    }
    objective_keys = set(declared().keys_of(Objective))
    source: dict[tuple[str, str], dict[str, str]] = {}
    cells: dict[str, dict[str, Any]] = {}
    for point in points:
        made_by = point["architecture"], point["objective"]
        shared = settings[made_by]
        if made_by not in source:
            source[made_by] = versions_of(*made_by, pixels)
        encoder = declared().parts["encoder"][parse(point["architecture"]).encoder]
        if point["objective"] != "beta" and not encoder.codes:
            raise UserError(
                f"grid.{point['objective']} is {spelled(point['value'])} for {point['architecture']}, which has no "
                "code: its rate is 0 whatever the objective; expected a beta alone, in a line of grid.extra"
            )
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
            "training": {key: value for key, value in shared["training"].items() if key not in objective_keys},
            "versions": source[made_by],
        }
        name = cell_name(cell)
        if name in cells:
            raise UserError(
                f"grid: the cell {point['architecture']!r} with {point['objective']} {spelled(point['value'])}, anneal "
                f"{point['anneal']}, seed {point['seed']} appears twice; expected each once (1, 1.0 and 1e0 are one "
                "value): remove it from the lists or from grid.extra"
            )
        cells[name] = cell
    order = {name: number for number, name in enumerate(ordered)}
    return dict(sorted(cells.items(), key=lambda item: _order(item[1], order)))


def _points(axes: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """The product of the axes: every value of every objective, with every annealing where the objective knows it."""
    aims = [
        {"objective": name, "value": value, "anneal": anneal}
        for name, objective in declared().objectives.items()
        for value in axes[name]
        for anneal in (axes["anneal"] if objective.anneals else [0])
    ]
    return [
        {"architecture": architecture, "seed": seed, **aim}
        for architecture, aim, seed in itertools.product(axes["architecture"], aims, axes["seed"])
    ]


def _objective(point: dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """What a cell minimises, with the settings that this objective has and no others."""
    objective = declared().objectives[point["objective"]]
    own = {key: training[key] for key in names_of_keys(objective)}
    return {"name": objective.name, "value": point["value"], **own}


def _order(cell: dict[str, Any], architectures: dict[str, int]) -> tuple[Any, ...]:
    objective = cell["objective"]
    aim = list(declared().objectives).index(objective["name"]), objective["value"]
    return architectures[cell["architecture"]], aim, cell["anneal"], cell["seed"]


def select(cells: dict[str, dict[str, Any]], selection: dict[str, list[Any]]) -> list[str]:
    """Names of the cells that match a selection, as in `figures.sample_grids`: each key lists the values allowed."""
    points = {}
    for name, cell in cells.items():
        aim = {"objective": cell["objective"]["name"], "value": cell["objective"]["value"]}
        points[name] = {**cell, **aim}
    return [name for name, point in points.items() if _matches(point, selection)]


def _matches(point: dict[str, Any], selection: dict[str, list[Any]]) -> bool:
    """Whether a point of the grid has one of the values that each key of a selection allows."""
    known = parse(point["architecture"]).symbols | point | {point["objective"]: point["value"]}
    return all(known.get(key) in allowed for key, allowed in selection.items())


def _settings(config: dict[str, Any], architecture: str, objective: str, pixels: str) -> dict[str, Any]:
    """What all cells of one architecture and objective share: model and training."""
    model = _overridden(config, architecture, "model", objective)
    training = _overridden(config, architecture, "training", objective)
    for key, expected in contradictions(training).items():
        raise UserError(f"training.{key} is {shown(training[key])} for {architecture}, expected {expected}")
    if training["schedule"] == "cosine" and training["warmup_steps"] is None:
        training["warmup_steps"] = WARMUP_STEPS
    if training["schedule"] == "paper" and training["constant_epochs"] is None:
        training["constant_epochs"] = training["epochs"] // 2
    return {"model": {key: model[key] for key in sizes_of(architecture, pixels)}, "training": training}


def _overridden(config: dict[str, Any], architecture: str, section: str, objective: str = "") -> dict[str, Any]:
    """A section of the configuration for one architecture: overrides that match it apply in the order of the file.

    Those that name an objective apply to its cells alone, `curve ?-?` to those of some architectures.
    """
    settings = dict(config[section])
    for key, override in config["overrides"].items():
        aim, pattern = override_of(key)
        if aim in ("", objective) and fnmatch.fnmatchcase(architecture, pattern):
            settings.update(override[section])
    return settings


def versions_of(architecture: str, objective: str, pixels: str) -> dict[str, str]:
    """Versions of all source that decides the weights of a cell: what it is called -> version.

    The likelihood of binary images is none of them: decoders import it, so that it counts to their source.
    """
    registry = declared()
    parts = [registry.parts[kind][symbol] for kind, symbol in parse(architecture).symbols.items()]
    names = ["training", versions.of(registry.objectives[objective]), *map(versions.of, parts)]
    if pixels != "binary":
        names.append(versions.of(registry.likelihood(pixels)))
    return {name: versions.version(name) for name in names}


def cell_name(cell: dict[str, Any]) -> str:
    """Folder name of a cell, such as ``vae-+v_beta0.1_anneal100_seed0_1f2e3d4c`` or ``vae-+v_rate20_seed0_...``."""
    objective = cell["objective"]
    slug = declared().objectives[objective["name"]].slug
    parts = [f"vae{cell['architecture']}", f"{slug}{spelled(objective['value'])}"]
    if cell["anneal"]:
        parts.append(f"anneal{cell['anneal']}")
    return "_".join([*parts, f"seed{cell['seed']}", digest(cell)])


def spelled(value: float | list[float]) -> str:
    """An objective's number, or the two ends of its range."""
    return "-".join(f"{end:.10g}" for end in (value if isinstance(value, list) else [value]))


def data_spec(config: dict[str, Any]) -> dict[str, Any]:
    """The keys of the configuration that say which images are prepared and how (see `rdplane.data`)."""
    keys = ("seed", "file", "binarise", "threshold", "split")
    return {"dataset": config["dataset"], **{key: config["data"][key] for key in keys}}


def data_identity(config: dict[str, Any]) -> dict[str, Any]:
    """All that decides the prepared images, the version of their source included; and `pixels`, unless binary."""
    from rdplane import data

    if config["dataset"] == TEACHER:
        teacher = teacher_of(config)
        try:
            (name,) = expand(teacher.config)
        except UserError as error:
            learned = teacher.config["dataset"]
            raise UserError(f"teacher.dataset is {learned!r}, from whose images the teacher learns: {error}") from None
        return {"dataset": TEACHER, "teacher": name, **teacher.counts, "seed": teacher.seed,
                "version": versions.version(TEACHER)}  # fmt: skip
    spec = data_spec(config)
    identity, pixels = data.resolve(spec), _pixels(config)
    identity |= {} if pixels == "binary" else {"pixels": pixels}
    built_in = declared().datasets.get(config["dataset"])
    name = "own images" if built_in is None or config["data"]["file"] else versions.of(built_in)
    return {**identity, "version": versions.version(name)}


def pixels_of(cell: Mapping[str, Any]) -> str:
    """What the pixels of a cell's images are: 'binary', 'grey' or 'colour'."""
    return cell.get("data", {}).get("pixels", "binary")


def compute_settings(config: dict[str, Any], architecture: str) -> dict[str, Any]:
    """How the cells of an architecture are computed (device, threads, checkpoints): not part of their identity."""
    return _overridden(config, architecture, "compute")


def evaluation_of(config: dict[str, Any], architecture: str, objective: str) -> dict[str, dict[str, Any]]:
    """What the evaluation of a cell of an architecture and objective depends on: measure -> its settings and versions.

    Measures that are switched off, or need labels or averaged weights that the cells cannot have, are left out.
    """
    settings, chosen = config["evaluation"], {}
    for name, measure in declared().measures.items():
        if is_measured(config, measure, [(architecture, objective)]):
            own = {key: settings[key] for key in names_of_keys(measure)}
            chosen[name] = own | {"version": measure_version(measure, architecture)}
    return chosen


def points_of(config: dict[str, Any], objective: Mapping[str, Any]) -> dict[str, list[float]] | None:
    """Where a cell that trains a whole curve is measured: `betas`, and `rates`, nats; None for any other cell.

    The betas of separate cells are among them, so that the two can be compared.

    Args:
        objective: the cell's.
    """
    if not declared().objectives[objective["name"]].conditions:
        return None
    settings, grid, (low, high) = config["evaluation"], config["grid"], objective["value"]
    asked = [beta for beta in settings["curve_points"] or [] if low <= beta <= high]
    separate = [*grid["beta"], *(beta for line in grid["extra"] for beta in line.get("beta", []))]
    betas = [*(asked or _round_numbers(low, high)), *(beta for beta in separate if low <= beta <= high)]
    distinct = {spelled(beta): beta for beta in sorted(betas, reverse=True)}
    return {"betas": sorted(distinct.values()), "rates": sorted(set(settings["curve_rates"]))}


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 1.5, 2, 3, 4, 5 and 7 times powers of ten between two numbers; where there are none, the two numbers."""
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    numbers = [float(f"{digit}e{power}") for power in powers for digit in ("1", "1.5", "2", "3", "4", "5", "7")]
    return [number for number in numbers if low <= number <= high] or [low, high]


def is_measured(config: dict[str, Any], measure: Measure, kinds: Iterable[tuple[str, str]]) -> bool:
    """Whether a measure is switched on, and cells of one of these architectures and objectives can have its needs."""
    if measure.off and not config["evaluation"][measure.off]:
        return False
    if measure.labels and not _labelled(config):
        return False
    if measure.density and config["dataset"] != TEACHER:
        return False
    if measure.pixels and _pixels(config) not in measure.pixels:
        return False
    return not measure.average or any(_overridden(config, name, "training", aim)["average"] for name, aim in kinds)


def _pixels(config: dict[str, Any]) -> str:
    """What the pixels of the images are, without what else identifies them, which takes longer to find."""
    from rdplane import data

    return "binary" if config["dataset"] == TEACHER else data.pixels_of(data_spec(config))


def _labelled(config: dict[str, Any]) -> bool:
    """Whether images can have labels; only a user's own are looked at."""
    from rdplane import data

    return not config["data"]["file"] or data.labelled(data_spec(config))


def measure_version(measure: Measure, architecture: str) -> str:
    """The version of a measure's source, of the measures that it uses, and of what drawing from the decoder needs."""
    registry = declared()
    found = [versions.version(versions.of(measure))]
    found += [measure_version(registry.measures[name], architecture) for name in measure.needs]
    return " ".join(found + (_drawing(architecture) if measure.draws else []))


def _drawing(architecture: str) -> list[str]:
    registry = declared()
    parts = [registry.parts[kind][symbol] for kind, symbol in parse(architecture).symbols.items()]
    return [versions.version(versions.sampler(part)) for part in parts if part.sampler]


def sampling_settings(config: dict[str, Any], architecture: str) -> dict[str, Any]:
    """What the samples of a cell of an architecture depend on: the section `sampling`, and versions."""
    return {**config["sampling"], "version": samples_version(architecture)}


def samples_version(architecture: str) -> str:
    """The version of what draws samples, and of what drawing from the decoder needs."""
    return " ".join([versions.version("samples"), *_drawing(architecture)])
