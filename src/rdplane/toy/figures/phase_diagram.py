"""The phase diagram (Figure 1), with nothing drawn by hand: every line is computed exactly from the toy."""

from collections.abc import Sequence
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes

from rdplane.declare import Figure
from rdplane.errors import UserError
from rdplane.figures import style
from rdplane.toy import exact, restricted
from rdplane.toy.record import Record
from rdplane.toy.restricted import Curve

__all__ = ["draw_phase_diagram"]

FIGURE = Figure(
    name="phase_diagram", title="Phase diagram of the toy model", draws="draw_phase_diagram", needs=("toy",), place=1,
    caption="Figure 1 of the paper, computed: infeasible, feasible and realizable regions, and the curves of a "
    "restricted family, of a worse decoder and of a worse marginal, each with its beta = 1 point.",
)  # fmt: skip

# Okabe and Ito's colours, told apart by all common kinds of colour vision.
_BLUE, _GREEN, _RED = "#0072b2", "#009e73", "#d55e00"


@style.styled
def draw_phase_diagram(records: Sequence[Record], *, title: str = FIGURE.title) -> matplotlib.figure.Figure:
    """Regions, exact optimum, and the curves of three restricted families, each with its beta = 1 point.

    Red: bumps that leak 30 % of their mass to seldom-visited bins, best encoder and marginal. Green: the same bumps
    leaking 55 %, a worse decoder. Blue: red's decoder under a fixed uniform marginal, a worse marginal.

    Args:
        records: runs, at least one; of them only the data's distribution counts.
        title: heading; '' leaves it and the subtitle out.

    Raises:
        UserError: there are no records.
    """
    if not records:
        raise UserError("there are no toy runs, so their data are unknown; train some first")
    p = records[0].p
    entropy = exact.entropy(p)
    decoder = restricted.dictionary(p, 0.30)
    best = restricted.trace(p, decoder)
    worse_decoder = restricted.trace(p, restricted.dictionary(p, 0.55))
    worse_marginal = restricted.trace(p, decoder, np.full(len(decoder), 1 / len(decoder)))
    right = 1.75 * entropy
    top = right * 5.0 / 5.6
    page = style.Page(
        6.4,
        5.6,
        title,
        f"Exact: H = {entropy:.3f} nats. On each curve the dot is the ELBO's point (β = 1, slope −1)",
        footnotes=(
            "Black: the optimum with free e(z|x), d(x|z) and m(z). Red: the optimum when the decoder is a fixed set of "
            "bumps that lose 30 % of their mass to seldom-visited bins. Green: the bumps lose 55 %. Blue: as red, with "
            "m(z) fixed and uniform.",
        ),
    )
    axes = page.axes(
        0.65, 0.5, 5.6, 5.0, xlabel="Rate R (nats)", ylabel="Distortion D (nats)", xlim=(0, right), ylim=(0, top)
    )
    axes.fill([0, entropy, 0], [0, 0, entropy], color="#d9d9d9", linewidth=0)
    inside = [*best.rates, 0, right, right], [*best.distortions, top, top, best.distortions.min()]
    axes.fill(*inside, color="#fbe6da", linewidth=0)
    for label, curve, colour, line in (
        ("realizable curve", best, _RED, "solid"),
        ("worse d(x|z)", worse_decoder, _GREEN, (0, (6, 1.5))),
        ("worse m(z)", worse_marginal, _BLUE, (0, (2, 1.2))),
    ):
        axes.plot(curve.rates, curve.distortions, color=colour, linestyle=line, linewidth=2.2, label=label)
        axes.plot(curve.elbo.rate, curve.elbo.distortion, "o", color=colour, markersize=8, markeredgecolor="white")
    axes.plot(
        [0, 0, entropy, right],
        [top, entropy, 0, 0],
        color="black",
        linewidth=4,
        clip_on=False,
        zorder=4,
        label="exact optimum",
    )
    _name_regions(axes, entropy)
    _name_directions(axes, best)
    axes.legend(loc="upper right", frameon=False, handlelength=3.0, fontsize=style.BODY)
    return page.figure


def _name_regions(axes: Axes, entropy: float) -> None:
    """Names of the regions and of the black boundary's pieces, at fixed shares of H."""
    h = entropy
    for x, y, text in ((0.28, 0.36, "infeasible"), (1.40, 0.20, "feasible"), (1.22, 0.92, "realizable")):
        axes.text(x * h, y * h, text, size=12, style="italic", ha="center", va="center")
    axes.text(0.045 * h, 1.38 * h, "β = ∞", rotation=90, ha="center", va="center")
    axes.text(0.46 * h, 0.46 * h, "β = 1", rotation=-45, ha="center", va="center")
    axes.text(1.62 * h, 0.03 * h, "β = 0", ha="center", va="bottom")
    limits: dict[str, Any] = {
        "size": style.SMALL,
        "arrowprops": {"arrowstyle": "-", "color": style.FAINT},
        "ha": "left",
    }
    axes.annotate("autodecoding\nlimit (0, H)", (0, h), (0.05 * h, 0.64 * h), **limits)
    axes.annotate("autoencoding\nlimit (H, 0)", (h, 0), (0.58 * h, 0.08 * h), **limits)


def _name_directions(axes: Axes, best: Curve) -> None:
    """Beside the best curve's ELBO point: which way beta moves along it."""
    for text, place, side, angle in (("← β > 1", (0, 12), "right", -45), ("β < 1 →", (14, 2), "left", -36)):
        axes.annotate(
            text,
            (best.elbo.rate, best.elbo.distortion),
            place,
            textcoords="offset points",
            color=_RED,
            weight="bold",
            rotation=angle,
            rotation_mode="anchor",
            ha=side,
            va="center",
        )
