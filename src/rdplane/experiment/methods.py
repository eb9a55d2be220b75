"""The Methods paragraph of the report: what was trained and how, in words, from a configuration and its cells.

It is reStructuredText, as Snakemake's report asks for. What differs between architectures, by `overrides`, is read from
the cells, so that it says what each was in fact trained with. Needs no torch.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rdplane.declare.kinds import KINDS
from rdplane.declare.registry import declared
from rdplane.experiment.cells import pixels_of
from rdplane.experiment.reference import spelled

__all__ = ["epochs", "methods"]

Cells = Mapping[str, Mapping[str, Any]]
"""Folder name -> cell (see `rdplane.experiment.cells.expand`), at least one."""

_KEPT = {
    "last": "the weights of the last epoch",
    "best": "the weights of the epoch that was best on the validation images",
    "average": "moving averages of the weights with decay {average:g}",
}


def methods(config: Mapping[str, Any], cells: Cells) -> str:
    """The paragraph, without a heading.

    Args:
        config: a resolved configuration.
        cells: those that it expands to.
    """
    used = dict.fromkeys(cell["architecture"] for cell in cells.values())
    seeds = {cell["seed"] for cell in cells.values()}
    sentences = [
        f"{_counted(len(cells), 'training run')} of {_counted(len(used), 'architecture')} with "
        f"{_counted(len(seeds), 'seed')} on the dataset {config['dataset']}",
        f"An architecture is named by its parts: {_parts(used)}",
        *_grid(config["grid"]),
        *_curves(config, cells),
        f"Each run had {epochs(cells)} of {_training(cells, _batches)}, Adam{_training(cells, _normalised)}, and "
        f"{_learning_rates(cells)}; {_training(cells, _kept)} are evaluated",
        *_pixels(cells),
        f"Sizes: {', '.join(f'{name} {text}' for name, text in _sizes(cells).items())}",
        f"Every number comes from the test images, with {_counted(config['evaluation']['z_samples'], 'draw')} of z per "
        "image; rates and distortions are unweighted, in nats per image, and -ELBO is R + D",
    ]
    return ".\n".join(sentences) + "."


def _pixels(cells: Cells) -> list[str]:
    """What the pixels are, unless they are binary."""
    kinds = dict.fromkeys(pixels_of(cell) for cell in cells.values())
    titles = [f"{pixels} of 8 bits, their likelihood a {declared().likelihood(pixels).title}" for pixels in kinds
              if pixels != "binary"]  # fmt: skip
    return [f"Images are {_listed(titles)}"] if titles else []


def epochs(cells: Cells) -> str:
    """How many epochs the cells were trained for, such as '4 epochs (decoder ``+``: 3 epochs)'."""
    return _training(cells, lambda training: _counted(training["epochs"], "epoch"))


def _grid(grid: Mapping[str, Any]) -> list[str]:
    """Sentences on the product of the grid, the lines beside it, and those left out."""
    sentences = []
    aims = _aims(grid, grid["anneal"])
    if aims:
        sentences.append(f"Each architecture was trained with {_joined(aims)}")
    for line in grid["extra"]:
        aims = _aims(line, line.get("anneal", grid["anneal"][:1]), explained=grid)
        seeds = f", seed {_listed(map(_value, line['seed']))}" if "seed" in line else ""
        sentences.append(f"Beside these: {', '.join(map(_literal, line['architecture']))} with {_joined(aims)}{seeds}")
    if grid["exclude"]:
        lines = [
            ", ".join(f"{key} {_listed(map(_value, line[key]), 'or')}" for key in line) for line in grid["exclude"]
        ]
        sentences.append(f"Left out of the product: {'; '.join(lines)}")
    return sentences


def _curves(config: Mapping[str, Any], cells: Cells) -> list[str]:
    """A sentence or two on cells that train a whole curve, if there are any."""
    found = [cell for cell in cells.values() if _is_curve(cell)]
    if not found:
        return []
    opened, powers = (
        dict.fromkeys(cell["objective"].get(key, 0.0) for cell in found) for key in ("curve_widening", "curve_power")
    )
    spread = _listed(_spread(power) for power in powers)
    text = (
        "A curve is one training for every beta of its range: weights depend on beta by a gain and a shift of each "
        f"channel, and each batch has one beta, spread evenly over {spread}"
    )
    if any(opened):
        shares = _listed(f"{share:.0%}" for share in opened)
        text += f", which opens from its low end over the first {shares} of training"
    if rates := config["evaluation"]["curve_rates"]:
        text += (
            "; it is measured, too, at the betas at which the rate of validation images is "
            f"{_listed(map(_value, rates))} nats"
        )
    return [text]


def _spread(power: float) -> str:
    """What betas of a curve lie evenly in."""
    return {0.0: "the logarithm of the range", 1.0: "the range"}.get(power, f"the range of beta to the power {power:g}")


def _aims(numbers: Mapping[str, Any], annealed: Iterable[int], explained: Mapping[str, Any] | None = None) -> list[str]:
    """Each objective's numbers, what they are unless `explained` has such numbers, too, and their annealing."""
    aims = []
    for name, objective in declared().objectives.items():
        if not numbers.get(name):
            continue
        text = f"{name} {_listed(map(_value, numbers[name]))}"
        if not (explained or {}).get(name):
            text += f" ({_plain(objective.text)})"
        aims.append(text + (f", {_listed(map(_annealing, annealed))}" if objective.anneals else ""))
    return aims


def _joined(aims: list[str]) -> str:
    return ", and with ".join(aims)


def _annealing(count: int) -> str:
    if not count:
        return "without annealing"
    return f"with the weight climbing from 0 over the first {'epoch' if count == 1 else f'{count} epochs'}"


def _parts(architectures: Iterable[str]) -> str:
    """'encoder (``-`` Gaussian, ``+`` IAF), decoder (...) and marginal (...)', of the parts that occur."""
    names = list(architectures)
    kinds = []
    for place, kind in enumerate(KINDS):
        present = {name[place] for name in names}
        titles = [
            f"{_literal(s)} {_plain(part.title) if part.codes else 'none'}"
            for s, part in declared().parts[kind].items()
            if s in present
        ]
        kinds.append(f"{kind} ({', '.join(titles)})")
    return _listed(kinds)


def _sizes(cells: Cells) -> dict[str, str]:
    """Every size that a cell has, in the order of the declarations -> its value or values."""
    names = dict.fromkeys(name for cell in cells.values() for name in cell["model"])
    return {name: _size(cells, name) for name in names}


def _size(cells: Cells, name: str) -> str:
    having = {key: cell for key, cell in cells.items() if name in cell["model"]}

    def said(cell: Mapping[str, Any]) -> str:
        value = cell["model"][name]
        return "by default" if value is None else _value(value)

    return _varied(having, said)


def _training(cells: Cells, say: Callable[[Mapping[str, Any]], str]) -> str:
    return _varied(cells, lambda cell: say(cell["training"]))


def _varied(cells: Cells, say: Callable[[Mapping[str, Any]], str]) -> str:
    """What `say` says of the cells; where it differs, the first, and behind it each other with its architectures.

    What is said of curves stands last, if it is not what is said of the others.
    """
    curves, others = (_spoken({k: c for k, c in cells.items() if _is_curve(c) == of}, say) for of in (True, False))
    first, *more = others or curves
    if others and curves and curves != others:
        more.append(f"curves: {'; '.join(curves)}")
    return first + (f" ({'; '.join(more)})" if more else "")


def _spoken(cells: Cells, say: Callable[[Mapping[str, Any]], str]) -> list[str]:
    """What `say` says of the first of the cells, and of each other with its architectures."""
    every = dict.fromkeys(cell["architecture"] for cell in cells.values())
    groups: dict[str, dict[str, None]] = {}
    for cell in cells.values():
        groups.setdefault(say(cell), {})[cell["architecture"]] = None
    texts = [(text, _whose(list(names), list(every))) for text, names in groups.items()]
    return [f"{whose}: {text or 'without'}" if number else text for number, (text, whose) in enumerate(texts)]


def _is_curve(cell: Mapping[str, Any]) -> bool:
    return declared().objectives[cell["objective"]["name"]].conditions


def _whose(names: list[str], every: list[str]) -> str:
    """Architectures in words: the part that they alone have, if there is one, else their names."""
    for place, kind in enumerate(KINDS):
        if names == [name for name in every if name[place] == names[0][place]]:
            return f"{kind} {_literal(names[0][place])}"
    return ", ".join(map(_literal, names))


def _batches(training: Mapping[str, Any]) -> str:
    return f"batches of {training['batch_size']} images"


def _normalised(training: Mapping[str, Any]) -> str:
    return f" {'with' if training['normalise_gradients'] else 'without'} normalised gradients"


def _kept(training: Mapping[str, Any]) -> str:
    return _KEPT[training["keep"]].format(**training)


def _learning_rates(cells: Cells) -> str:
    if any(cell["training"]["schedule"] != "paper" for cell in cells.values()):
        return _training(cells, _schedule)
    if all(0 < cell["training"]["constant_epochs"] < cell["training"]["epochs"] for cell in cells.values()):
        return f"a learning rate of {_training(cells, _constant)}, then falling linearly to 0"
    return _training(cells, _schedule)


def _schedule(training: Mapping[str, Any]) -> str:
    """The learning rate of a cell in words: a part of its course that takes no time is left out."""
    rate = _value(training["learning_rate"])
    if training["schedule"] == "cosine":
        climb = training["warmup_steps"]
        rise = f"climbing to {rate} over {_counted(climb, 'step')}, then" if climb else f"falling from {rate} along"
        return f"a learning rate {rise} half a cosine to 0"
    constant = training["constant_epochs"]
    if constant == training["epochs"]:
        return f"a learning rate of {rate} throughout"
    if not constant:
        return f"a learning rate falling linearly from {rate} to 0"
    return f"a learning rate of {_constant(training)}, then falling linearly to 0"


def _constant(training: Mapping[str, Any]) -> str:
    return f"{_value(training['learning_rate'])} for {_counted(training['constant_epochs'], 'epoch')}"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return " to ".join(f"{end:g}" for end in value)
    return _literal(value) if isinstance(value, str) else spelled(value)


def _literal(text: str) -> str:
    return f"``{text}``"


def _plain(text: str) -> str:
    """A text of a declaration without what reStructuredText takes for markup."""
    return "".join(f"\\{character}" if character in "\\*`|_" else character for character in text)


def _listed(texts: Iterable[str], word: str = "and") -> str:
    *others, last = texts
    return f"{', '.join(others)} {word} {last}" if others else last


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
