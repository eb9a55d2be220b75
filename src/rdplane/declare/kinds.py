"""The words in which everything that varies is declared, from `Part` and `Likelihood` to `Figure` and `Dataset`.

A declaration stands at the top of the file that holds the class or function it is about, as an assignment to a name:

    DECODER = Part(kind="decoder", symbol="m", title="MLP", builds="MLPDecoder", sizes=("latent",))

It is read from the source without running it (see `rdplane.declare.read`), so that the grid is expanded, tables are
read and configurations are checked without torch. Hence its arguments are literals, other words of this module and of
`rdplane.declare.checks`, and names of keys or declarations made above it in the same file. Needs no torch.
"""

import dataclasses
import types
import typing
from dataclasses import dataclass
from typing import Any

from rdplane.declare.checks import Check, Real

__all__ = [
    "KINDS", "MARKS", "PIXELS", "Column", "Dataset", "Declaration", "Figure", "File", "Key", "Likelihood", "Measure",
    "Objective", "Part",
]  # fmt: skip

KINDS = ("encoder", "decoder", "marginal")

# What the pixels of images are: 0 and 1; grey of 8 bits; red, green and blue of 8 bits each.
PIXELS = ("binary", "grey", "colour")

# How a part of each kind can be drawn, in the order in which parts that do not say get one.
MARKS = {
    "encoder": ("hollow", "filled", "dot", "cross", "bar", "plus"),
    "decoder": ("light", "dark", "black", "grey"),
    "marginal": ("circle", "square", "diamond", "triangle", "star", "hexagon", "down", "left"),
}


def _fits(value: Any, annotation: Any) -> bool:
    if isinstance(annotation, types.UnionType):
        return any(_fits(value, option) for option in annotation.__args__)
    if typing.get_origin(annotation) is tuple:
        return isinstance(value, tuple) and all(_fits(item, annotation.__args__[0]) for item in value)
    if annotation is Any or annotation is None:
        return annotation is Any or value is None
    numbers = {float: (int, float), int: (int,)}
    if annotation in numbers:
        return isinstance(value, numbers[annotation]) and not isinstance(value, bool)
    return isinstance(value, annotation)


class Typed:
    """Refuses a value of another type than its field is annotated with, where it is made."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if not _fits(value, field.type):
                wanted = getattr(field.type, "__name__", None) or str(field.type).replace("rdplane.declare.", "")
                comma = "; a tuple of one has a comma: (x,)" if typing.get_origin(field.type) is tuple else ""
                raise TypeError(f"{field.name} is {value!r}, expected {wanted}{comma}")


@dataclass(frozen=True)
class Key(Typed):
    """A key of the configuration.

    Args:
        name: as it stands in the configuration, and as the class or function gets it.
        check: what its value must be.
        default: where the configuration does not say.
        text: what it means, a line; `config.yaml`, docs/configuration.md and the JSON schema say the same.
        unit: of its value.
    """

    name: str
    check: Check
    default: Any
    text: str
    unit: str = ""


@dataclass(frozen=True)
class Declaration(Typed):
    """Base of the five kinds. `source` is filled in by the reader: a module's name, or the path of a user's file."""

    source: str = dataclasses.field(default="", kw_only=True, compare=False)

    @property
    def target(self) -> str:
        """Name of the class or function that it is about, whatever its kind calls that."""
        fields = ("builds", "computes", "draws", "makes")
        return next(str(getattr(self, field)) for field in fields if hasattr(self, field))


@dataclass(frozen=True)
class Part(Declaration):
    """An encoder, decoder or marginal.

    Args:
        kind: 'encoder', 'decoder' or 'marginal'.
        symbol: one letter, digit, '-' or '+': its place in an architecture's name.
        title: two words for figures.
        builds: name of the class in the same file. It gets those of these arguments that its constructor names:
            `shape` (H, W), in colour (H, W, 3), `mean` of that shape, the mean training image in [0, 1], `likelihood`
            (decoders; see `Likelihood`), `encoder` (marginals), and its `sizes`. A decoder that does not name
            `likelihood` is for binary images.
        sizes: its keys in the section `model`: a `Key`, or the name of one that another part or file declares.
        mark: how it is drawn, one of `MARKS[kind]`; empty for the first that is free.
        minutes: an epoch at the sizes of `config.yaml` on one core, roughly, to ask of a batch scheduler.
        sampler: module that only drawing from it needs (it is imported where it draws); an edit there changes samples,
            and measures that draw, but no training.
        fits: the only architectures that it can be a part of, as a pattern, which are then meant by their names alone
            and never by a pattern such as '?+-'; empty for all.
        decides: sizes that an encoder decides by itself, so that they are no keys of such an architecture; the other
            parts get what its attribute of that name holds.
        codes: whether an encoder writes a code at all; if not, the rate is 0 whatever the objective.
    """

    kind: str
    symbol: str
    title: str
    builds: str
    sizes: tuple[Key | str, ...] = ()
    mark: str = ""
    minutes: float = 0.1
    sampler: str = ""
    fits: str = ""
    decides: tuple[str, ...] = ()
    codes: bool = True

    @property
    def name(self) -> str:
        return f"{self.kind} {self.symbol}"


@dataclass(frozen=True)
class Likelihood(Declaration):
    """What the pixels of an image are given what a decoder puts out for them.

    Args:
        name: of the likelihood.
        title: a few words.
        pixels: of `PIXELS`, which images it is for: there is one likelihood for each kind.
        builds: name of the class in the same file (see `rdplane.models.likelihood.PixelLikelihood`). It gets those of
            these arguments that its constructor names: `pixels`, and its `sizes`.
        sizes: its keys in the section `model`, as those of a `Part`.
    """

    name: str
    title: str
    pixels: tuple[str, ...]
    builds: str
    sizes: tuple[Key | str, ...] = ()


@dataclass(frozen=True)
class Objective(Declaration):
    """What training minimises, with one number that the grid varies.

    Args:
        name: of the objective, of its axis in `grid` and of its column in rd.csv.
        text: what the number is, a line.
        title: of the objective in filters and keys.
        label: of a run in figures, with {value}.
        slug: in a cell's name, before the number.
        builds: name of the class (see `rdplane.train.loss.Loss`) in the same file. It gets those of these
            arguments that its constructor names: the number under the objective's name, `anneal` (epochs), its `keys`.
        values: what the number must be.
        default: numbers of the grid where the configuration says nothing.
        unit: of the number.
        keys: its keys in the section `training`: a `Key`, or the name of one that another objective declares.
        anneals: whether `grid.anneal` varies it, too.
        mark: drawn over a run's mark: '', 'x' or '+'.
        conditions: whether it trains a model at every number of a range at once (see
            `rdplane.models.conditioned.Conditioned`): `values` is then a `Range`, and each point of the curve at which
            it is measured is a row of rd.csv.
        column: of rd.csv that holds a row's number; empty for one of the objective's own name.
    """

    name: str
    text: str
    title: str
    label: str
    slug: str
    builds: str
    values: Check = Real(0)  # noqa: RUF009, a check never changes
    default: tuple[float, ...] = ()
    unit: str = ""
    keys: tuple[Key | str, ...] = ()
    anneals: bool = False
    mark: str = "x"
    conditions: bool = False
    column: str = ""

    @property
    def holds(self) -> str:
        """The column of rd.csv with a row's number."""
        return self.column or self.name

    def called(self, number: float) -> str:
        """A run of this number, as `label` says; of a range 3 digits, for one that was searched has more than count."""
        return self.label.format(value=float(f"{number:.3g}") if self.conditions else number)


@dataclass(frozen=True)
class Column(Typed):
    """A column of rd.csv.

    Args:
        name: of the column.
        text: what it is, a line.
        unit: 'nats' (per image), 'share', or empty for counts and texts.
        type: 'float64', 'int64' or 'str'.
        error: whether a column `<name>_se` with its standard error follows.
    """

    name: str
    text: str
    unit: str = "nats"
    type: str = "float64"
    error: bool = False


@dataclass(frozen=True)
class Measure(Declaration):
    """A number, or a few, measured on the test images of a trained cell.

    Args:
        name: of the measure.
        title: a few words.
        columns: what it adds to rd.csv.
        computes: name of the function in the same file, of one argument (see `rdplane.evaluate.given.Given`); it
            returns column -> number, `Estimate` or None.
        keys: its keys in the section `evaluation`: a `Key`, or the name of one that another measure declares.
        off: the key whose 0 switches it off; empty if it is always on.
        needs: names of measures whose numbers per image it uses.
        labels: whether it needs labelled images.
        density: whether it needs images whose density is known, as those of a teacher.
        pixels: of `PIXELS`, the images that it is for; empty for all.
        average: whether it needs the moving average of the weights; it is then off where `training.average` is 0.
        draws: whether it draws from the decoder.
        place: in the order of columns.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    computes: str
    keys: tuple[Key | str, ...] = ()
    off: str = ""
    needs: tuple[str, ...] = ()
    labels: bool = False
    density: bool = False
    pixels: tuple[str, ...] = ()
    average: bool = False
    draws: bool = False
    place: int = 100


@dataclass(frozen=True)
class Figure(Declaration):
    """A figure of an experiment.

    Args:
        name: of the figure and its files.
        title: its heading.
        caption: for the report and the list of figures, a sentence or two.
        draws: name of the function in the same file; it returns a matplotlib `Figure` and gets those of these arguments
            that it names: `table` (DataFrame, one row per training run or point of a curve, see
            `rdplane.table.rd.read_table`), `histories` (of the training run of each row, in the same order; the points
            of a curve share theirs), `samples` (`cell` of a row -> arrays, see
            `rdplane.figures.samples.read_samples`), `gaps` (DataFrame, one row per comparison of a curve with a
            separate training, see `rdplane.table.curve_gap.read_gaps`), `prefix` (DataFrame, one row per point of the
            prefix code, none where no PixelCNN++ alone is trained, see `rdplane.table.prefix.read_prefix`), `note`,
            `missing` (names of cells), `published` (whether to draw the paper's points), `title` ('' where
            `figures.titles` is off), and for a sample grid of the configuration `cells` (names of those it shows). A
            figure of the toy gets `records`, `settings` and `title`.
        needs: of 'gaps', 'histories', 'prefix' and 'samples', what it reads beside the table; 'toy' for a figure of
            the toy model. One that needs 'gaps' is drawn only in experiments that have such comparisons.
        measure: name of the measure without which there is nothing to draw; empty if it needs none.
        objective: name of the objective without whose runs there is nothing to draw; empty if it needs none. An
            experiment that has no such cell has no such figure.
        place: in the order of figures.
    """

    name: str
    title: str
    caption: str
    draws: str
    needs: tuple[str, ...] = ()
    measure: str = ""
    objective: str = ""
    place: int = 100


@dataclass(frozen=True)
class File(Typed):
    """An upstream file of a dataset.

    Args:
        name: there.
        url: its address; empty if it has none, and only a mirror serves it.
        kind: 'SHA-256', 'MD5' or 'git blob id' (see `rdplane.data.download.Checksum`).
        digest: in hexadecimal.
        size: bytes, where known.
    """

    name: str
    url: str
    kind: str
    digest: str
    size: int | None = None


@dataclass(frozen=True)
class Dataset(Declaration):
    """Images to model.

    Args:
        name: in the configuration.
        title: one line for a person.
        makes: name of the function in the same file, `make(seed, get)`: returns `rdplane.data.store.Images`;
            `get(name)` gives the verified bytes of one of `files`.
        files: what has to be downloaded.
        seeded: whether the seed decides anything.
        classes: whether its labels, if it has any, say what an image shows, as those of digits do; if not, its runs
            have no category (see `rdplane.table.category`).
        pixels: of its images, one of `PIXELS`.
    """

    name: str
    title: str
    makes: str
    files: tuple[File, ...] = ()
    seeded: bool = True
    classes: bool = True
    pixels: str = "binary"
