"""The configuration: every key, its type, default, unit and meaning in one place, and a closed check.

The paper's values (Section 4, Appendix F) are the defaults, so that a preset states only what differs;
`config.yaml` states the values of the quick default run. Needs no torch.
"""

import difflib
import fnmatch
import math
import re
import reprlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rdplane.architectures import ARCHITECTURES, DECODERS, ENCODERS, MARGINALS
from rdplane.errors import UserError
from rdplane.measures.columns import DEFAULTS as MEASURES

__all__ = ["SCHEMA", "Key", "load_config", "read_yaml", "resolve_config"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
LARGEST = 2**31 - 1  # no count or seed is larger: whatever computes with them later takes them
SHORT = reprlib.Repr()  # never spells the whole value: aliases make it huge in a file of a few lines
SHORT.maxlevel, SHORT.maxlist, SHORT.maxdict, SHORT.maxstring = 3, 12, 12, 60


class Invalid(Exception):
    """A value that does not fit its key; the message says what was expected."""


Check = Callable[[Any], Any]


@dataclass(frozen=True)
class Key:
    """One configuration key: `check` returns the typed value or raises `Invalid`."""

    check: Check
    default: Any
    text: str
    unit: str = ""


@dataclass
class Problems:
    """All that is wrong with a configuration, gathered so that one run shows everything."""

    lines: list[str] = field(default_factory=list)

    def add(self, key: str, value: Any, expected: str) -> None:
        self.lines.append(f"{key} is {shown(value)}, expected {expected}")

    def unknown(self, key: str, known: list[str]) -> None:
        last = key.rsplit(".", 1)[-1]
        near = difflib.get_close_matches(last, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(sorted(known))}"
        self.lines.append(f"unknown key {key}; {hint}")

    def raise_if_any(self, source: str) -> None:
        if len(self.lines) == 1:
            raise UserError(f"{source}: {self.lines[0]}")
        if self.lines:
            numbered = " ".join(f"({i}) {line};" for i, line in enumerate(self.lines, 1))
            raise UserError(f"{source}: {len(self.lines)} problems: {numbered[:-1]}")


def shown(value: Any) -> str:
    """A value in a message: at most 60 characters."""
    try:
        text = SHORT.repr(value)
    except ValueError:
        return "a number of more than 4300 digits"  # Python refuses to spell it
    return text if len(text) <= 60 else text[:57] + "..."


def finite(value: Any) -> bool:
    """Whether a value is a number that fits into a float."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def real(low: float = -math.inf, high: float = math.inf, above: float | None = None) -> Check:
    """A finite number in [low, high], or strictly above `above`; YAML's text '1e-3' is read as a number."""
    bounds = f" above {above:g}" if above is not None else "" if low == -math.inf else f" of at least {low:g}"
    expected = f"a finite number{bounds}" + ("" if high == math.inf else f" and at most {high:g}")

    def check(value: Any) -> float:
        if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
            value = float(value)
        if not finite(value) or value < low or value > high or (above is not None and value <= above):
            raise Invalid(expected)
        return float(value) + 0.0  # -0.0 becomes 0.0: one spelling

    return check


def whole(low: int, high: int = LARGEST) -> Check:
    """A whole number of at least `low` and at most `high`; 3.0 is 3."""
    expected = f"a whole number of at least {low}"

    def check(value: Any) -> int:
        if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
            value = float(value)
        if not finite(value) or value != int(value) or value < low:
            raise Invalid(expected)
        if value > high:
            raise Invalid(f"{expected} and at most {high}")
        return int(value)

    return check


def zero_or(least: int) -> Check:
    """A whole number of at least `least`, or 0 for off."""

    def check(value: Any) -> int:
        try:
            number = whole(0)(value)
        except Invalid:
            number = 1
        if 0 < number < least:
            raise Invalid(f"0 (off) or a whole number of at least {least}")
        return number

    return check


def micro_batch(value: Any) -> int | str | None:
    try:
        return value if value in (None, "auto") else whole(1)(value)
    except Invalid:
        raise Invalid("null, auto or a whole number of at least 1") from None


def switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid("true or false")
    return value


def text(value: Any) -> str:
    if not isinstance(value, str) or any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
        raise Invalid("a text, without characters that no file can hold")
    return value


def name(value: Any) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value) or len(value) > 80:
        raise Invalid("a name of letters, digits, '_', '-' and '.' that starts with a letter or digit (no folders)")
    return value


def folder_name(value: Any) -> str:
    if name(value) in ("data", "downloads"):
        raise Invalid("another name: results/data and its downloads hold the datasets")
    return value


def choice(*options: str) -> Check:
    def check(value: Any) -> str:
        if value is False and "off" in options:  # YAML reads a bare off as false
            return "off"
        if not isinstance(value, str) or value not in options:
            raise Invalid(f"one of {', '.join(options)}")
        return value

    return check


def optional(check: Check) -> Check:
    def checked(value: Any) -> Any:
        return None if value is None else check(value)

    return checked


def several(check: Check, least: int = 0, exactly: int | None = None) -> Check:
    """A list; a single value stands for a list of one."""

    def checked(value: Any) -> list[Any]:
        values = value if isinstance(value, list) else [value]
        if exactly is not None and len(values) != exactly:
            raise Invalid(f"a list of {exactly} values")
        if len(values) < least:
            raise Invalid(f"a list of at least {least} value{'s' if least > 1 else ''}")
        return [check(item) for item in values]

    return checked


def architecture(value: Any) -> str:
    if value not in ARCHITECTURES:
        raise Invalid(
            f"an architecture (encoder, decoder, marginal) in quotes: one of {', '.join(map(repr, ARCHITECTURES))}"
        )
    return value


def architectures(value: Any) -> list[str]:
    return list(ARCHITECTURES) if value == "all" else several(architecture, least=1)(value)


def pattern(value: Any) -> str:
    if not isinstance(value, str) or not fnmatch.filter(ARCHITECTURES, value):
        raise Invalid("a pattern that some architecture matches, in quotes, '?' for any one symbol, as in '?+?'")
    return value


def shares(value: Any) -> list[float]:
    values = several(real(above=0.0), exactly=3)(value)
    if abs(sum(values) - 1) > 1e-6:
        raise Invalid("three shares (train, valid, test) that sum to 1")
    return values


def tables(keys: Mapping[str, Check], required: tuple[str, ...] = ()) -> Check:
    """A list of mappings with the given keys, for `grid.extra` and `grid.exclude`."""

    def check(value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise Invalid(f"a list of mappings with the keys {', '.join(keys)}")
        for item in value:
            for key in item:
                if key not in keys:
                    raise Invalid(f"mappings with the keys {', '.join(keys)} only, not {key!r}")
            for key in required:
                if key not in item:
                    raise Invalid(f"mappings that each name {' and '.join(required)}")
        checked = []
        for item in value:
            try:
                checked.append({key: keys[key](item[key]) for key in item})
            except Invalid as error:
                raise Invalid(f"in {shown(item)}: {error}") from None
        return checked

    return check


AXES: dict[str, Check] = {
    "architecture": architectures,
    "beta": several(real(0), least=1),
    "rate_target": several(real(0), least=1),
    "anneal": several(whole(0), least=1),
    "seed": several(whole(0), least=1),
}


SELECTION = AXES | {
    "encoder": several(choice(*ENCODERS), least=1),
    "decoder": several(choice(*DECODERS), least=1),
    "marginal": several(choice(*MARGINALS), least=1),
}


def selections(value: Any) -> dict[str, dict[str, Any]]:
    """Figure names with the selection of cells that each shows."""
    if not isinstance(value, dict):
        raise Invalid("a mapping of figure names to selections")
    return {name(figure): tables(SELECTION)([selection])[0] for figure, selection in value.items()}


MODEL = {
    "latent": Key(whole(1), 64, "dimensions of the latent code z"),
    "width": Key(
        real(above=0.0), 1.0, "factor on every channel count of encoder and deconvolutional decoder; 1 is the paper"
    ),
    "flow_steps": Key(whole(1), 4, "steps of the autoregressive flows (encoder '+', marginal '+')"),
    "made_layers": Key(whole(1), 3, "hidden layers of each step's masked network"),
    "made_units": Key(whole(1), 640, "units in each hidden layer"),
    "pixelcnn_depth": Key(whole(1), 64, "channels of the PixelCNN++ decoder"),
    "pixelcnn_resnets": Key(whole(1), 2, "residual layers in each of its six blocks"),
    "pseudo_inputs": Key(whole(1), 500, "pseudo-inputs of the VampPrior (marginal 'v')"),
}

TRAINING = {
    "epochs": Key(whole(1), 200, "passes over the training images"),
    "batch_size": Key(whole(1), 100, "images a step"),
    "learning_rate": Key(real(above=0.0), 3e-4, "of Adam, until `constant_epochs`"),
    "constant_epochs": Key(
        optional(whole(0)), None, "epochs at that rate before it falls linearly to 0; null: half of `epochs`"
    ),
    "normalise_gradients": Key(switch, True, "divide each tensor's gradient by its L2 norm before Adam"),
    "target_method": Key(
        choice("lagrangian", "penalty"), "lagrangian", "of rate_target cells; penalty: |sigma - R|, the paper's"
    ),
    "target_curvature": Key(real(above=0.0), 0.2, "rho of the augmented Lagrangian", "1/nat"),
    "target_step": Key(real(above=0.0), 0.0004, "of its multiplier a training step", "1/nat"),
    "keep": Key(
        choice("last", "best"), "last", "weights kept: of the last epoch (paper) or of the best validation -ELBO"
    ),
    "precision": Key(
        choice("auto", "float32", "bfloat16"),
        "auto",
        "of the networks; auto: bfloat16 on CUDA and on CPUs with AMX, else float32",
    ),
    "device": Key(choice("auto", "cpu", "cuda", "mps"), "auto", "where to train; not part of a cell's identity"),
    "threads": Key(whole(1), 1, "CPU threads a cell; not part of a cell's identity"),
    "checkpoint_seconds": Key(real(0), 60.0, "between checkpoints, the most a killed run repeats", "s"),
    "stall_seconds": Key(real(0), 1800.0, "without a step until a job that hangs ends itself; 0: never", "s"),
    "micro_batch": Key(
        micro_batch, None, "images at once, of the same batch; auto: halved when memory runs out; null: the whole batch"
    ),
    "cells_per_gpu": Key(whole(1), 1, "cells that share one GPU"),
    "compile": Key(
        choice("auto", "off", "default", "reduce-overhead"),
        "auto",
        "mode of torch.compile; auto: default on CUDA, else off",
    ),
}

# Keys of `training` that say how a cell is computed, not what it is.
RUNTIME = ("device", "threads", "checkpoint_seconds", "stall_seconds", "micro_batch", "cells_per_gpu", "compile")

SCHEMA: dict[str, Any] = {
    "experiment": Key(folder_name, "quick", "name; everything goes to results/<experiment>/"),
    "dataset": Key(
        name, "mnist5k", "mnist5k, binarized_mnist, omniglot, omniglot_subset, or a name for your own images"
    ),
    "data": {
        "mirror": Key(optional(text), None, "folder or address tried before upstream"),
        "seed": Key(whole(0), 0, "of the binarisation and the split"),
        "file": Key(optional(text), None, "own images: .npy or .npz of shape (N, H, W) or (N, H*W)"),
        "binarise": Key(choice("none", "bernoulli", "threshold"), "none", "own images: how grey becomes binary"),
        "threshold": Key(real(0, 1), 0.5, "own images: grey level from which a pixel is 1", "share of white"),
        "split": Key(shares, [0.8, 0.1, 0.1], "own images: shares of train, valid, test"),
        "timeout": Key(real(above=0.0), 30.0, "of a download without an answer", "s"),
        "retries": Key(whole(0), 3, "of a failed download"),
    },
    "grid": {
        "architectures": Key(architectures, list(ARCHITECTURES), "names in quotes, or all"),
        "beta": Key(several(real(0)), [1.0], "weights of the rate in D + beta R", "nats of D a nat of R"),
        "rate_target": Key(several(real(0)), [], "target rates sigma, beside the betas: min D at R = sigma", "nats"),
        "anneal": Key(several(whole(0), least=1), [0], "epochs over which the weight climbs from 0 to beta; 0: none"),
        "seed": Key(several(whole(0), least=1), [0], "of initialisation, data order and noise"),
        "extra": Key(tables(AXES, ("architecture",)), [], "cells beside the product: each line a product of its own"),
        "exclude": Key(tables(SELECTION), [], "cells of the product to leave out: all that match a line"),
    },
    "model": MODEL,
    "training": TRAINING,
    "evaluation": {
        "z_samples": Key(whole(1), 1, "draws of z an image for the reported R and D"),
        "batch_size": Key(whole(1), 250, "images at once"),
        "seed": Key(whole(0), 0, "of the draws"),
        "mi_images": Key(zero_or(4), MEASURES["mi_images"], "K of the bounds on I(X;Z), at most log K nats; 0: off"),
        "iw_images": Key(zero_or(2), MEASURES["iw_images"], "for the importance-weighted bound on -log p(x); 0: off"),
        "iw_samples": Key(whole(1), MEASURES["iw_samples"], "draws of z an image for it"),
        "unit_images": Key(zero_or(2), MEASURES["unit_images"], "for the number of active units; 0: off"),
        "probe_images": Key(zero_or(2), MEASURES["probe_images"], "for the linear probe of the class on z; 0: off"),
        "probe_folds": Key(whole(2), MEASURES["probe_folds"], "of its cross-validation"),
        "gen_samples": Key(zero_or(2), MEASURES["gen_samples"], "generations for the bounds of Appendix C; 0: off"),
    },
    "sampling": {
        "images": Key(whole(1), 8, "test images reconstructed, and images generated, for the sample grids"),
        "draws": Key(whole(1), 5, "of x with z fixed, averaged in the column 'average'"),
        "seed": Key(whole(0), 0, "of the choice of images and of the draws"),
    },
    "toy": {
        "bins": Key(whole(2), 30, "values of x"),
        "weights": Key(several(real(0, 1), exactly=2), [0.7, 0.3], "probabilities of the two values of z*"),
        "means": Key(several(real(), exactly=2), [9.83, 19.17], "of h given z*", "bins"),
        "sigma_ratio": Key(real(above=0.0), 1.5, "noise of the second value of z* over that of the first"),
        "information": Key(real(0), 0.5, "I(x; z*): the noise is solved for it", "nats"),
        "latents": Key(whole(2), 30, "values of z"),
        "beta": Key(several(real(0), least=1), [1.0], "weights of the rate, a cell for each and every seed"),
        "rate_target": Key(several(real(), least=1), [0.5], "target rates sigma in D + |sigma - R|, likewise", "nats"),
        "seed": Key(several(whole(0), least=1), list(range(20)), "of the initial parameters"),
        "steps": Key(whole(1), 8000, "full-batch steps of Adam"),
        "learning_rate": Key(real(above=0.0), 0.01, "at the first step; decays to 0 along half a cosine"),
    },
    "figures": {
        "note": Key(optional(text), None, "a line printed on every figure, as for a quick run"),
        "published": Key(switch, False, "draw the paper's published points beside ours"),
        "sample_grids": Key(selections, {}, "figure name: which cells appear in it"),
    },
}


def load_config(path: str | Path) -> dict[str, Any]:
    """Read a YAML file and resolve it (see `read_yaml` and `resolve_config`).

    Raises:
        UserError: any problem that these two find.
    """
    raw = read_yaml(path)
    return resolve_config({} if raw is None else raw, str(path))


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


def resolve_config(raw: Any, source: str = "config.yaml") -> dict[str, Any]:
    """Check a raw configuration against `SCHEMA` and fill in the defaults.

    Returns:
        A nested dict of every key with one spelling of every value (1, 1.0 and '1e0' become 1.0).

    Raises:
        UserError: unknown keys, wrong types or ranges; one line that names them all.
    """
    problems = Problems()
    if not isinstance(raw, Mapping):
        raise UserError(f"{source}: expected a mapping of keys to values, found {type(raw).__name__}")
    known = dict(SCHEMA)
    resolved = _section(known, {k: v for k, v in raw.items() if k != "overrides"}, "", problems, extra=["overrides"])
    resolved["overrides"] = _overrides(raw.get("overrides"), problems)
    problems.raise_if_any(source)
    _check_training(resolved, problems)
    problems.raise_if_any(source)
    return resolved


def _section(
    keys: Mapping[str, Any],
    raw: Any,
    prefix: str,
    problems: Problems,
    partial: bool = False,
    extra: list[str] | None = None,
) -> dict[str, Any]:
    """Check one mapping; `partial` leaves absent keys out instead of filling in their defaults."""
    if raw is None:
        raw = {}
    if not isinstance(raw, Mapping):
        problems.add(prefix.rstrip("."), raw, f"a mapping with the keys {', '.join(keys)}")
        return {}
    for key in raw:
        if key not in keys:
            problems.unknown(f"{prefix}{key}", [*keys, *(extra or [])])
    resolved: dict[str, Any] = {}
    for key, spec in keys.items():
        if isinstance(spec, Mapping):
            resolved[key] = _section(spec, raw.get(key), f"{prefix}{key}.", problems, partial)
        elif key in raw:
            try:
                resolved[key] = spec.check(raw[key])
            except Invalid as error:
                problems.add(f"{prefix}{key}", raw[key], str(error))
        elif not partial:
            resolved[key] = spec.default
    return resolved


def _overrides(raw: Any, problems: Problems) -> dict[str, Any]:
    """Check `overrides`: architecture pattern -> keys of model and training that differ there."""
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        problems.add("overrides", raw, "a mapping of architecture patterns such as '?+?' to model and training keys")
        return {}
    keys = {"model": MODEL, "training": TRAINING}
    resolved = {}
    for key, value in raw.items():
        try:
            pattern(key)
        except Invalid as error:
            problems.add("a key of overrides", key, str(error))
            continue
        resolved[key] = _section(keys, value, f"overrides.{key}.", problems, partial=True)
    return resolved


def _check_training(config: dict[str, Any], problems: Problems) -> None:
    """Relations between keys that no single key can check."""
    training = config["training"]
    constant = training["constant_epochs"]
    if constant is not None and constant > training["epochs"] and not config["overrides"]:
        problems.add("training.constant_epochs", constant, f"at most training.epochs ({training['epochs']})")
