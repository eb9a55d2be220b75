"""What the configuration's keys mean, for people and editors: made from the one declaration of each key.

`docs/configuration.md` and the JSON schema are these texts, the comments of `config.yaml` begin with them, and
`rdplane init` writes them into a new configuration. Needs no torch.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rdplane.declare.kinds import Key
from rdplane.declare.registry import declared
from rdplane.experiment.keys import Section, sections

__all__ = ["comment", "commented", "comments", "json_schema", "markdown", "spelled"]

OVERRIDES = (
    "keys of model, training and compute for some architectures, by a pattern such as '?+?', or of training for an "
    "objective's cells, by its name, which a pattern may follow: 'curve ?+?'"
)
ABSENT = object()


def spelled(value: Any) -> str:
    """A value as it stands in the YAML of `config.yaml`."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        if float(f"{value:.10g}") != value:  # what is read again must be the same number
            return repr(value)
        digits, _, exponent = f"{value:.10g}".partition("e")
        if exponent or 0 < abs(value) < 0.1:
            digits, _, exponent = f"{value:.10e}".partition("e")
            digits = digits.rstrip("0").rstrip(".")
            return f"{digits}{'' if '.' in digits else '.0'}e{int(exponent):+d}"
        return digits if "." in digits else f"{digits}.0"
    if isinstance(value, list):
        return f"[{', '.join(map(spelled, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {spelled(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_ .+/-]*", value) and value not in YAML_WORDS
        return value if plain else json.dumps(value, ensure_ascii=False)
    return str(value)


YAML_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def _key(key: Any) -> str:
    return str(key) if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(key)) else f'"{key}"'


def comment(key: Key, value: Any = ABSENT) -> str:
    """What stands behind a key: its text, its unit, and in brackets the default where `value` is another."""
    unit = f" ({key.unit})" if key.unit else ""
    differs = value is not ABSENT and value != key.default and not isinstance(key.default, list | dict | type(None))
    return key.text + unit + (f" [{spelled(key.default)}]" if differs else "")


def comments(text: str) -> dict[str, str]:
    """The comments of a YAML file of this form: key with its section, such as 'grid.beta' -> comment."""
    found, section = {}, ""
    for line in text.splitlines():
        match = re.match(r"( *)([a-z_]+):(.*)$", line)
        if not match or len(match[1]) > 2:
            continue
        indent, name, rest = match.groups()
        value, _, said = rest.partition("# ")
        if not indent:
            section = "" if value.strip() else f"{name}."
        found[f"{section}{name}" if indent else name] = said.strip()
    return found


def commented(values: Mapping[str, Any], head: str) -> str:
    """A configuration file that states every key of `values` with its comment, and no others.

    Args:
        values: as a configuration holds them.
        head: its first lines, without #.
    """
    lines = [f"# {line}".rstrip() for line in head.splitlines()]
    for name, section in sections().items():
        given = values if not name else values.get(name, {})
        rows = [(key, given[key.name]) for key in section.keys.values() if key.name in given]
        if not rows:
            continue
        lines.append("")
        if name:
            lines.append(f"{name}:".ljust(26) + f"  # {section.text}")
        indent = "  " if name else ""
        lines += [_line(indent, key, value) for key, value in rows]
    if values.get("overrides"):
        lines += ["", "overrides:".ljust(26) + f"  # {OVERRIDES}"]
        # Sections without a key are left out: not every one may stand under the name of an objective.
        said = {key: {k: v for k, v in value.items() if v} for key, value in values["overrides"].items()}
        lines += [f"  {_key(pattern)}: {spelled(value)}" for pattern, value in said.items()]
    return "\n".join(lines) + "\n"


def _line(indent: str, key: Key, value: Any) -> str:
    return f"{indent}{key.name}: {spelled(value)}".ljust(26) + f"  # {comment(key, value)}"


def markdown() -> str:
    """The page docs/configuration.md."""
    lines = [
        "# Configuration",
        "",
        "*Made by `rdplane reference configuration` from the declarations; edit those, not this page.*",
        "",
        "A configuration is one YAML file. A key that is left out has its default, which is the paper's value where "
        "the paper states one. Unknown keys are errors. `rdplane config FILE` prints a configuration with all defaults "
        "filled in, and `rdplane init FOLDER --images PATH` writes a commented one that fits images of your own. "
        "Numbers such as `1e-3` are read as "
        "numbers, and where a list is expected a single value stands for a list of one.",
    ]
    for name, section in sections().items():
        lines += ["", f"## {name or 'Top level'}", ""]
        if section.text:
            lines += [section.text[0].upper() + section.text[1:] + ".", ""]
        lines += ["| key | default | meaning |", "| --- | --- | --- |"]
        lines += [f"| `{key.name}` | `{_cell(spelled(key.default))}` | {_cell(_meaning(section, key))} |"
                  for key in section.keys.values()]  # fmt: skip
    lines += [
        "", "## overrides", "", OVERRIDES[0].upper() + OVERRIDES[1:] + ":", "", "```yaml", "overrides:",
        '  "?+?": {training: {epochs: 3}, compute: {threads: 2}}', '  "-+v": {model: {pseudo_inputs: 100}}', "```", "",
        "Of several patterns that match, the later one counts.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _meaning(section: Section, key: Key) -> str:
    owners = declared().owners.get(key.name) if section.name in ("model", "training", "evaluation") else None
    text = comment(key)
    if not owners or len(owners) > 3:
        return text
    what = {"model": "of", "training": "of the objective", "evaluation": "of the measure"}[section.name]
    named = [owner if section.name == "model" else f"`{owner}`" for owner in owners]
    return f"{text} ({what} {', '.join(named)})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def json_schema() -> dict[str, Any]:
    """The JSON schema of a configuration, for completion and checks in editors."""
    properties: dict[str, Any] = {}
    for name, section in sections().items():
        keys = dict(_properties(section))
        properties |= keys if not name else {name: _mapping(keys, section.text)}
    named = {name: _mapping(dict(_properties(sections()[name])), "") for name in ("model", "training", "compute")}
    properties["overrides"] = {
        "description": OVERRIDES,
        "anyOf": [{"type": "null"}, {"type": "object", "additionalProperties": _mapping(named, "")}],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of rdplane",
        "type": "object",
        "properties": properties,
        # An extension brings sizes, axes and settings of its own, which this file cannot know.
        "additionalProperties": False,
    }


def _properties(section: Section) -> Iterator[tuple[str, dict[str, Any]]]:
    for key in section.keys.values():
        yield key.name, {"description": comment(key), "default": key.default, **key.check.schema()}


def _mapping(keys: dict[str, Any], text: str) -> dict[str, Any]:
    mapping = {"type": "object", "properties": keys, "additionalProperties": False}
    return {"description": text, "anyOf": [{"type": "null"}, mapping]} if text else mapping
