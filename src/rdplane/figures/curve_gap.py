"""What one training for a whole curve costs: D + beta R of its points beside trainings for one beta each."""

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib.figure
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rdplane.declare import Figure
from rdplane.declare.registry import declared
from rdplane.experiment.architectures import place
from rdplane.experiment.layout import curve_of
from rdplane.figures import keys, marks, measured, runs, style
from rdplane.jobs.progress import duration

__all__ = ["draw_curve_gap"]

FIGURE = Figure(
    name="curve_gap", title="One training for all β, or one for each", draws="draw_curve_gap", needs=("gaps",), place=4,
    caption="D + beta R of a curve's points minus that of trainings for one beta each: below 0 the curve is better.",
)  # fmt: skip

_ASIDE = 9.0  # points from mark to mark of one beta
_SEED = 0.3  # area of the mark of one seed where there are several, as a share of that of their mean
_ANNEALED: keys.Dashes = (0, (1, 1.2))


@style.styled
def draw_curve_gap(
    table: pd.DataFrame,
    gaps: pd.DataFrame,
    *,
    title: str = FIGURE.title,
    note: str | None = None,
    missing: Sequence[str] = (),
) -> matplotlib.figure.Figure:
    """D + beta R of each point of a curve minus that of the training for this beta alone, against beta.

    A panel per encoder and decoder; those of one decoder share their scale, since what is a small difference to one
    decoder is a large one to another. Betas are evenly spaced, and marks of one beta stand side by side. A mark is the
    mean over seeds, with small marks of each where there are several; its error is then over seeds, else over the test
    images, paired.

    Args:
        table: one row per run, with the columns of `rdplane.table.rd.read_table`.
        gaps: one row per comparison (see `rdplane.table.curve_gap.read_gaps`), at least one.
        title, note, missing: as `rdplane.figures.probe_accuracy.draw_probe_accuracy`.
    """
    names, parts = place(gaps["architecture"]), declared().parts
    encoders = [symbol for symbol in parts["encoder"] if any(name[0] == symbol for name in names)]
    decoders = [symbol for symbol in parts["decoder"] if any(name[1] == symbol for name in names)]
    width, height = 2.85 if len(encoders) > 1 else 4.6, 1.95 if len(decoders) > 1 else 3.0
    wide, high = 0.75 + len(encoders) * (width + 0.25), len(decoders) * (height + 0.5)
    across, up = keys.architecture_key_size(names)
    footnotes = _footnotes(table, gaps, missing)
    page = style.Page(wide + 0.1 + across, max(high + 0.15, up + 2.35), title, _cost(table, gaps), note, footnotes)
    for row, decoder in enumerate(decoders):
        of_decoder = gaps[gaps["architecture"].str[1] == decoder]
        left_most = True
        for column, encoder in enumerate(encoders):
            shown = of_decoder[of_decoder["architecture"].str[0] == encoder]
            if shown.empty:
                continue
            bottom = page.height - (row + 1) * (height + 0.5) + 0.3
            axes = page.axes(0.75 + column * (width + 0.25), bottom, width, height, ylim=_limits(of_decoder))
            heading = f"{parts['encoder'][encoder].title} encoder, {parts['decoder'][decoder].title}"
            axes.set_title(textwrap.shorten(heading, 46, placeholder=" …"), loc="left", size=style.SMALL, pad=4)
            axes.set_xlabel("β" if decoder == [name[1] for name in names if name[0] == encoder][-1] else "")
            axes.set_ylabel("D + βR: curve − separate\n(nats per image)" if left_most else "")
            axes.tick_params(labelleft=left_most)
            _draw(axes, width, shown, np.unique(gaps["beta"]))
            left_most = False
    top = page.height
    keys.architecture_key(page.axes(wide, top - up, across, up), names)
    keys.legend(page.axes(wide, 0.1, across, top - up - 0.25), _entries(table, gaps))
    return page.figure


def _settings(gaps: pd.DataFrame) -> pd.DataFrame:
    """One row for all comparisons that differ in nothing but their seed.

    Returns:
        architecture, anneal, curve (name of its cells up to the seed), beta, `seeds`, `mean` of the difference over
        these, and its `error`: over seeds where there are several, else over the test images.
    """
    groups = gaps.assign(curve=gaps["cell_curve"].map(curve_of)).groupby(["architecture", "anneal", "curve", "beta"])
    found = groups.agg(
        seeds=("seed", "size"),
        mean=("j_difference", "mean"),
        error=("j_difference", "sem"),
        over_images=("j_difference_se", "first"),
    ).reset_index()
    return found.assign(error=found["error"].where(found["seeds"] > 1, found["over_images"]))


def _limits(gaps: pd.DataFrame) -> tuple[float, float]:
    """Around all that is drawn, 0 included."""
    settings = _settings(gaps)
    error = settings["error"].fillna(0.0)
    ends = settings["mean"] - error, settings["mean"] + error, gaps["j_difference"]
    return style.spread(np.concatenate([*ends, [0.0]]), margin=0.08)


def _draw(axes: Axes, width: float, gaps: pd.DataFrame, betas: np.ndarray) -> None:
    """Draw the comparisons of one encoder and decoder.

    Args:
        width: of the axes, inches.
        betas: of all panels, increasing.
    """
    room = 72 * width / len(betas)  # points for one beta
    axes.set_xlim(-0.5, len(betas) - 0.5)
    every = math.ceil(26 / room)
    axes.set_xticks(range(len(betas))[::-every], [f"{beta:g}" for beta in betas[::-every]])
    axes.axhline(0, **measured.GUIDE)
    settings = _settings(gaps)
    lines = [
        line
        for architecture in place(settings["architecture"])
        for _, line in settings[settings["architecture"] == architecture].groupby(["anneal", "curve"])
    ]
    step = min(_ASIDE / room, 0.8 / len(lines))
    for number, line in enumerate(lines):
        aside = (number - (len(lines) - 1) / 2) * step
        _draw_line(axes, line, gaps, aside, betas)


def _draw_line(axes: Axes, line: pd.DataFrame, gaps: pd.DataFrame, aside: float, betas: np.ndarray) -> None:
    """Draw the comparisons of one architecture, annealing and curve: rows of `_settings`, and their seeds of `gaps`."""
    architecture, anneal, curve = line.iloc[0][["architecture", "anneal", "curve"]]
    x = np.searchsorted(betas, line["beta"]) + aside
    ringed = anneal and (gaps["anneal"] == 0).any()
    look: dict[str, Any] = {"linewidth": 1.0, "alpha": 0.75, "linestyle": _ANNEALED if ringed else "solid"}
    axes.plot(x, line["mean"], color=marks.darker(marks.mark(architecture).colour), zorder=1.2, **look)
    axes.errorbar(x, line["mean"], line["error"], fmt="none", ecolor=style.INK, elinewidth=0.7, alpha=0.7, zorder=2.5)
    marks.scatter(axes, x, line["mean"], architecture)
    if ringed:
        marks.ring(axes, x, line["mean"])
    if (line["seeds"] > 1).any():
        of_line = (gaps["architecture"] == architecture) & (gaps["anneal"] == anneal)
        seeds = gaps[of_line & (gaps["cell_curve"].map(curve_of) == curve)]
        places = np.searchsorted(betas, seeds["beta"]) + aside
        marks.scatter(axes, places, seeds["j_difference"], architecture, _SEED, alpha=0.7, zorder=2.8)


def _cost(table: pd.DataFrame, gaps: pd.DataFrame) -> str:
    """The subtitle: what the curves' trainings took, and what the separate ones did."""
    curves = gaps.assign(cell=gaps["cell_curve"].str.split("@").str[0]).drop_duplicates("cell")
    separate = gaps.drop_duplicates("cell_separate")
    datasets = ", ".join(dict.fromkeys(table["dataset"]))
    return (
        f"{datasets}: {runs.counted(len(curves), 'curve')} took {duration(curves['train_seconds_curve'].sum())} of "
        f"training, {runs.counted(len(separate), 'separate training')} "
        f"{duration(separate['train_seconds_separate'].sum())}"
    )


def _footnotes(table: pd.DataFrame, gaps: pd.DataFrame, missing: Sequence[str]) -> list[str]:
    notes, settings = runs.footnotes(table, missing), _settings(gaps)
    lacking = int(settings["error"].isna().sum())
    if lacking:
        notes.append(
            f"{lacking} of {runs.counted(len(settings), 'difference')} without an error: what was measured of each "
            "test image was not kept, or belongs to another measurement"
        )
    devices = list(dict.fromkeys([*gaps["device_curve"], *gaps["device_separate"]]))
    if len(devices) > 1:
        notes.append(f"times of training are of different devices: {', '.join(devices)}")
    return notes


def _entries(table: pd.DataFrame, gaps: pd.DataFrame) -> list[keys.Entry]:
    several = _settings(gaps)["seeds"] > 1
    error = "over images, paired"
    if several.any():
        error = (
            "over seeds;\nsmall: one seed"
            if several.all()
            else "over seeds\nif several, else over images, paired;\nsmall: one seed"
        )
    return [
        keys.line("0: as good as separate trainings;\nbelow, the curve is better"),
        keys.cross(f"± 1 standard error {error}", "|", 11),
        keys.line("one architecture over β", "#999999"),
        *keys.annealed(table[table["cell"].isin(gaps["cell_separate"])]),
    ]
