"""How an architecture is drawn, from what its parts declare.

A mark can be read without its colour: its shape is the marginal, its fill the encoder, its shade the decoder. The hue,
one for each pair of encoder and marginal, only repeats this. The paper's twelve have the 'Paired' palette; further
pairs have further hues.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import seaborn as sns
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.markers import MarkerStyle
from matplotlib.transforms import Affine2D
from numpy.typing import ArrayLike

from rdplane.declare.registry import declared
from rdplane.experiment.architectures import ARCHITECTURES, parse
from rdplane.figures import style

__all__ = [
    "INSIDE", "RING", "RING_AREA", "SHAPES", "Colour", "Mark", "darker", "mark", "ring", "scatter", "sign", "size",
]  # fmt: skip

Colour = tuple[float, float, float]

# A marginal's mark -> matplotlib's marker, and its area in points squared, so that all look equally large.
SHAPES = {
    "circle": ("o", 44.0), "square": ("s", 38.0), "diamond": ("D", 32.0), "triangle": ("^", 50.0), "star": ("*", 88.0),
    "hexagon": ("h", 46.0), "down": ("v", 50.0), "left": ("<", 50.0),
}  # fmt: skip

# What stands inside the hollow mark of an encoder -> matplotlib's marker, its area and the width of its lines.
INSIDE = {"dot": ("o", 3.5, 0.0), "cross": ("x", 8.0, 0.9), "bar": ("_", 12.0, 1.1), "plus": ("+", 12.0, 0.9)}

# From the middle of the box around a triangle to its own, in units of the sign inside.
_MIDDLES = {"triangle": (0, -0.4), "down": (0, 0.4), "left": (0.4, 0)}

RING_AREA = 140.0
RING: dict[str, Any] = {"facecolor": "none", "edgecolor": style.INK, "linewidth": 1.1, "linestyle": (0, (1, 1.3))}
"""How the dotted ring around the mark of an annealed run is drawn, and its area in points squared."""

_PAPERS_PAIRS = tuple(dict.fromkeys((name[0], name[2]) for name in ARCHITECTURES))
_GOLDEN = 137.508  # degrees: however many hues there are, each next one is far from all before


@dataclass(frozen=True)
class Mark:
    """How one architecture is drawn.

    Attributes:
        colour: of its marks and curves.
        shape: the mark of its marginal, a key of `SHAPES`.
        fill: the mark of its encoder: 'hollow', 'filled', or hollow with one of `INSIDE` inside.
    """

    colour: Colour
    shape: str
    fill: str


def mark(architecture: str) -> Mark:
    """The mark of an architecture such as '-+v'.

    Raises:
        UserError: there is no such architecture.
    """
    symbols = parse(architecture).symbols
    looks = {kind: declared().parts[kind][symbol].mark for kind, symbol in symbols.items()}
    light, dark = _shades(symbols["encoder"], symbols["marginal"])
    shades = {"light": light, "dark": dark, "black": _mixed(dark, 0.3, 0.0), "grey": _mixed(dark, 0.3, 0.62)}
    return Mark(shades[looks["decoder"]], looks["marginal"], looks["encoder"])


def _shades(encoder: str, marginal: str) -> tuple[Colour, Colour]:
    """The light and the dark colour of a pair of encoder and marginal."""
    parts = declared().parts
    pairs = [*_PAPERS_PAIRS, *product(parts["encoder"], parts["marginal"])]
    place = list(dict.fromkeys(pairs)).index((encoder, marginal))
    if place < len(_PAPERS_PAIRS):
        palette = sns.color_palette("Paired", 2 * len(_PAPERS_PAIRS))
        return palette[2 * place], palette[2 * place + 1]
    hue = (185 + _GOLDEN * (place - len(_PAPERS_PAIRS))) % 360 / 360
    light, dark = (sns.husl_palette(1, hue, s, lightness)[0] for s, lightness in ((0.65, 0.82), (0.95, 0.47)))
    return light, dark


def _mixed(colour: Colour, share: float, grey: float) -> Colour:
    """A share of a colour in a grey of this lightness."""
    red, green, blue = (share * part + (1 - share) * grey for part in colour)
    return red, green, blue


def darker(colour: Colour) -> Colour:
    """The colour for a thin line: in the palest colours it could not be seen on white."""
    red, green, blue = (0.85 * part for part in colour)
    return red, green, blue


def sign(name: str) -> str:
    """An architecture or one of its symbols with true minus signs, for print: '-+v' becomes '−+v'."""
    return name.replace("-", "−")


def size(count: int) -> float:
    """What multiplies a mark's area where so many are drawn together."""
    return 1.0 if count <= 60 else 0.7 if count <= 400 else 0.35


def scatter(
    axes: Axes, x: ArrayLike, y: ArrayLike, architecture: str, scale: float = 1.0, alpha: float = 1.0, zorder: float = 3
) -> None:
    """Draw runs of one architecture at (x, y) with its mark; `scale` multiplies the mark's area."""
    look = mark(architecture)
    filled = look.fill == "filled"
    marker, area = SHAPES[look.shape]
    thin = min(1.0, scale) ** 0.5
    # Light colours vanish on white: hollow marks get a dark outline on both sides of the ring, filled ones one line.
    outline = [patheffects.withStroke(linewidth=2.5 * thin, foreground=style.INK)]
    axes.scatter(
        x,
        y,
        s=area * scale,
        marker=marker,
        facecolor=look.colour if filled else "white",
        edgecolor=style.INK if filled else look.colour,
        linewidth=0.7 * thin if filled else 1.5 * thin,
        path_effects=None if filled else outline,
        alpha=alpha,
        zorder=zorder,
    )
    if look.fill in INSIDE:
        inside, area_inside, width = INSIDE[look.fill]
        lift = Affine2D().translate(*_MIDDLES.get(look.shape, (0, 0)))
        axes.scatter(
            x,
            y,
            s=area_inside * scale,
            marker=MarkerStyle(inside, transform=lift),
            color=style.INK,
            linewidth=width * thin,
            alpha=alpha,
            zorder=zorder,
        )


def ring(axes: Axes, x: ArrayLike, y: ArrayLike, scale: float = 1.0) -> None:
    """Draw the dotted ring of annealed runs around their marks at (x, y); `scale` as that of the marks."""
    look = RING | {"linewidth": RING["linewidth"] * min(1.0, scale)}
    axes.scatter(x, y, s=RING_AREA * scale, zorder=3.4, **look)
