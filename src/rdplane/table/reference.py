"""What the columns of rd.csv mean, for people: made from the one declaration of each column. Needs no torch."""

from collections.abc import Iterable

from rdplane.declare.kinds import Column
from rdplane.declare.registry import declared
from rdplane.experiment.metrics import columns_of
from rdplane.table.rd import columns

__all__ = ["markdown"]

HEAD = """# The table `rd.csv`

*Made by `rdplane reference columns` from the declarations; edit those, not this page.*

`results/<experiment>/rd.csv` has one row per cell, that is, per training run of the grid, and of a cell that trained a
whole curve one per point at which it was measured: epochs, parameters and seconds are then those of the whole curve. It
is the source of every figure, of the page and of the short tables.

- **Units.** "nats" are nats per image, "share" is a number from 0 to 1, "s" are seconds; counts and texts have no
  unit.
- **Where from.** Every measured number comes from the test images (those of `gen_lower` and `gen_upper` from images
  that the model generates), computed in float32 with the weights that were kept. Beta is in none of them: R and D are
  unweighted.
- **Standard errors.** A column that ends in `_se` is the standard error of the column before it. It is over images,
  of one trained model; it does not tell how much another seed would change.
- **Empty fields.** Of the objectives' columns only that of the cell's own objective has a number; a point of a curve
  has its `beta`, and if that was searched for a rate, this validation rate in `rate_target`. The columns of a
  measure are empty if it is switched off, needs labels that the dataset lacks or averaged weights that were not asked
  for, or gave a number that is not finite.

The short tables in `tables/` have few of these columns, and one more, `category`: the paper's word for what a model
does with its code, where one applies (docs/rd_plane.md). Where the grid has curves and separate trainings at one beta,
`curve_gap` compares them; where figures show the paper's points, `paper` has ours beside them; where a PixelCNN++ alone
(`0+-`) is trained, `prefix` has its prefix code: for a dozen numbers k of `pixels`, the `rate` and `distortion` of the
code that is the first k pixels in raster order, and the `label_information` of these pixels, each with its error.

Cells without a result have no row; `missing.csv` beside the table names them, and why. Objectives and measures of
your own add columns, each among its like.
"""


def markdown() -> str:
    """The page docs/columns.md."""
    measures = {measure.title: list(columns_of(measure)) for measure in declared().measures.values()}
    measured = {column.name for found in measures.values() for column in found}
    others = [column for column in columns().values() if column.name not in measured]
    last = [column for column in others if column.name in ("train_seconds", "device", "precision", "cell")]
    run = [column for column in others if column not in last]
    sections = {"the training run": run, **measures, "how it was computed": last}
    return HEAD + "".join(f"\n## {_capital(title)}\n\n{_rows(found)}" for title, found in sections.items())


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _rows(found: Iterable[Column]) -> str:
    lines = ["| column | unit | meaning |", "| --- | --- | --- |"]
    for column in found:
        text = column.text.replace("|", "\\|")
        lines.append(f"| `{column.name}` | {column.unit} | {text} |".replace("|  |", "| |"))
    return "\n".join(lines) + "\n"
