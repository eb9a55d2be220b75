"""Three models of the toy data side by side (Figure 2): hand-built, trained on the ELBO, trained to a target rate."""

from collections.abc import Sequence
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from rdplane.declare import Figure
from rdplane.errors import UserError
from rdplane.figures import style
from rdplane.toy import exact
from rdplane.toy.record import Record

__all__ = ["draw_toy_models"]

FIGURE = Figure(
    name="toy_models", title="Three models of the toy data", draws="draw_toy_models", needs=("toy",), place=2,
    caption="Figure 2 of the paper: hand-built optimal model, ELBO, and target rate. The ELBO's model matches the data "
    "and ignores its code; the target rate recovers the two classes.",
)  # fmt: skip

_CLASSES = ("#5b2a86", "#f5d327")  # z* = 0 purple, z* = 1 yellow, as in the paper; far apart in lightness
_WIDTH, _LOW, _MAP, _STEP = 2.45, 1.35, 2.2, 2.95  # inches: panels, the two upper rows, maps, column to column


@style.styled
def draw_toy_models(
    records: Sequence[Record], settings: dict[str, Any], *, title: str = FIGURE.title
) -> matplotlib.figure.Figure:
    """Columns: the three models. Rows: data space; code space by true class; e(z|x), d(x|z), p(x'|x) as maps.

    The codes z are exchangeable and drawn in the order of E[x|z]. In a map, the condition is on the horizontal axis,
    so that each column sums to one; the colours mean the same in all three columns.

    Args:
        records: all runs. Those of the ELBO and of the target rate are shown with their first seed.
        settings: the section `toy` of a configuration; its `information` is the target rate shown.
        title: heading; '' leaves it and the subtitle out.

    Raises:
        UserError: a model is not among the runs.
    """
    sigma = settings["information"]
    models = {
        "(a) Optimal, hand-built": _first(records, "optimal", None),
        "(b) VAE (ELBO)": _first(records, "beta", 1.0),
        f"(c) Target rate, σ = {sigma:g}": _first(records, "rate_penalty", sigma),
    }
    page = style.Page(
        0.65 + 3 * _STEP + 0.35,
        12.75,
        title,
        "All quantities are exact, in nats. Codes z are sorted by E[x|z]; the columns of each map sum to 1",
    )
    lefts = [0.65 + column * _STEP for column in range(3)]
    rows = [page.axes(left, 10.95, _WIDTH, _LOW) for left in lefts]
    for axes, (title, record) in zip(rows, models.items(), strict=True):
        _data_space(axes, record)
        numbers = record.quantities()
        text = f"{title}\nR = {numbers['rate']:.4f}, D = {numbers['distortion']:.4f}"
        axes.set_title(text, loc="left", size=style.BODY, weight="bold", linespacing=1.5)
    _same_height(rows, "(i) probability")

    rows = [page.axes(left, 8.85, _WIDTH, _LOW) for left in lefts]
    for axes, record in zip(rows, models.values(), strict=True):
        _code_space(axes, record)
    _same_height(rows, "(ii) probability")

    for row, (label, across, up) in enumerate(
        (("(iii) e(z|x)", "x", "z"), ("(iv) d(x|z)", "z", "x"), ("(v) p(x'|x)", "x", "x'"))
    ):
        bottom = 6.0 - row * (_MAP + 0.55)
        maps = [_maps(record)[row] for record in models.values()]
        for left, values in zip(lefts, maps, strict=True):
            axes = page.axes(left, bottom, _MAP, _MAP, xlabel=across)
            image = axes.imshow(
                values.T, origin="lower", cmap="viridis", vmin=0, vmax=max(m.max() for m in maps), aspect="auto"
            )
            if left == lefts[0]:
                axes.set_ylabel(f"{label}:  {up}")
        page.figure.colorbar(image, cax=page.axes(lefts[-1] + _MAP + 0.1, bottom, 0.1, _MAP))
    return page.figure


def _first(records: Sequence[Record], objective: str, value: float | None) -> Record:
    for record in records:
        if record.objective == objective and record.value == value:
            return record
    raise UserError(
        f"no toy run has the objective {objective}{'' if value is None else f' {value:g}'}, which Figure 2 shows; add "
        "it to the section toy of the configuration"
    )


def _order(record: Record) -> NDArray[np.intp]:
    return np.argsort(exact.mean_position(record.p, record.model.encoder), kind="stable")


def _maps(record: Record) -> tuple[exact.Array, exact.Array, exact.Array]:
    """e(z|x), d(x|z) and p(x'|x), rows the condition, codes in drawing order."""
    order = _order(record)
    encoder, decoder = record.model.encoder[:, order], record.model.decoder[order]
    return encoder, decoder, exact.reconstruction(encoder, decoder)


def _data_space(axes: Axes, record: Record) -> None:
    p, model = record.p, record.model
    x = np.arange(len(p))
    axes.bar(x, p, width=1, linewidth=0, color="#cfcfcf", label="p*(x)")
    axes.step(x, model.marginal @ model.decoder, where="mid", color="#0072b2", linewidth=2.2, label="g(x)")
    axes.step(x, p @ model.encoder @ model.decoder, where="mid", color="#d55e00", linestyle=(0, (2, 1.5)), label="d(x)")
    axes.set(xlabel="x", xlim=(-0.5, len(p) - 0.5))


def _code_space(axes: Axes, record: Record) -> None:
    order = _order(record)
    by_class = (record.joint.T @ record.model.encoder)[:, order]
    z = np.arange(len(order))
    axes.bar(z, by_class[0], width=1, linewidth=0, color=_CLASSES[0], label="e(z, z*=0)")
    axes.bar(z, by_class[1], width=1, linewidth=0, bottom=by_class[0], color=_CLASSES[1], label="e(z, z*=1)")
    axes.step(z, by_class.sum(axis=0), where="mid", color="black", linewidth=1.6, label="e(z)")
    axes.step(z, record.model.marginal[order], where="mid", color="#d55e00", linestyle=(0, (2, 1.5)), label="m(z)")
    axes.set(xlabel="z", xlim=(-0.5, len(z) - 0.5))


def _same_height(row: list[Axes], label: str) -> None:
    """One scale for a row, with room for the key, which stands in the first panel."""
    top = 1.7 * max(axes.dataLim.ymax for axes in row)
    for axes in row:
        axes.set_ylim(0, top)
    row[0].set_ylabel(label)
    row[0].legend(ncols=2, loc="upper left", frameon=False, borderaxespad=0.1, columnspacing=1.0, handlelength=1.4)
