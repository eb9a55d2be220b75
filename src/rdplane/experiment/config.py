"""The configuration: every key, its type, default, unit and meaning in one place, and a closed check.

The paper's values (Section 4, Appendix F) are the defaults, so that a preset states only what differs;
`config.yaml` states the values of the quick default run. Sizes, axes, and the settings of objectives and measures come
from their declarations. Needs no torch.
"""

import difflib
import fnmatch
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rdplane.declare.checks import (
    Check,
    Choice,
    FolderName,
    Invalid,
    Listing,
    MicroBatch,
    Name,
    Nullable,
    Real,
    Several,
    Shares,
    Switch,
    Text,
    Whole,
    shown,
)
from rdplane.declare.kinds import KINDS, Key, Measure, Objective, Part
from rdplane.declare.registry import Registry, declared, use
from rdplane.errors import UserError
from rdplane.experiment.architectures import ARCHITECTURES, known, parse

__all__ = [
    "COMPUTE",
    "Section",
    "axes",
    "load_config",
    "read_yaml",
    "resolve_config",
    "sections",
    "selection",
    "sizes_of",
]


@dataclass(frozen=True)
class Section:
    """A mapping of keys; the one of an empty name holds those at the top level."""

    name: str
    text: str
    keys: dict[str, Key]


@dataclass
class Problems:
    """All that is wrong with a configuration, gathered so that one run shows everything."""

    lines: list[str] = field(default_factory=list)

    def add(self, key: str, value: Any, expected: str) -> None:
        self.lines.append(f"{key} is {shown(value)}, expected {expected}")

    def unknown(self, key: str, among: list[str], elsewhere: Mapping[str, str]) -> None:
        last = key.rsplit(".", 1)[-1]
        near = difflib.get_close_matches(last, among, 1)
        if last in elsewhere:
            hint = f"it stands under {elsewhere[last]}"
        else:
            hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(sorted(among))}"
        self.lines.append(f"unknown key {key}; {hint}")

    def raise_if_any(self, source: str) -> None:
        if len(self.lines) == 1:
            raise UserError(f"{source}: {self.lines[0]}")
        if self.lines:
            numbered = " ".join(f"({i}) {line};" for i, line in enumerate(self.lines, 1))
            raise UserError(f"{source}: {len(self.lines)} problems: {numbered[:-1]}")


class ArchitectureList(Check):
    """Names of architectures, patterns of names, or 'all' for the paper's twelve."""

    def __call__(self, value: Any) -> list[str]:
        if value == "all":
            return list(ARCHITECTURES)
        chosen: dict[str, None] = {}
        for item in Several(Text(), least=1)(value):
            matching = [item] if item in known() else fnmatch.filter(known(), item)
            if not matching:
                raise Invalid(f"an architecture (encoder, decoder, marginal) in quotes: {_symbols()}, or all")
            chosen |= dict.fromkeys(matching)
        return list(chosen)

    def schema(self) -> dict[str, Any]:
        names = {"anyOf": [{"enum": ["all", *known()]}, {"type": "string", "minLength": 3, "maxLength": 3}]}
        return {"anyOf": [names, {"type": "array", "items": names, "minItems": 1}]}


class Selections(Check):
    """Figure names with the selection of cells that each shows."""

    def __call__(self, value: Any) -> dict[str, dict[str, Any]]:
        if not isinstance(value, dict):
            raise Invalid("a mapping of figure names to selections")
        return {Name()(figure): Listing(selection())([chosen])[0] for figure, chosen in value.items()}

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": Listing(selection()).item_schema()}


def _symbols() -> str:
    parts = declared().parts
    return "one symbol each of " + ", ".join(f"{kind} {' '.join(parts[kind])}" for kind in KINDS) + ", such as '-+v'"


def axes() -> dict[str, Check]:
    """The keys of a line of `grid.extra`."""
    numbers = {name: Several(objective.values, least=1) for name, objective in declared().objectives.items()}
    count = Several(Whole(0), least=1)
    return {"architecture": ArchitectureList(), **numbers, "anneal": count, "seed": count}


def selection() -> dict[str, Check]:
    """The keys of a line of `grid.exclude`, or of a sample grid."""
    return axes() | {kind: Several(Choice(*declared().parts[kind]), least=1) for kind in KINDS}


TOP = (
    Key("experiment", FolderName(), "quick", "name; everything goes to results/<experiment>/"),
    Key("dataset", Name(), "mnist5k", "{datasets}, or a name for your own images"),
    Key(
        "extensions",
        Several(Text()),
        [],
        "files with parts, objectives, ... of your own (paths from this file's folder), or names of modules",
    ),
)
DATA = (
    Key("mirror", Nullable(Text()), None, "folder or address tried before upstream, or set RDPLANE_MIRROR"),
    Key("seed", Whole(0), 0, "of the binarisation and of the split"),
    Key("file", Nullable(Text()), None, "own images: .npy or .npz (path from the working folder), (N, H, W) or "
        "(N, H*W), H and W divisible by 4"),
    Key("binarise", Choice("none", "bernoulli", "threshold"), "none", "own images: none (they are 0 and 1), bernoulli "
        "(grey is a probability), threshold"),
    Key("threshold", Real(0, 1), 0.5, "own images: grey level from which a pixel is 1", "share of white"),
    Key("split", Shares(), [0.8, 0.1, 0.1], "own images: shares of train, valid, test"),
    Key("timeout", Real(above=0.0), 30.0, "without an answer before a download is tried again", "seconds"),
    Key("retries", Whole(0), 3, "tries of a download after the first"),
)  # fmt: skip
TRAINING = (
    Key("epochs", Whole(1), 200, "passes over the training images"),
    Key("batch_size", Whole(1), 100, "images in each step"),
    Key("learning_rate", Real(above=0.0), 3e-4, "of Adam"),
    Key("constant_epochs", Nullable(Whole(0)), None, "epochs at that rate before it falls linearly to 0; null: half of "
        "epochs, rounded down"),
    Key("normalise_gradients", Switch(), True, "divide each tensor's gradient by its L2 norm before Adam"),
    Key("keep", Choice("last", "best"), "last", "weights kept: of the last epoch (paper) or of the best validation "
        "-ELBO"),
    Key("precision", Choice("auto", "float32", "bfloat16"), "auto", "of the networks; auto: bfloat16 on CUDA and on "
        "CPUs with AMX, else float32"),
)  # fmt: skip
COMPUTE = (
    Key("device", Choice("auto", "cpu", "cuda", "mps"), "auto", "auto, cpu, cuda, mps"),
    Key("threads", Whole(1), 1, "CPU threads of each cell"),
    Key("checkpoint_seconds", Real(0), 60.0, "between checkpoints: the most that a killed run repeats", "seconds"),
    Key("stall_seconds", Real(0), 1800.0, "without a step until a job that hangs ends itself; 0: never", "seconds"),
    Key("micro_batch", MicroBatch(), None, "images at once, of the same batch: a number, or auto (halved when memory "
        "runs out); null: all"),
    Key("cells_per_gpu", Whole(1), 1, "cells that share one GPU (on a cluster: docs/cluster.md)"),
    Key("compile", Choice("auto", "off", "default", "reduce-overhead"), "auto", "mode of torch.compile: auto (default "
        "on CUDA, off elsewhere), off, default, reduce-overhead"),
)  # fmt: skip
SAMPLING = (
    Key("images", Whole(1), 8, "test images reconstructed, and images generated"),
    Key("draws", Whole(1), 5, "of x with z fixed, averaged in the column 'average', as the paper"),
    Key("seed", Whole(0), 0, "of the choice of images and of the draws"),
)
TOY = (
    Key("bins", Whole(2), 30, "values of x"),
    Key("weights", Several(Real(0, 1), exactly=2), [0.7, 0.3], "probabilities of the two values of z*"),
    Key("means", Several(Real(), exactly=2), [9.83, 19.17], "of the continuous value behind x", "bins"),
    Key("sigma_ratio", Real(above=0.0), 1.5, "noise given the second value of z* over that given the first"),
    Key("information", Real(0), 0.5, "I(x; z*): the noise is solved for it", "nats"),
    Key("latents", Whole(2), 30, "values of z"),
    Key("beta", Several(Real(0), least=1), [1.0], "weights of the rate, a cell for each and every seed; 1 is the ELBO"),
    Key("rate_penalty", Several(Real(), least=1), [0.5], "target rates sigma in D + |sigma - R|, likewise", "nats"),
    Key("seed", Several(Whole(0), least=1), list(range(20)), "of the initial parameters"),
    Key("steps", Whole(1), 8000, "full-batch steps of Adam"),
    Key("learning_rate", Real(above=0.0), 0.01, "at the first step; decays to 0 along half a cosine"),
)
FIGURES = (
    Key("note", Nullable(Text()), None, "printed on every figure; null: none"),
    Key("published", Switch(), False, "draw the paper's published points beside ours"),
    Key("sample_grids", Selections(), {}, "further sample grids, figure: cells, such as "
        "{vamp: {marginal: v, beta: [0.1, 1.0], seed: 0}}"),
)  # fmt: skip


def _grid() -> tuple[Key, ...]:
    numbers = [
        Key(name, Several(objective.values), list(objective.default), objective.text, objective.unit)
        for name, objective in declared().objectives.items()
    ]
    return (
        Key("architectures", ArchitectureList(), list(ARCHITECTURES), "all (the paper's 12), or a list in quotes: "
            "['---', '-+v'], with ? for any symbol"),
        *numbers,
        Key("anneal", Several(Whole(0), least=1), [0], "epochs over which beta climbs from 0; 0: none"),
        Key("seed", Several(Whole(0), least=1), [0], "of initialisation, data order and noise"),
        Key("extra", Listing(axes(), ("architecture",)), [], "cells beside these, each line a product of its own"),
        Key("exclude", Listing(selection()), [], "cells of the product to leave out: all that match a line"),
    )  # fmt: skip


def sections() -> dict[str, Section]:
    """Every key of a configuration but `overrides`, by section, in the order of `config.yaml`."""
    registry = declared()
    datasets = ", ".join(registry.datasets)
    top = tuple(_filled(key, datasets) for key in TOP)
    own = registry.keys_of(Objective)
    for key in TRAINING:
        if key.name in own:
            owner = registry.objectives[registry.owners[key.name][-1]]
            raise UserError(f"{owner.source}: training.{key.name} is there already; choose another name for that key")
    training = [*TRAINING, *own.values()]
    listed = (
        ("", "", top),
        ("data", "the images", DATA),
        ("grid", "the full product of these lists, each point one cell", _grid()),
        ("model", "sizes of the parts", tuple(registry.keys_of(Part).values())),
        ("training", "how every cell is trained", training),
        ("compute", "where and how fast, no part of a cell's identity", COMPUTE),
        ("evaluation", "on the test images, the one source of every number on a plot",
         tuple(registry.keys_of(Measure).values())),
        ("sampling", "for the sample grids", SAMPLING),
        ("toy", "the toy model of Section 4 and Appendix E, exact in float64; `snakemake toy` runs it alone", TOY),
        ("figures", "what they show", FIGURES),
    )  # fmt: skip
    return {name: Section(name, text, {key.name: key for key in keys}) for name, text, keys in listed}


def _filled(key: Key, datasets: str) -> Key:
    return Key(key.name, key.check, key.default, key.text.format(datasets=datasets) if "{" in key.text else key.text)


def load_config(path: str | Path) -> dict[str, Any]:
    """Read a YAML file and resolve it (see `read_yaml` and `resolve_config`).

    Raises:
        UserError: any problem that these two find.
    """
    raw = read_yaml(path)
    return resolve_config({} if raw is None else raw, str(path), Path(path).parent)


def read_yaml(path: str | Path) -> Any:
    """Read a YAML file with the safe loader, which makes plain values and runs no code.

    Raises:
        UserError: missing file, YAML error, a key that stands twice in a mapping, or a YTE template, in which Snakemake
            would run code.
    """
    try:
        loader = Loader(Path(path).read_text(encoding="utf-8"))
        loader.name = str(path)
        raw = loader.get_single_data()
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"cannot read the configuration {path}: {error.strerror}") from None
    except Exception as error:  # beside YAMLError whatever int(), date() and a deep recursion raise inside the library
        raise UserError(f"{path} is not valid YAML: {error}") from None
    if isinstance(raw, Mapping) and "__use_yte__" in raw:
        raise UserError(f"{path}: __use_yte__ would run code in the configuration; expected plain YAML: remove it")
    return raw


class Loader(yaml.SafeLoader):
    """The safe loader, which refuses a key that stands twice: others silently take the last one."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: dict[tuple[str, str], yaml.ScalarNode] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            first = seen.setdefault((key.tag, key.value), key)
            if first is not key:
                raise UserError(
                    f"{self.name}: the key {shown(key.value)} stands twice in one mapping, in lines "
                    f"{first.start_mark.line + 1} and {key.start_mark.line + 1}; expected it once: remove one"
                )
        return node


def resolve_config(raw: Any, source: str = "config.yaml", folder: str | Path = ".") -> dict[str, Any]:
    """Check a raw configuration and fill in the defaults; its extensions are in use from then on.

    Args:
        source: what a message calls it.
        folder: where relative paths of extensions start.

    Returns:
        A nested dict of every key with one spelling of every value (1, 1.0 and '1e0' become 1.0).

    Raises:
        UserError: unknown keys, wrong types or ranges, a size that no architecture of the grid has; one line that names
            them all. Or an extension that cannot be read.
    """
    problems = Problems()
    if not isinstance(raw, Mapping):
        raise UserError(f"{source}: expected a mapping of keys to values, found {type(raw).__name__}")
    extensions = _extensions(raw.get("extensions"), Path(folder), problems)
    problems.raise_if_any(source)
    try:
        registry = use(extensions)
    except UserError as error:
        raise UserError(f"{source}: {error}") from None
    known_sections = sections()
    elsewhere = {key: name for name, section in known_sections.items() for key in section.keys if name}
    top = known_sections[""].keys
    among = [*top, *(name for name in known_sections if name), "overrides"]
    for key in raw:
        if key not in among:
            problems.unknown(str(key), among, elsewhere)
    resolved = _values(
        top, {key: raw[key] for key in top if key in raw and key != "extensions"}, "", problems, elsewhere
    )
    resolved["extensions"] = list(extensions)
    for name, section in known_sections.items():
        if name:
            resolved[name] = _values(section.keys, raw.get(name), f"{name}.", problems, elsewhere)
    resolved["overrides"] = _overrides(raw.get("overrides"), known_sections, problems, elsewhere)
    problems.raise_if_any(source)
    _check_training(resolved, problems)
    _check_measures(resolved, registry, problems)
    resolved["model"] = _used_sizes(raw, resolved, registry, problems)
    problems.raise_if_any(source)
    return resolved


def _extensions(raw: Any, folder: Path, problems: Problems) -> tuple[str, ...]:
    """Paths made absolute, so that every job finds them wherever it runs."""
    try:
        named = Several(Text())([] if raw is None else raw)
    except Invalid:
        problems.add("extensions", raw, "a list of Python files, their paths from this file's folder, or of modules")
        return ()
    return tuple(dict.fromkeys(str((folder / n).resolve()) if n.endswith(".py") else n for n in named))


def _values(
    keys: Mapping[str, Key],
    raw: Any,
    prefix: str,
    problems: Problems,
    elsewhere: Mapping[str, str],
    partial: bool = False,
) -> dict[str, Any]:
    """Check one mapping; `partial` leaves absent keys out instead of filling in their defaults."""
    if raw is None:
        raw = {}
    if not isinstance(raw, Mapping):
        problems.add(prefix.rstrip("."), raw, f"a mapping with the keys {', '.join(keys)}")
        return {}
    for key in raw:
        if key not in keys:
            problems.unknown(f"{prefix}{key}", list(keys), elsewhere)
    resolved: dict[str, Any] = {}
    for name, key in keys.items():
        if name in raw:
            try:
                resolved[name] = key.check(raw[name])
            except Invalid as error:
                problems.add(f"{prefix}{name}", raw[name], str(error))
        elif not partial:
            resolved[name] = key.default
    return resolved


def _overrides(
    raw: Any, known_sections: Mapping[str, Section], problems: Problems, elsewhere: Mapping[str, str]
) -> dict[str, Any]:
    """Check `overrides`: architecture pattern -> keys of model, training and compute that differ there."""
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        problems.add("overrides", raw, "a mapping of architecture patterns such as '?+?' to keys of model and training")
        return {}
    # Cells of all architectures meet on a GPU, so how many share it is no choice of one.
    allowed = {
        name: {key: spec for key, spec in known_sections[name].keys.items() if key != "cells_per_gpu"}
        for name in ("model", "training", "compute")
    }
    resolved: dict[str, Any] = {}
    for pattern, value in raw.items():
        if not isinstance(pattern, str) or not fnmatch.filter(known(), pattern):
            problems.add("a key of overrides", pattern, "a pattern that some architecture matches, in quotes, '?' for "
                         "any one symbol, as in '?+?'")  # fmt: skip
            continue
        value = {} if value is None else value
        prefix = f"overrides.{pattern}"
        if not isinstance(value, Mapping):
            problems.add(prefix, value, f"a mapping with the keys {', '.join(allowed)}")
            continue
        for name in value:
            if name not in allowed:
                problems.unknown(f"{prefix}.{name}", list(allowed), {})
        resolved[pattern] = {
            name: _values(keys, value.get(name), f"{prefix}.{name}.", problems, elsewhere, partial=True)
            for name, keys in allowed.items()
        }
    return resolved


def _check_training(config: dict[str, Any], problems: Problems) -> None:
    """Relations between keys that no single key can check."""
    training = config["training"]
    constant = training["constant_epochs"]
    if constant is not None and constant > training["epochs"] and not config["overrides"]:
        problems.add("training.constant_epochs", constant, f"at most training.epochs ({training['epochs']})")


def _check_measures(config: dict[str, Any], registry: Registry, problems: Problems) -> None:
    """A measure that uses another's numbers needs it switched on."""
    for measure in registry.measures.values():
        for name in measure.needs if not measure.off or config["evaluation"][measure.off] else ():
            off = registry.measures[name].off
            if off and not config["evaluation"][off]:
                problems.add(f"evaluation.{off}", 0, f"a number above 0: the measure {measure.name} uses this one; or "
                             f"switch that off, too (evaluation.{measure.off or '...'}: 0)")  # fmt: skip


def _used_sizes(
    raw: Mapping[str, Any], config: dict[str, Any], registry: Registry, problems: Problems
) -> dict[str, Any]:
    """The sizes that some architecture of the grid has; another that is set would have no effect, in silence."""
    chosen = list(config["grid"]["architectures"])
    for line in config["grid"]["extra"]:
        chosen += line["architecture"]
    overridden = [
        (f"overrides.{pattern}.model.", fnmatch.filter(chosen, pattern), values["model"])
        for pattern, values in config["overrides"].items()
    ]
    for prefix, concerned, given in [("model.", chosen, raw.get("model") or {}), *overridden]:
        used = {size for name in concerned for size in sizes_of(name, registry)}
        for key in given:
            if key not in used:
                owners = ", ".join(registry.owners[key])
                problems.lines.append(
                    f"{prefix}{key} is set, but no architecture of the grid that it concerns has such a size (it "
                    f"belongs to {owners}); expected a size with an effect: remove it, or add such an architecture"
                )
    used = {size for name in chosen for size in sizes_of(name, registry)}
    return {key: value for key, value in config["model"].items() if key in used}


def sizes_of(architecture: str, registry: Registry | None = None) -> Iterator[str]:
    """Names of the sizes that an architecture has; others must not change its identity."""
    registry = registry or declared()
    seen = set()
    for kind, symbol in parse(architecture).symbols.items():
        for size in registry.sizes(registry.parts[kind][symbol]):
            if size not in seen:
                seen.add(size)
                yield size
