"""The configuration: every key, its type, default, unit and meaning in one place, and a closed check.

The paper's values (Section 4, Appendix F) are the defaults, so that a preset states only what differs;
`config.yaml` states the values of the quick default run. Needs no torch.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rdplane.architectures import ARCHITECTURES
from rdplane.checks import (
    AXES,
    SELECTION,
    Check,
    Invalid,
    architectures,
    choice,
    folder_name,
    micro_batch,
    name,
    optional,
    pattern,
    real,
    selections,
    several,
    shares,
    shown,
    switch,
    tables,
    text,
    whole,
    zero_or,
)
from rdplane.errors import UserError
from rdplane.measures.columns import DEFAULTS as MEASURES

__all__ = ["SCHEMA", "Key", "load_config", "read_yaml", "resolve_config"]


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
    # Cells of all architectures meet on a GPU, so how many share it is no choice of one.
    keys = {"model": MODEL, "training": {key: spec for key, spec in TRAINING.items() if key != "cells_per_gpu"}}
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
