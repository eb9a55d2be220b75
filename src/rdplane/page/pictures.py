"""Small pictures inside the page: sheets of samples as PNG, and the marks of the static figures as SVG."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from rdplane.declare.kinds import KINDS
from rdplane.declare.registry import declared
from rdplane.figures import keys, marks, style

__all__ = ["key", "sheet", "swatch"]

# Shades from white to ink. An average of 5 draws has 6 values, so 15 shades lose nothing that can be seen, and with
# the gap between images they make a PNG of 4 bits a pixel.
_SHADES = 15


def sheet(columns: Sequence[np.ndarray]) -> str:
    """Columns of images side by side as the data URI of one palette PNG, transparent between the images.

    Args:
        columns: images in [0, 1], as many in each column: (n, H, W), where 1 is ink, or (n, H, W, 3) in colour.
    """
    if columns[0].ndim == 4:
        return _coloured(columns)
    count, height, width = columns[0].shape
    pixels = np.full((count * (height + 1) - 1, len(columns) * (width + 1) - 1), _SHADES, dtype=np.uint8)
    for column, images in enumerate(columns):
        for row, image in enumerate(images):
            top, left = row * (height + 1), column * (width + 1)
            shades = np.rint(np.clip(image, 0, 1) * (_SHADES - 1))
            pixels[top : top + height, left : left + width] = shades
    picture = Image.fromarray(pixels)
    greys = [round(255 * (1 - shade / (_SHADES - 1))) for shade in range(_SHADES)]
    picture.putpalette([part for grey in [*greys, 255] for part in (grey, grey, grey)])
    stream = io.BytesIO()
    picture.save(stream, format="PNG", bits=4, transparency=_SHADES, optimize=True)
    return _uri("image/png", stream.getvalue())


def _coloured(columns: Sequence[np.ndarray]) -> str:
    """`sheet` in colour."""
    count, height, width, _ = columns[0].shape
    pixels = np.zeros((count * (height + 1) - 1, len(columns) * (width + 1) - 1, 4), dtype=np.uint8)
    for column, images in enumerate(columns):
        for row, image in enumerate(images):
            top, left = row * (height + 1), column * (width + 1)
            pixels[top : top + height, left : left + width, :3] = np.rint(255 * np.clip(image, 0, 1))
            pixels[top : top + height, left : left + width, 3] = 255
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG", optimize=True)
    return _uri("image/png", stream.getvalue())


@style.styled
def swatch(architecture: str) -> str:
    """The mark of an architecture as the data URI of a square SVG."""
    figure = Figure(figsize=(0.2, 0.2))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    marks.scatter(axes, [0], [0], architecture)
    return _svg(figure)


@style.styled
def key(architectures: Sequence[str]) -> dict[str, Any]:
    """The static figures' table of marks.

    Returns:
        `source` (the data URI of an SVG), `width` and `height` (pixels), and `text` (what the marks mean, in words).
    """
    size = keys.architecture_key_size(architectures)
    figure = Figure(figsize=size)
    keys.architecture_key(figure.add_axes((0, 0, 1, 1)), architectures)
    width, height = (round(96 * side) for side in size)
    return {"source": _svg(figure), "width": width, "height": height, "text": _meanings(architectures)}


def _meanings(architectures: Sequence[str]) -> str:
    """'Circle: marginal −; square: marginal +. Hollow: encoder −; ...', of the parts that occur."""
    sentences = []
    for kind in ("marginal", "encoder", "decoder"):
        present = {name[KINDS.index(kind)] for name in architectures}
        parts = [part for symbol, part in declared().parts[kind].items() if symbol in present]
        words = "; ".join(f"{part.mark}: {kind} {marks.sign(part.symbol)}" for part in parts)
        sentences.append(f"{words[:1].upper()}{words[1:]}.")
    return " ".join(sentences)


def _svg(figure: Figure) -> str:
    stream = io.BytesIO()
    # Text as text, in the fonts of the reader: a tenth of the size of outlines.
    with matplotlib.rc_context({"svg.fonttype": "none", "font.family": ["DejaVu Sans", "sans-serif"]}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    return _uri("image/svg+xml", stream.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
