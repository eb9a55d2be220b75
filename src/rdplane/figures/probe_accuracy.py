"""What the code knows of the class: accuracy of a linear probe against the rate."""

from collections.abc import Sequence

import matplotlib.figure
import pandas as pd
from matplotlib.axes import Axes

from rdplane.declare import Figure
from rdplane.experiment.architectures import place
from rdplane.figures import keys, measured, runs, style
from rdplane.table import frontier
from rdplane.table.category import CLASS_NATS, SYNTAX_SHARE

__all__ = ["draw_probe_accuracy"]

FIGURE = Figure(
    name="probe_accuracy", title="What the code tells about the class", draws="draw_probe_accuracy", measure="probe",
    place=5, caption="Accuracy of a linear probe for the class on z against rate: what the code knows.",
)  # fmt: skip


@style.styled
def draw_probe_accuracy(
    table: pd.DataFrame, *, note: str | None = None, missing: Sequence[str] = ()
) -> matplotlib.figure.Figure:
    """Accuracy of a linear probe for the class against rate, one mark per run.

    Two lines part autodecoders, semantic and syntactic encoders (see `rdplane.table.category`, whose rule looks at
    distortion and accuracy as well).

    Args:
        table: one row per run, with the columns of `rdplane.table.rd.read_table`.
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
        FIGURE.title,
        runs.describe(found, measured=False),
        note,
        measured.footnotes(table, found, missing),
    )
    axes = page.axes(0.65, 0.5, 5.9, page.height - 0.55)
    right = max(1.05 * float(found["rate"].max()), 1.0)
    best = float(table["neg_elbo"].iloc[frontier.best_elbo(table["rate"], table["distortion"])])
    axes.set(xlabel=style.RATE, ylabel="Accuracy of a linear probe on z", xlim=(-0.02 * right, right), ylim=(0, 1.02))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    _boundaries(axes, [CLASS_NATS, SYNTAX_SHARE * best], right)
    errors = found["rate_se"], found["probe_accuracy_se"]
    measured.draw_marks(axes, found, found["probe_accuracy"].to_numpy(), *errors)
    top = page.height - 0.1
    keys.architecture_key(page.axes(6.85, top - up, across, up), names)
    keys.legend(
        page.axes(6.85, 0.5, across, top - up - 0.75),
        [
            keys.cross("± 1 standard error over images"),
            keys.line(f"R = log 10 = {CLASS_NATS:.1f},\nto name one of ten classes", dashes=keys.DOTTED),
            keys.line(f"R = {SYNTAX_SHARE * best:.1f},\na sixth of the best −ELBO", dashes=keys.DASHED),
        ],
    )
    return page.figure


def _boundaries(axes: Axes, places: list[float], right: float) -> None:
    """Lines at the rates that part the categories, and the categories' names where there is room."""
    for rate, dashes in zip(places, (keys.DOTTED, keys.DASHED), strict=True):
        if rate < right:
            axes.axvline(rate, linestyle=dashes, **measured.GUIDE)
    edges = [0.0, *places, right]
    for name, left, end in zip(("autodecoder", "semantic", "syntactic"), edges, edges[1:], strict=False):
        if min(end, right) - left > 0.14 * right:
            middle = (left + min(end, right)) / 2
            axes.text(middle, 0.03, name, ha="center", va="bottom", size=style.SMALL, color=style.FAINT)
