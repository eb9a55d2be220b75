"""A configuration read, checked and resolved: closed, typed, and every problem in one line. Needs no torch."""

import difflib
import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rdplane.declare.checks import FolderName, Invalid, Several, Text, shown
from rdplane.declare.kinds import Key
from rdplane.declare.registry import Registry, use
from rdplane.errors import UserError
from rdplane.experiment.architectures import known
from rdplane.experiment.keys import Section, contradictions, override_of, sections, sizes_of

__all__ = ["load_config", "read_yaml", "resolve_config"]


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
    _name_experiment(resolved, problems)
    resolved["overrides"] = _overrides(raw.get("overrides"), known_sections, problems, elsewhere)
    problems.raise_if_any(source)
    _check_training(resolved, problems)
    _check_measures(resolved, registry, problems)
    _check_points(resolved, registry, problems)
    if resolved["teacher"]["dataset"] == "teacher":
        problems.add("teacher.dataset", "teacher", "the images that it learns from: mnist5k, say")
    resolved["model"] = _used_sizes(raw, resolved, registry, problems)
    problems.raise_if_any(source)
    return resolved


def _name_experiment(config: dict[str, Any], problems: Problems) -> None:
    """Call an experiment without a name as its data set is called, so that two of these never share a folder."""
    if config.get("experiment", "") is None and "dataset" in config:
        try:
            config["experiment"] = FolderName()(config["dataset"])
        except Invalid as error:
            problems.add("experiment", config["dataset"], f"{error}; give it a name: it is called as dataset without")


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
    """Check `overrides`: architecture pattern -> keys of model, training and compute that differ there.

    Or the name of an objective, which a pattern may follow -> keys of training.
    """
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
        aim, architectures = override_of(pattern) if isinstance(pattern, str) else ("", "")
        if not fnmatch.filter(known(), architectures):
            problems.add("a key of overrides", pattern, "a pattern that some architecture matches, in quotes, '?' for "
                         "any one symbol, as in '?+?', or an objective, or both, as in 'curve ?+?'")  # fmt: skip
            continue
        value = {} if value is None else value
        prefix = f"overrides.{pattern}"
        if not isinstance(value, Mapping):
            problems.add(prefix, value, f"a mapping with the keys {', '.join(allowed)}")
            continue
        for name in value:
            if name not in allowed or (aim and name != "training"):
                problems.unknown(f"{prefix}.{name}", ["training"] if aim else list(allowed), {})
        resolved[pattern] = {
            name: _values(keys, value.get(name), f"{prefix}.{name}.", problems, elsewhere, partial=True)
            for name, keys in allowed.items()
        }
    return resolved


def _check_training(config: dict[str, Any], problems: Problems) -> None:
    """Relations between keys that no single key can check; with overrides, each cell's are checked when it is made."""
    if not config["overrides"]:
        for key, expected in contradictions(config["training"]).items():
            problems.add(f"training.{key}", config["training"][key], expected)


def _check_measures(config: dict[str, Any], registry: Registry, problems: Problems) -> None:
    """A measure that uses another's numbers needs it switched on."""
    for measure in registry.measures.values():
        for name in measure.needs if not measure.off or config["evaluation"][measure.off] else ():
            off = registry.measures[name].off
            if off and not config["evaluation"][off]:
                problems.add(f"evaluation.{off}", 0, f"a number above 0: the measure {measure.name} uses this one; or "
                             f"switch that off, too (evaluation.{measure.off or '...'}: 0)")  # fmt: skip


def _check_points(config: dict[str, Any], registry: Registry, problems: Problems) -> None:
    """A point outside of the range that a curve was trained on would be a guess."""
    trained = [name for name, objective in registry.objectives.items() if objective.conditions]
    for name in trained:
        ranges = [*config["grid"][name], *(r for line in config["grid"]["extra"] for r in line.get(name, []))]
        for point in config["evaluation"]["curve_points"] or [] if ranges else []:
            if not any(low <= point <= high for low, high in ranges):
                named = " or ".join(f"[{low:g}, {high:g}]" for low, high in ranges)
                problems.add("evaluation.curve_points", point, f"numbers within a range that is trained, {named}: "
                             f"remove it, or widen grid.{name}")  # fmt: skip


def _used_sizes(
    raw: Mapping[str, Any], config: dict[str, Any], registry: Registry, problems: Problems
) -> dict[str, Any]:
    """The sizes that some architecture of the grid has; another that is set would have no effect, in silence.

    Unless it is set to its default, as a file that states every key does: that asks for nothing.
    """
    chosen = list(config["grid"]["architectures"])
    for line in config["grid"]["extra"]:
        chosen += line["architecture"]
    overridden = [
        (f"overrides.{pattern}.model.", fnmatch.filter(chosen, pattern), values["model"])
        for pattern, values in config["overrides"].items()
    ]
    images = None if config["data"]["file"] else registry.datasets.get(config["dataset"])
    pixels = images.pixels if images else None  # of a user's file they are known once it is read
    asked = [key for key in raw.get("model") or {} if config["model"][key] != registry.keys[key].default]
    for prefix, concerned, given in [("model.", chosen, asked), *overridden]:
        used = {size for name in concerned for size in sizes_of(name, pixels, registry)}
        for key in given:
            if key not in used:
                owners = ", ".join(registry.owners[key])
                problems.lines.append(
                    f"{prefix}{key} is set, but no architecture of the grid that it concerns has such a size (it "
                    f"belongs to {owners}); expected a size with an effect: remove it, or add such an architecture"
                )
    used = {size for name in chosen for size in sizes_of(name, pixels, registry)}
    return {key: value for key, value in config["model"].items() if key in used}
