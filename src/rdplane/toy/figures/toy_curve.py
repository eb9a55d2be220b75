"""Every run of the toy on the RD plane, over the exact optimum."""

from collections.abc import Sequence
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes

from rdplane.declare import Figure
from rdplane.errors import UserError
from rdplane.figures import style
from rdplane.toy import blahut, restricted
from rdplane.toy.record import Record

__all__ = ["draw_toy_curve"]

FIGURE = Figure(
    name="toy_curve", title="Toy runs over the exact optimum", draws="draw_toy_curve", needs=("toy",), place=3,
    caption="All runs of the toy model over the exact optimum R + D = H.",
)  # fmt: skip

_FLOOR = 1e-6  # nats; runs closer to the optimum are drawn here on the logarithmic axis
# Marker, colour, size, filled. The ELBO's ring is hollow: runs with beta above one end inside it.
_LOOKS = {
    "D + βR": ("o", "#e69f00", 5.0, True),
    "D + |σ − R|": ("s", "#0072b2", 5.0, True),
    "ELBO (β = 1)": ("o", "#d55e00", 11.0, False),
    "hand-built": ("*", "black", 12.0, True),
}


@style.styled
def draw_toy_curve(records: Sequence[Record], *, title: str = FIGURE.title) -> matplotlib.figure.Figure:
    """Left: D against R over the line R + D = H, the exact optimum. Right: how far above it each run ends.

    The dashed curve is the exact optimum that Blahut-Arimoto finds for the hand-built decoder, with the encoder and
    the marginal free; it is drawn when `records` hold the hand-built model.

    Args:
        records: the runs, at least one.
        title: heading; '' leaves it and the subtitle out.

    Raises:
        UserError: no records, or records of different data.
    """
    if not records:
        raise UserError("there are no toy runs to draw; train some first")
    if any(not np.array_equal(record.joint, records[0].joint) for record in records):
        raise UserError("these toy runs have different data distributions; draw each on its own")
    entropy = records[0].quantities()["entropy"]
    page = style.Page(
        9.3,
        4.7,
        title,
        f"{len(records)} runs, all quantities exact; H = {entropy:.3f} nats. No model can lie below R + D = H",
        footnotes=(f"Runs that end less than {_FLOOR:g} nats above the optimum are drawn at {_FLOOR:g}.",),
    )
    plane = page.axes(0.6, 0.5, 4.0, 4.0, xlabel="Rate R (nats)", ylabel="Distortion D (nats)")
    above = page.axes(
        5.5,
        0.5,
        3.75,
        4.0,
        xlabel="Rate R (nats)",
        ylabel="Excess R + D − H (nats)",
        yscale="log",
        ylim=(0.5 * _FLOOR, 5),
    )
    plane.plot(*blahut.unrestricted(entropy), color="black", linewidth=3, label="R + D = H", zorder=1)
    _hand_built_curve(plane, records)
    for label, (marker, colour, size, filled) in _LOOKS.items():
        numbers = [record.quantities() for record in records if _label(record) == label]
        if not numbers:
            continue
        rate = [number["rate"] for number in numbers]
        look: dict[str, Any] = {
            "marker": marker,
            "markersize": size,
            "markerfacecolor": colour if filled else "none",
            "markeredgecolor": "white" if filled else colour,
            "linestyle": "none",
        }
        plane.plot(rate, [number["distortion"] for number in numbers], label=label, **look)
        above.plot(rate, [max(number["excess"], _FLOOR) for number in numbers], **look)
    plane.set(xlim=(-0.04 * entropy, 1.04 * entropy), ylim=(-0.04 * entropy, 1.25 * entropy))
    plane.legend(frameon=False, loc="upper right")
    above.set_xlim(plane.get_xlim())
    return page.figure


def _label(record: Record) -> str:
    if record.objective == "beta":
        return "ELBO (β = 1)" if record.value == 1 else "D + βR"
    return "D + |σ − R|" if record.objective == "rate_penalty" else "hand-built"


def _hand_built_curve(axes: Axes, records: Sequence[Record]) -> None:
    for record in records:
        if record.objective == "optimal":
            curve = restricted.trace(record.p, record.model.decoder)
            axes.plot(curve.rates, curve.distortions, "--", color="#7f7f7f", label="best with the\nhand-built decoder")
            return
