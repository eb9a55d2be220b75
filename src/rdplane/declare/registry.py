"""All that is declared: what the package brings, and what the extensions of a configuration add to it.

`declared()` is asked wherever something depends on a declaration. `use` sets which extensions count in this process;
a configuration does so when it is resolved, a job when it starts. Needs no torch.
"""

import dataclasses
import functools
import importlib.util
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rdplane.declare.checks import Invalid, Range
from rdplane.declare.kinds import (
    KINDS,
    MARKS,
    PIXELS,
    Dataset,
    Declaration,
    Figure,
    Key,
    Likelihood,
    Measure,
    Objective,
    Part,
)
from rdplane.declare.read import read
from rdplane.errors import UserError

__all__ = [
    "PACKAGE",
    "Registry",
    "declared",
    "files",
    "locate",
    "names_of_keys",
    "use",
]

PACKAGE = Path(__file__).parents[1]
ROOMS = ("data", "models", "train/objectives", "evaluate", "figures", "toy/figures")
SYMBOL = re.compile(r"[A-Za-z0-9+-]")
WORD = re.compile(r"[a-z][a-z0-9_]*")
RESERVED = (
    "architecture", "architectures", "anneal", "extra", "exclude", "encoder", "decoder", "marginal", "name",
    "value", "shape", "mean", "likelihood", "pixels", "objective",
)  # fmt: skip
EXPECTED = "a Python file, its path from the configuration's folder, or the name of an installed module"


@dataclass
class Registry:
    """Every declaration by its name, each kind in its order.

    Attributes:
        parts: kind ('encoder', ...) -> symbol -> `Part`.
        keys: name -> `Key`, of all parts, likelihoods, objectives and measures.
        owners: name of a key -> what has it, such as 'decoder +'.
    """

    parts: dict[str, dict[str, Part]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    likelihoods: dict[str, Likelihood] = field(default_factory=dict)
    objectives: dict[str, Objective] = field(default_factory=dict)
    measures: dict[str, Measure] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    datasets: dict[str, Dataset] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    owners: dict[str, list[str]] = field(default_factory=dict)

    def likelihood(self, pixels: str) -> Likelihood:
        """The likelihood of images with pixels of a kind, 'binary', 'grey' or 'colour'."""
        return next(found for found in self.likelihoods.values() if pixels in found.pixels)

    def sizes(self, part: Part | Likelihood) -> tuple[str, ...]:
        """Names of the keys of a part or likelihood."""
        return tuple(size if isinstance(size, str) else size.name for size in part.sizes)

    def keys_of(self, *kinds: type[Declaration]) -> dict[str, Key]:
        """The keys of all declarations of these kinds, in their order."""
        found: dict[str, Key] = {}
        for declaration in self.everything():
            if isinstance(declaration, kinds):
                found |= {name: self.keys[name] for name in names_of_keys(declaration)}
        return found

    def everything(self) -> list[Declaration]:
        """Every declaration: parts, likelihoods, objectives, measures, figures, datasets."""
        parts = [part for kind in KINDS for part in self.parts[kind].values()]
        tables: list[Mapping[str, Declaration]] = [
            self.likelihoods, self.objectives, self.measures, self.figures, self.datasets
        ]  # fmt: skip
        return [*parts, *(declaration for table in tables for declaration in table.values())]

    @property
    def plots(self) -> dict[str, Figure]:
        """The figures of an experiment."""
        return {name: figure for name, figure in self.figures.items() if "toy" not in figure.needs}

    @property
    def toy_plots(self) -> dict[str, Figure]:
        """The figures of the toy model."""
        return {name: figure for name, figure in self.figures.items() if "toy" in figure.needs}


def names_of_keys(declaration: Declaration) -> tuple[str, ...]:
    """Names of the keys that a declaration has."""
    return tuple(key if isinstance(key, str) else key.name for key in _keys(declaration))


def _keys(declaration: Declaration) -> tuple[Key | str, ...]:
    """The keys of a declaration: `sizes` of a part or likelihood, `keys` of an objective or measure."""
    return getattr(declaration, "sizes", ()) or getattr(declaration, "keys", ())


def declared() -> Registry:
    """What counts in this process."""
    return _assembled(_extensions)


_extensions: tuple[str, ...] = ()


def use(extensions: Iterable[str]) -> Registry:
    """Let these extensions count from now on, and no others.

    Args:
        extensions: paths of Python files, and names of modules.

    Raises:
        UserError: one does not exist, or declares something that is wrong, or that is there already.
    """
    global _extensions
    chosen = tuple(extensions)
    registry = _assembled(chosen)
    _extensions = chosen
    return registry


def files() -> dict[str, Path]:
    """The extensions in use: source -> file."""
    return {extension: locate(extension) for extension in _extensions}


def locate(extension: str) -> Path:
    """The file of an extension, without importing it.

    Raises:
        UserError: there is none.
    """
    if extension.endswith(".py"):
        path = Path(extension)
        if not path.is_file():
            raise UserError(f"extensions: {extension} does not exist; expected {EXPECTED}")
        return path.resolve()
    try:
        spec = importlib.util.find_spec(extension)
    except Exception:  # it imports the packages around the module: whatever they raise
        spec = None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise UserError(f"extensions: no module {extension} is installed; expected {EXPECTED}")
    return Path(spec.origin)


@functools.cache
def _built_in() -> tuple[Declaration | Key, ...]:
    found: list[Declaration | Key] = []
    for room in ROOMS:
        for path in sorted((PACKAGE / room).glob("*.py")):
            found += read(path, f"rdplane.{room.replace('/', '.')}.{path.stem}")
    return tuple(found)


# The date is in the key: a file edited between two configurations of one process is read anew.
def _assembled(extensions: tuple[str, ...]) -> Registry:
    places = tuple((extension, locate(extension)) for extension in extensions)
    return _assemble(tuple((extension, path, path.stat().st_mtime_ns) for extension, path in places))


@functools.lru_cache(maxsize=16)
def _assemble(extensions: tuple[tuple[str, Path, int], ...]) -> Registry:
    registry, found = Registry(), list(_built_in())
    for extension, path, _ in extensions:
        added = read(path, str(path) if extension.endswith(".py") else extension)
        if not any(isinstance(declaration, Declaration) for declaration in added):
            raise UserError(
                f"{extension} declares nothing; expected a Part, Objective, Measure, Figure or Dataset at its top "
                "level, as docs/extend.md shows"
            )
        found += added
    for item in found:
        if isinstance(item, Key):
            _add_key(registry, item, "")
    for declaration in found:
        if isinstance(declaration, Declaration):
            _add(registry, declaration)
    for declaration in registry.everything():
        _resolve(registry, declaration)
    _order(registry)
    return registry


def _add(registry: Registry, new: Declaration) -> None:
    if isinstance(new, Part):
        if new.kind not in KINDS:
            raise UserError(f"{new.source}: kind is {new.kind!r}, expected one of {', '.join(KINDS)}")
        table, key, what = registry.parts[new.kind], new.symbol, f"{new.kind} {new.symbol!r}"
        if not SYMBOL.fullmatch(new.symbol):
            raise UserError(f"{new.source}: the symbol is {new.symbol!r}, expected one letter, digit, '-' or '+'")
        if new.mark and new.mark not in MARKS[new.kind]:
            raise UserError(f"{new.source}: the mark is {new.mark!r}, expected one of {', '.join(MARKS[new.kind])}")
    else:
        tables: dict[type, dict[str, Any]] = {
            Likelihood: registry.likelihoods, Objective: registry.objectives, Measure: registry.measures,
            Figure: registry.figures, Dataset: registry.datasets,
        }  # fmt: skip
        table, key = tables[type(new)], new.name  # type: ignore[attr-defined]
        what = f"{type(new).__name__.lower()} {key!r}"
        if not WORD.fullmatch(key):
            raise UserError(f"{new.source}: the name of the {what} is expected to be lower-case letters, digits and _")
    if isinstance(new, Objective):
        _check_objective(new, registry)
    if isinstance(new, Likelihood):
        _check_likelihood(new, registry)
    if isinstance(new, Dataset) and new.pixels not in PIXELS:
        raise UserError(f"{new.source}: pixels is {new.pixels!r}, expected one of {', '.join(PIXELS)}")
    if key in table:
        raise UserError(
            f"{new.source}: there is a {what} already, in {table[key].source}; choose another "
            + ("symbol" if isinstance(new, Part) else "name")
        )
    table[key] = new  # type: ignore[assignment]
    for item in _keys(new):
        if isinstance(item, Key):
            _add_key(registry, item, new.source)


def _check_likelihood(new: Likelihood, registry: Registry) -> None:
    taken = {pixels: other for other in registry.likelihoods.values() for pixels in other.pixels}
    for pixels in new.pixels:
        if pixels not in PIXELS:
            raise UserError(f"{new.source}: pixels are {pixels!r}, expected some of {', '.join(PIXELS)}")
        if pixels in taken:
            raise UserError(
                f"{new.source}: {pixels} pixels have a likelihood already, in {taken[pixels].source}; expected others"
            )


def _check_objective(new: Objective, registry: Registry) -> None:
    if new.name in (*RESERVED, "seed"):
        raise UserError(f"{new.source}: an objective is named {new.name!r}, which means something else in the grid")
    slugs = {other.slug for other in registry.objectives.values()}
    if not WORD.fullmatch(new.slug) or new.slug in slugs:
        raise UserError(
            f"{new.source}: the slug is {new.slug!r}, expected lower-case letters, digits and _, and none of "
            f"{', '.join(sorted(slugs))}"
        )
    try:
        for value in new.default:
            new.values(value)
    except Invalid as error:
        raise UserError(f"{new.source}: the default is {new.default!r}, expected each to be {error}") from None
    if new.conditions and not (new.column and isinstance(new.values, Range)):
        raise UserError(
            f"{new.source}: the objective {new.name!r} trains at every number of a range, expected a Range as its "
            "values, and the column of rd.csv that holds the number of a point (column='beta', say)"
        )
    if new.mark not in ("", "x", "+"):
        raise UserError(f"{new.source}: the mark is {new.mark!r}, expected '', 'x' or '+'")
    try:
        fits = new.label.format(value=1.5) != new.label
    except (LookupError, ValueError, AttributeError):
        fits = False
    if not fits:
        raise UserError(f"{new.source}: the label is {new.label!r}, expected {{value}} in it, as in 'β {{value:g}}'")


def _add_key(registry: Registry, key: Key, where: str) -> None:
    if not WORD.fullmatch(key.name):
        raise UserError(f"{where}: a key is named {key.name!r}, expected lower-case letters, digits and _")
    if key.name in RESERVED:
        raise UserError(f"{where}: a key is named {key.name!r}, which means something else; choose another name")
    try:
        key.check(key.default)
    except Invalid as error:
        raise UserError(f"{where}: the default of {key.name} is {key.default!r}, expected {error}") from None
    if registry.keys.get(key.name) == key:
        return  # the same, named above and listed again
    if key.name in registry.keys:
        raise UserError(f"{where}: there is a key {key.name!r} already; name it alone to share it, or choose another")
    registry.keys[key.name] = key


def _resolve(registry: Registry, declaration: Declaration) -> None:
    """Check what a declaration names: keys, measures, columns."""
    for name in names_of_keys(declaration):
        if name not in registry.keys:
            raise UserError(f"{declaration.source}: no key {name!r} is declared; expected a Key, or the name of one")
        owner = declaration.name  # type: ignore[attr-defined]
        registry.owners.setdefault(name, []).append(owner)
    if isinstance(declaration, Figure):
        for need in declaration.needs:
            if need not in ("gaps", "histories", "prefix", "samples", "toy"):
                expected = "'gaps', 'histories', 'prefix', 'samples' or 'toy'"
                raise UserError(f"{declaration.source}: needs {need!r}, expected {expected}")
    if isinstance(declaration, Measure):
        if not declaration.columns:
            raise UserError(f"{declaration.source}: the measure {declaration.name} has no columns, expected one")
        if declaration.off and declaration.off not in names_of_keys(declaration):
            raise UserError(f"{declaration.source}: off is {declaration.off!r}, expected one of its keys")
        for name in declaration.needs:
            if name not in registry.measures:
                raise UserError(f"{declaration.source}: needs the measure {name!r}, which is not declared")
        if _depends_on(declaration.name, registry, ()):
            raise UserError(f"{declaration.source}: the measure {declaration.name} needs itself, by its `needs`")
        others = [m for m in registry.measures.values() if m is not declaration]
        taken = {column.name for measure in others for column in measure.columns}
        for column in () if declaration.source.startswith("rdplane.") else declaration.columns:
            if column.name in taken:
                raise UserError(f"{declaration.source}: another measure has a column {column.name!r}; choose another")
    if isinstance(declaration, Figure) and declaration.measure and declaration.measure not in registry.measures:
        raise UserError(f"{declaration.source}: needs the measure {declaration.measure!r}, which is not declared")
    if isinstance(declaration, Figure) and declaration.objective and declaration.objective not in registry.objectives:
        raise UserError(f"{declaration.source}: needs the objective {declaration.objective!r}, which is not declared")


def _depends_on(name: str, registry: Registry, above: tuple[str, ...]) -> bool:
    """Whether a measure comes up again among those that it needs."""
    if name in above:
        return True
    needs = registry.measures[name].needs if name in registry.measures else ()
    return any(_depends_on(needed, registry, (*above, name)) for needed in needs)


def _order(registry: Registry) -> None:
    """Symbols as in the paper, - + and then letters; objectives by name, beta first; the others by their place."""
    for kind in KINDS:
        parts = registry.parts[kind]
        order = sorted(parts, key=lambda symbol: ("-+".find(symbol) % 3, symbol))
        free = [mark for mark in MARKS[kind] if mark not in {part.mark for part in parts.values()}]
        for symbol in order:
            part = parts.pop(symbol)
            if not part.mark:
                if not free:
                    raise UserError(
                        f"{part.source}: no mark is free for another {kind}, all of {', '.join(MARKS[kind])} are "
                        "taken; expected one of them in its declaration, as mark=..."
                    )
                part = dataclasses.replace(part, mark=free.pop(0))
            parts[symbol] = part
    registry.objectives = dict(sorted(registry.objectives.items(), key=lambda item: (item[0] != "beta", item[0])))
    registry.measures = dict(sorted(registry.measures.items(), key=lambda item: (item[1].place, item[0])))
    registry.figures = dict(sorted(registry.figures.items(), key=lambda item: (item[1].place, item[0])))
