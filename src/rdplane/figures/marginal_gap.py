"""Where the rate goes: bounds on what a marginal that does not fit costs, against the rate."""

import math
from collections.abc import Sequence

import matplotlib.figure
import numpy as np
import pandas as pd

from rdplane.declare import Figure
from rdplane.experiment.architectures import place
from rdplane.figures import curve_lines, keys, measured, runs, style
from rdplane.table.gap import marginal_gap

__all__ = ["draw_marginal_gap"]

FIGURE = Figure(
    name="marginal_gap", title="Where the rate goes: the marginal's gap", draws="draw_marginal_gap",
    measure="information", place=6,
    caption="R - I(X;Z), the nats spent because the marginal differs from the codes, between two bounds, against rate.",
)  # fmt: skip


_BELOW = (
    "Right: no gap is below 0. A run there has an upper bound on I(X; Z) that is above R, an upper bound as well, so "
    "this bound says nothing of its gap: the gap lies between 0 and the upper end on the left."
)


@style.styled
def draw_marginal_gap(
    table: pd.DataFrame, *, title: str = FIGURE.title, note: str | None = None, missing: Sequence[str] = ()
) -> matplotlib.figure.Figure:
    """Bounds on the part of the rate that is no information, R - I(X; Z) = KL(p_e(z) || m(z)), against rate.

    On the left the whole interval from R - mi_upper (or 0) to R - mi_lower, and the line R - log K that its upper end
    cannot pass below, however large I is: there the upper end says nothing. On the right its lower end alone, with
    errors: what is above 0 is lost to a marginal that does not fit. Below 0 the upper bound on I has more slack than R
    itself, which is one as well, and says nothing of the gap; a footnote says so where there are such runs.

    The lower ends along a curve of one training are a line; its intervals are paler, and its errors are not drawn.

    Args:
        table, title, note, missing: as `rdplane.figures.probe_accuracy.draw_probe_accuracy`.

    Raises:
        UserError: no run has bounds on I.
    """
    found = measured.having(table, "mi_upper", "evaluation has mi_images 0")
    lower = found["rate"].to_numpy() - found["mi_upper"].to_numpy()
    footnotes = measured.footnotes(table, found, missing)
    if (lower < 0).any():
        footnotes.append(_BELOW)
    names = place(found["architecture"])
    key_across, key_up = keys.architecture_key_size(names)
    page = style.Page(
        9.1 + key_across,
        max(4.65, key_up + 2.45),
        title,
        runs.describe(found, measured=False),
        note,
        footnotes,
    )
    up = page.height - 0.75
    rate, points = found["rate"].to_numpy(), runs.on_curves(found).to_numpy()
    least, most = marginal_gap(rate, found["mi_lower"], found["mi_upper"])
    right = max(1.05 * float(rate.max()), 1.0)
    caps = sorted({math.log(count) for count in found["mi_images"]})

    whole = page.axes(0.65, 0.5, 3.5, up)
    whole.set_title("Bounds", loc="left", color=style.INK)
    whole.set(xlabel=style.RATE, ylabel="R − I(X; Z) (nats per image)", xlim=(-0.02 * right, right))
    whole.set_ylim(-0.02 * right, right)
    whole.plot([0, right], [0, right], linestyle=keys.DOTTED, **measured.GUIDE)
    for cap in caps:
        whole.plot([cap, max(cap, right)], [0, max(0.0, right - cap)], linestyle=keys.DASHED, **measured.GUIDE)
    for rows, width, alpha in ((~points, 0.7, 0.6), (points, 0.5, 0.25)):
        ends = least[rows], np.maximum(least, most)[rows]
        whole.vlines(rate[rows], *ends, color=style.INK, linewidth=width, alpha=alpha, zorder=2)
    measured.draw_marks(whole, found, least)

    certain = page.axes(4.9, 0.5, 3.5, up)
    certain.set_title("At least", loc="left", color=style.INK)
    # R and the bound vary together over images; as if they did not is the more careful error.
    errors = np.hypot(found["rate_se"], found["mi_upper_se"])
    low, high = style.spread(np.concatenate((lower - errors, lower + errors, [-1.0, 1.0])))
    certain.set(xlabel=style.RATE, ylabel="R − upper bound on I (nats per image)", xlim=(-0.02 * right, right))
    certain.set_ylim(low, high)
    certain.axhline(0, **measured.GUIDE)
    measured.draw_marks(certain, found, lower, found["rate_se"], errors)

    top = page.height - 0.2
    keys.architecture_key(page.axes(8.75, top - key_up, key_across, key_up), names)
    entries = [
        *curve_lines.entries(found),
        keys.cross("R − I lies between its bounds", "|", 11),
        keys.line("all of the rate", dashes=keys.DOTTED),
    ]
    for cap in caps:
        entries.append(
            keys.line(f"R − log K, log K = {cap:.1f}: the upper\nend cannot go below it", dashes=keys.DASHED)
        )
    if not points.all():
        of_what = ", of\nmarks alone" if points.any() else ""
        entries.append(keys.cross(f"right: ± 1 standard error{of_what}"))
    entries += keys.annealed(found)
    keys.legend(page.axes(8.75, 0.5, key_across, top - key_up - 0.65), entries)
    return page.figure
