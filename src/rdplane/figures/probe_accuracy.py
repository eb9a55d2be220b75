"""What the code knows of the class: accuracy of a linear probe against the rate."""

from collections.abc import Sequence

import matplotlib.figure
import pandas as pd
from matplotlib.axes import Axes

from rdplane.declare import Figure
from rdplane.experiment.architectures import place
from rdplane.figures import curve_lines, keys, measured, runs, style
from rdplane.table import category

__all__ = ["draw_probe_accuracy"]

FIGURE = Figure(
    name="probe_accuracy", title="What the code tells about the class", draws="draw_probe_accuracy", measure="probe",
    place=5, caption="Accuracy of a linear probe for the class on z against rate: what the code knows.",
)  # fmt: skip


_DASH_DOT: keys.Dashes = (0, (6, 2, 1, 2))


@style.styled
def draw_probe_accuracy(
    table: pd.DataFrame, *, title: str = FIGURE.title, note: str | None = None, missing: Sequence[str] = ()
) -> matplotlib.figure.Figure:
    """Accuracy of a linear probe for the class against rate, one mark per run, and a line per curve of one training.

    Lines show the accuracy of a guess and, where the labels say what an image shows, the rates that part autodecoders,
    semantic and syntactic encoders and the accuracy from which on the class can be read (see `rdplane.table.category`,
    whose rule looks at distortion as well).

    Args:
        table: one row per run or point of a curve, with the columns of `rdplane.table.rd.read_table`.
        title: heading; '' leaves it and the subtitle out.
        note: a line under the title, such as the warning that a training run is small.
        missing: names of cells that should have been in the table.

    Raises:
        UserError: no run has a probe accuracy.
    """
    found = measured.having(table, "probe_accuracy", "the dataset has no labels, or evaluation has probe_images 0")
    names = place(found["architecture"])
    across, up = keys.architecture_key_size(names)
    page = style.Page(
        6.8 + across,
        max(4.95, up + 2.75),
        title,
        runs.describe(found, measured=False),
        note,
        measured.footnotes(table, found, missing),
    )
    axes = page.axes(0.65, 0.5, 5.9, page.height - 0.55)
    right = max(1.05 * float(found["rate"].max()), 1.0)
    axes.set(xlabel=style.RATE, ylabel="Accuracy of a linear probe on z", xlim=(-0.02 * right, right), ylim=(0, 1.02))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    # The largest number where runs differ in it: some may have been measured on fewer images.
    entries = _guides(axes, int(found["probe_classes"].max()), category.has_classes(found["dataset"].iloc[0]), right)
    errors = found["rate_se"], found["probe_accuracy_se"]
    measured.draw_marks(axes, found, found["probe_accuracy"].to_numpy(), *errors)
    top = page.height - 0.1
    keys.architecture_key(page.axes(6.85, top - up, across, up), names)
    explained = curve_lines.entries(found)
    if not runs.on_curves(found).all():
        of_what = ",\nof marks alone" if explained else ""
        explained.append(keys.cross(f"± 1 standard error over images{of_what}"))
    entries = [*explained, *keys.annealed(found), *entries]
    keys.legend(page.axes(6.85, 0.5, across, top - up - 0.75), entries)
    return page.figure


def _guides(axes: Axes, classes: int, categories: bool, right: float) -> list[keys.Entry]:
    """Lines at what a guess among the classes gets right, and with `categories` at what parts these."""
    axes.axhline(1 / classes, linestyle=_DASH_DOT, **measured.GUIDE)
    guess = keys.line(f"a guess among {classes} classes: {1 / classes:.0%}", dashes=_DASH_DOT)
    if not categories:
        return [guess]
    places, readable = category.rates(classes), category.readable(classes)
    _boundaries(axes, places, right, floor=1 / classes)
    axes.axhline(readable, **measured.GUIDE)
    low, high = (
        f"R = {share} log {classes} = {rate:.1f}"
        for share, rate in zip((category.AUTODECODER, category.SEMANTIC), places, strict=True)
    )
    return [
        keys.line(f"{low}:\nautodecoders below", dashes=keys.DOTTED),
        keys.line(f"{high}: semantic\nbelow, syntactic encoders above", dashes=keys.DASHED),
        keys.line(f"from {readable:.0%} on the class can be read"),
        guess,
    ]


def _boundaries(axes: Axes, places: Sequence[float], right: float, floor: float) -> None:
    """Lines at the rates that part the categories, and the categories' names where there is room.

    The names are where no runs are: few nats tell no class, and many tell it better than a guess, the `floor`.
    """
    for rate, dashes in zip(places, (keys.DOTTED, keys.DASHED), strict=True):
        if rate < right:
            axes.axvline(rate, linestyle=dashes, **measured.GUIDE)
    edges = [0.0, *places, right]
    for name, left, end in zip(("autodecoder", "semantic", "syntactic"), edges, edges[1:], strict=False):
        share = (min(end, right) - left) / right
        if share > 0.04:
            y, align = (0.98, "top") if name == "autodecoder" else (floor + 0.025, "bottom")
            axes.text(
                (left + min(end, right)) / 2, y, name, ha="center", va=align, rotation=0 if share > 0.14 else 90,
                size=style.SMALL, color=style.FAINT,
            )  # fmt: skip
