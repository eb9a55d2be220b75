"""Grids of reconstructions and generations (Figures 4 to 6, 8 and 9 of the paper); which runs, other files say."""

import math
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rdplane.errors import UserError
from rdplane.experiment.layout import cell_of
from rdplane.figures import marks, runs, style

__all__ = ["PointMissing", "Samples", "draw_grid", "read_samples"]

Samples = Callable[[str], Mapping[str, np.ndarray]]
"""Name of a cell, or of a point of its curve -> its samples as `read_samples` returns them."""

_IMAGES = ("data", "reconstruction_sample", "reconstruction_mean", "generation_sample", "generation_mean")

_GENERATIVE = "I_d"  # as the paper calls the information that z and a generated image share

# Inches: the shorter side of an image, the gaps between images and between runs, and along the page.
_SIDE, _GAP, _BETWEEN = 0.5, 0.04, 0.26
_LINE, _CAPTION, _BLOCK_GAP, _BAND_GAP = 0.155, 0.2, 0.24, 0.34


class PointMissing(UserError):
    """Samples are whole but without a point of their cell's curve, as if drawn before it was asked for."""


def read_samples(folder: str | Path, row: str) -> dict[str, np.ndarray]:
    """Read the samples of a row of the table from its cell's ``samples.npz``.

    Args:
        folder: of the experiment.
        row: its `cell`, the name of a cell or of a point of a cell's curve.

    Returns:
        Images in [0, 1] under their names, (n, H, W) with 1 for ink if they are binary, else (n, H, W, 3) in colour;
        and the number of `draws`.

    Raises:
        PointMissing: the file has points of a curve, but not this one.
        UserError: the file is missing, damaged, or an array is missing or of an unexpected shape.
    """
    path = Path(folder) / "cells" / cell_of(row) / "samples.npz"
    remedy = "delete it and draw the samples again"
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; run the step that draws samples first") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read ({error}); {remedy}") from None
    points, point = arrays.pop("point", None), row.removeprefix(cell_of(row)).removeprefix("@")
    for name in (*_IMAGES, "draws"):
        if name not in arrays:
            raise UserError(f"{path}: array {name} is missing; {remedy}")
    if points is not None and point not in points:
        raise PointMissing(f"{path} has no point {point or '(none given)'}, expected {', '.join(points)}; {remedy}")
    for name in (*_IMAGES, "draws"):
        if points is not None and name not in ("data", "draws"):
            arrays[name] = arrays[name][list(points).index(point)]
        if name != "draws" and (arrays[name].ndim not in (3, 4) or arrays[name].shape[1:] != arrays["data"].shape[1:]):
            raise UserError(f"{path}: array {name} has shape {arrays[name].shape}, expected (n, H, W); {remedy}")
    if arrays.pop("levels", 2) > 2:
        arrays |= {name: _coloured(arrays[name]) for name in _IMAGES}
    return arrays


def _coloured(images: np.ndarray) -> np.ndarray:
    """Images of 8 bits (n, H, W) or (n, H, W, 3), bytes or fractions, as fractions (n, H, W, 3)."""
    shares = images / 255 if images.dtype == np.uint8 else images
    return shares if shares.ndim == 4 else np.repeat(shares[..., None], 3, axis=-1)


@style.styled
def draw_grid(
    shown: pd.DataFrame,
    samples: Samples,
    title: str,
    *,
    note: str | None = None,
    footnotes: Sequence[str] = (),
    images: int = 5,
    across: int = 6,
) -> Figure:
    """For each run a column of single draws and one of averages of several draws at one z, below the data.

    The upper block reconstructs test images, the lower one generates from the marginal. A decoder that ignores z
    shows in averages that look alike everywhere; one that leaves detail to chance in averages that are blurred.

    Args:
        shown: the runs to show, in order.
        samples: gives the samples of their cells.
        title: heading; '' leaves it and the subtitle out.
        note: a line under the title.
        footnotes: lines below everything.
        images: rows in each block, fewer when fewer are stored.
        across: runs side by side before the grid wraps.

    Raises:
        UserError: there is no run to show.
    """
    if shown.empty:
        named = f"the figure {title!r}" if title else "the figure"
        raise UserError(f"{named} shows no cell that is finished; run its cells first")
    arrays = [samples(cell) for cell in shown["cell"]]
    height, width = arrays[0]["data"].shape[1:3]
    tall, wide = _SIDE * max(1.0, height / width), _SIDE * max(1.0, width / height)
    rows = {
        task: min([images, *(len(stored[f"{task}_sample"]) for stored in arrays)])
        for task in ("reconstruction", "generation")
    }
    bands = math.ceil(len(shown) / across)
    across = math.ceil(len(shown) / bands)  # fill the bands evenly
    model = 2 * wide + _GAP
    left = 0.30
    headers = _headers(shown)
    pitch = max(model, 1.18, *map(_reach, headers)) + _BETWEEN
    content = left + wide + _BETWEEN + across * pitch
    blocks = {task: count * (tall + _GAP) for task, count in rows.items()}
    header = _LINE * len(headers[0]) + _CAPTION
    band = header + sum(blocks.values()) + _BLOCK_GAP
    draws = int(arrays[0]["draws"])
    meaning = (
        f"{', '.join(dict.fromkeys(shown['dataset']))}; sample: one draw; average: mean of {draws} draws at the same z"
    )
    if _has_generative(shown):
        meaning += f"; {_GENERATIVE}: bounds on the nats that z and a generated image share"
    page = style.Page(
        max(content, 5.6),
        bands * band + (bands - 1) * _BAND_GAP,
        title,
        meaning,
        note,
        footnotes,
    )
    for index, stored in enumerate(arrays):
        column, top = index % across, page.height - (index // across) * (band + _BAND_GAP)
        x = left + wide + _BETWEEN + column * pitch
        _header(page, x, top, headers[index])
        top -= header
        for task, count in rows.items():
            low = top - blocks[task] + _GAP
            if column == 0:
                _side(page, task, low, blocks[task] - _GAP)
                if task == "reconstruction":
                    _images(page.axes(left, low, wide, blocks[task] - _GAP), [stored["data"][:count]], tall, wide)
                    _caption(page, "data", left + wide / 2, top)
            panel = page.axes(x, low, model, blocks[task] - _GAP)
            _images(panel, [stored[f"{task}_sample"][:count], stored[f"{task}_mean"][:count]], tall, wide)
            if task == "reconstruction":
                _caption(page, "sample", x + wide / 2, top)
                _caption(page, "average", x + wide + _GAP + wide / 2, top)
            top = low - _GAP - _BLOCK_GAP
    return page.figure


def _images(axes: Axes, columns: Sequence[np.ndarray], tall: float, wide: float) -> None:
    """Tile columns of images, each `tall` by `wide` inches: ink black on white, or in colour; in hairline frames."""
    count = len(columns[0])
    gap_y, gap_x = _GAP / tall, _GAP / wide
    for column, pictures in enumerate(columns):
        for row, picture in enumerate(pictures):
            x, y = column * (1 + gap_x), row * (1 + gap_y)
            axes.imshow(
                picture,
                cmap="gray_r",
                vmin=0,
                vmax=1,
                extent=(x, x + 1, y + 1, y),
                interpolation="nearest",
                aspect="auto",
            )
            axes.plot([x, x + 1, x + 1, x, x], [y, y, y + 1, y + 1, y], color="#c8c8c8", linewidth=0.5, clip_on=False)
    total = len(columns) * (1 + gap_x) - gap_x
    axes.set(xlim=(0, total), ylim=(count * (1 + gap_y) - gap_y, 0))
    axes.axis("off")


def _headers(table: pd.DataFrame) -> list[list[str]]:
    """The lines above each run; annealing, seed, precision, and what is of a curve only where the runs differ in it."""
    headers = []
    points = runs.on_curves(table)
    mixed = points.any() and not points.all()
    categories = "category" in table and (table["category"] != "").any()
    generative = _has_generative(table)
    for (_, run), point in zip(table.iterrows(), points, strict=True):
        lines = [
            f"{marks.sign(run['architecture'])}   {runs.label(run)}",
            f"R {run['rate']:.1f}   D {run['distortion']:.1f}",
            f"−ELBO {run['neg_elbo']:.1f}",
        ]
        if categories:
            lines.append(run["category"])
        if generative:
            lines.append(f"{_GENERATIVE} {runs.generative(run)}" if runs.generative(run) else "")
        details = []
        if mixed:
            details.append("on a curve" if point else "separate run")
        if table["anneal"].any():
            epochs = f"{run['anneal']} epoch{'s' * (run['anneal'] != 1)}"
            details.append(f"annealed {epochs}" if run["anneal"] else "not annealed")
        if table["seed"].nunique() > 1:
            details.append(f"seed {run['seed']}")
        if details:
            lines.append(", ".join(details))
        if table["precision"].nunique() > 1:
            lines.append(run["precision"])
        headers.append(lines)
    return headers


def _has_generative(table: pd.DataFrame) -> bool:
    return "gen_upper" in table and bool(table["gen_upper"].notna().any())


def _reach(header: Sequence[str]) -> float:
    """Inches that the lines above a run need, about, but for what may reach into the gap behind them."""
    return max(0.073 * len(header[0]), *(0.058 * len(line) for line in header[1:])) - 0.1


def _header(page: style.Page, x: float, top: float, lines: Sequence[str]) -> None:
    for line, text in enumerate(lines):
        size, weight = (style.SMALL + 0.5, "bold") if line == 0 else (style.SMALL - 0.5, "normal")
        page.text(x, top - _LINE * line, text, size=size, weight=weight, va="top")


def _caption(page: style.Page, text: str, x: float, y: float) -> None:
    page.text(x, y + 0.03, text, size=style.SMALL - 1, color=style.FAINT, ha="center", va="bottom")


def _side(page: style.Page, task: str, low: float, height: float) -> None:
    page.text(
        0.0,
        low + height / 2,
        task,
        size=style.SMALL,
        color=style.INK,
        rotation=90,
        ha="left",
        va="center",
    )
