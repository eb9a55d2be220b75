"""Every key of a configuration: its type, default, unit and meaning, in one place.

The paper's values (Section 4, Appendix F) are the defaults, so that a preset states only what differs;
`config.yaml` states the values of the quick default run. Sizes, axes, and the settings of objectives and measures come
from their declarations. Needs no torch.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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
)
from rdplane.declare.kinds import KINDS, Key, Likelihood, Measure, Objective, Part
from rdplane.declare.registry import Registry, declared
from rdplane.errors import UserError
from rdplane.experiment.architectures import ARCHITECTURES, known, matching, parse

__all__ = [
    "COMPUTE", "WARMUP_STEPS", "Section", "axes", "contradictions", "override_of", "sections", "selection", "sizes_of",
]  # fmt: skip


@dataclass(frozen=True)
class Section:
    """A mapping of keys; the one of an empty name holds those at the top level."""

    name: str
    text: str
    keys: dict[str, Key]


class ArchitectureList(Check):
    """Names of architectures, patterns of names, or 'all' for the paper's twelve."""

    def __call__(self, value: Any) -> list[str]:
        if value == "all":
            return list(ARCHITECTURES)
        chosen: dict[str, None] = {}
        for item in Several(Text(), least=1)(value):
            found = matching(item)
            if not found:
                raise Invalid(f"an architecture (encoder, decoder, marginal) in quotes: {_symbols()}, or all")
            chosen |= dict.fromkeys(found)
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

    def shown(part: Part) -> str:
        return f"{part.symbol} (in {part.fits} alone)" if part.fits else part.symbol

    listed = [" ".join([kind, *map(shown, parts[kind].values())]) for kind in KINDS]
    return "one symbol each of " + ", ".join(listed) + ", such as '-+v'"


def axes() -> dict[str, Check]:
    """The keys of a line of `grid.extra`."""
    numbers = {name: Several(objective.values, least=1) for name, objective in declared().objectives.items()}
    count = Several(Whole(0), least=1)
    return {"architecture": ArchitectureList(), **numbers, "anneal": count, "seed": count}


def selection() -> dict[str, Check]:
    """The keys of a line of `grid.exclude`, or of a sample grid."""
    return axes() | {kind: Several(Choice(*declared().parts[kind]), least=1) for kind in KINDS}


TOP = (
    Key("experiment", Nullable(FolderName()), None, "name; everything goes to results/<experiment>/; null: as dataset"),
    Key("dataset", Name(), "mnist5k", "{datasets}, teacher, or a name for your own images"),
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
    Key("file", Nullable(Text()), None, "own images: .npy, .npz or .pt (path from the working folder) with (N, H, W), "
        "of colour (N, H, W, 3); or a folder of PNG or JPEG"),
    Key("binarise", Choice("none", "bernoulli", "threshold"), "none", "own images: none (kept as they are: 0 and 1, or "
        "grey or colour of 8 bits), bernoulli (grey is a probability), threshold"),
    Key("threshold", Real(0, 1), 0.5, "own images: grey level from which a pixel is 1", "share of white"),
    Key("split", Shares(), [0.8, 0.1, 0.1], "own images: shares of train, valid, test"),
    Key("timeout", Real(above=0.0), 30.0, "without an answer before a download is tried again", "seconds"),
    Key("retries", Whole(0), 3, "tries of a download after the first"),
)  # fmt: skip
TEACHER = (
    Key("dataset", Name(), "mnist5k", "images on which it is trained: any data set but teacher itself"),
    Key("images", Several(Whole(2), exactly=3), [4000, 500, 2000], "drawn from it for train, valid and test"),
    Key("seed", Whole(0), 0, "of its training and of the draws"),
    Key("epochs", Whole(1), 20, "of its training"),
    Key("batch_size", Whole(1), 32, "images in each step of it"),
    Key("learning_rate", Real(above=0.0), 3e-3, "of Adam, at the peak of a cosine"),
    Key("pixelcnn_depth", Whole(1), 8, "channels of its PixelCNN++"),
    Key("pixelcnn_resnets", Whole(1), 1, "residual layers in each of its six blocks"),
)
WARMUP_STEPS = 200  # where training.warmup_steps is null
TRAINING = (
    Key("epochs", Whole(1), 200, "passes over the training images"),
    Key("batch_size", Whole(1), 100, "images in each step"),
    Key("learning_rate", Real(above=0.0), 3e-4, "of Adam, at its peak"),
    Key("schedule", Choice("paper", "cosine"), "paper", "of the learning rate: paper (constant, then linear to 0), or "
        "cosine (warm-up, then half a cosine to 0)"),
    Key("constant_epochs", Nullable(Whole(0)), None, "of the schedule paper: epochs at that rate before it falls; "
        "null: half of epochs, rounded down"),
    Key("warmup_steps", Nullable(Whole(0)), None, "of the schedule cosine: steps over which the rate climbs from 0; "
        f"null: {WARMUP_STEPS}"),
    Key("normalise_gradients", Switch(), True, "divide each tensor's gradient by its L2 norm before Adam"),
    Key("average", Real(0, 0.99999), 0.0, "decay of a moving average of the weights, such as 0.999, measured beside "
        "those that are kept; 0: none"),
    Key("keep", Choice("last", "best", "average"), "last", "weights kept: last (paper), best (epoch, by its objective "
        "on the validation images, once beta has climbed), average"),
    Key("precision", Choice("auto", "float32", "bfloat16"), "auto", "of the networks; auto: bfloat16 on CUDA and on "
        "CPUs that multiply it, else float32"),
)  # fmt: skip
COMPUTE = (
    Key("device", Choice("auto", "cpu", "cuda", "mps"), "auto", "auto, cpu, cuda, mps"),
    Key("threads", Whole(1), 1, "CPU threads of each cell"),
    Key("checkpoint_seconds", Real(0), 60.0, "between checkpoints: the most that a killed run repeats", "seconds"),
    Key("stall_seconds", Real(0), 1800.0, "without a step until a job that hangs ends itself; 0: never", "seconds"),
    Key("micro_batch", MicroBatch(), None, "images at once, of the same batch: a number, or auto (halved when memory "
        "runs out); null: all"),
    Key("cells_per_gpu", Whole(1), 1, "cells that share one GPU (on a cluster: docs/cluster.md)"),
    Key("compile", Choice("auto", "off", "graph", "default", "reduce-overhead"), "auto", "how steps are put together: "
        "auto (graph on CUDA, default for long float32 cells on a CPU), off, graph (CUDA graphs), or a mode of "
        "torch.compile: default, reduce-overhead"),
)  # fmt: skip
POINTS = (
    Key("curve_points", Nullable(Several(Real(above=0.0), least=1)), None, "betas at which the cells of grid.curve are "
        "measured, each a row of rd.csv, beside those of grid.beta; null: round numbers of the range"),
    Key("curve_rates", Several(Real(above=0.0)), [], "rates at which they are measured, too: the beta of each is "
        "searched for", "nats"),
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
    Key("seed", Several(Whole(0)), list(range(20)), "of the initial parameters; []: no toy model"),
    Key("steps", Whole(1), 8000, "full-batch steps of Adam"),
    Key("learning_rate", Real(above=0.0), 0.01, "at the first step; decays to 0 along half a cosine"),
)
FIGURES = (
    Key("titles", Switch(), True, "title and subtitle inside figures; false for a paper, whose captions say as much"),
    Key("note", Nullable(Text()), None, "printed on every figure; null: what the runs have less of than the paper, if "
        "anything; '': none"),
    Key("published", Switch(), False, "draw the paper's published points beside ours"),
    Key("sample_grids", Selections(), {}, "further sample grids, figure: cells, such as "
        "{vamp: {marginal: v, beta: [0.1, 1.0], seed: 0}}"),
)  # fmt: skip


def contradictions(training: Mapping[str, Any]) -> dict[str, str]:
    """Keys of the section `training` that do not go with others of it: key -> what was expected, and what to do."""
    found, constant = {}, training["constant_epochs"]
    if training["schedule"] == "cosine" and constant is not None:
        found["constant_epochs"] = "null with training.schedule: cosine, which has no constant part: remove it"
    elif constant is not None and constant > training["epochs"]:
        found["constant_epochs"] = f"at most training.epochs ({training['epochs']})"
    if training["schedule"] == "paper" and training["warmup_steps"] is not None:
        found["warmup_steps"] = "null with training.schedule: paper, which has no warm-up: remove it"
    if training["keep"] == "average" and not training["average"]:
        found["keep"] = "last or best where training.average is 0: set training.average to 0.999, say"
    return found


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
        ("teacher", "a PixelCNN++ that draws the images of the data set teacher, so that their density is known",
         TEACHER),
        ("grid", "the full product of these lists, each point one cell", _grid()),
        ("model", "sizes of the parts", tuple(registry.keys_of(Part, Likelihood).values())),
        ("training", "how every cell is trained", training),
        ("compute", "where and how fast, no part of a cell's identity", COMPUTE),
        ("evaluation", "on the test images, the one source of every number on a plot",
         (*registry.keys_of(Measure).values(), *POINTS)),
        ("sampling", "for the sample grids", SAMPLING),
        ("toy", "the toy model of Section 4 and Appendix E, exact in float64; `snakemake toy` runs it alone", TOY),
        ("figures", "what they show", FIGURES),
    )  # fmt: skip
    return {name: Section(name, text, {key.name: key for key in keys}) for name, text, keys in listed}


def _filled(key: Key, datasets: str) -> Key:
    return Key(key.name, key.check, key.default, key.text.format(datasets=datasets) if "{" in key.text else key.text)


def sizes_of(architecture: str, pixels: str | None, registry: Registry | None = None) -> Iterator[str]:
    """Names of the sizes that an architecture has; others must not change its identity.

    Args:
        architecture: its name.
        pixels: of the images; None if they are not known yet, for the sizes that it can have.
        registry: what is declared; by default what is in use.
    """
    registry = registry or declared()
    parts = [registry.parts[kind][symbol] for kind, symbol in parse(architecture).symbols.items()]
    seen = {size for part in parts for size in part.decides}
    for part in [*parts, *([registry.likelihood(pixels)] if pixels else registry.likelihoods.values())]:
        for size in registry.sizes(part):
            if size not in seen:
                seen.add(size)
                yield size


def override_of(key: str) -> tuple[str, str]:
    """The objective that a key of `overrides` names, '' for none, and its pattern of architectures."""
    words = key.split(maxsplit=1)
    if not words or words[0] not in declared().objectives:
        return "", key
    return words[0], words[1].strip() if len(words) == 2 else "*"
