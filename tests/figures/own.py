"""An extension as a user writes one: an encoder, a decoder, a marginal, an objective and figures."""

from pathlib import Path

import pytest

from rdplane.declare import use

# The classes are not there: tables and figures need only what is declared of them.
TEXT = """
import matplotlib.figure

from rdplane.declare import Figure, Objective, Part

ENCODER = Part(kind="encoder", symbol="t", title="Student t", builds="Encoder")
DECODER = Part(kind="decoder", symbol="m", title="MLP", builds="Decoder")
MARGINAL = Part(kind="marginal", symbol="g", title="Gaussian mixture", builds="Marginal")
OBJECTIVE = Objective(
    name="free_bits", text="nats of rate that cost nothing", title="free bits λ", label="λ {value:g}", slug="free",
    builds="FreeBits", unit="nats",
)
FIGURE = Figure(name="seconds", title="Time and ELBO", caption="What time buys.", draws="draw_seconds")
FAULTY = Figure(name="faulty", title="A fault", caption="None.", draws="draw_faulty")
NO_FIGURE = Figure(name="no_figure", title="No figure", caption="None.", draws="draw_no_figure")
MATHS = Figure(name="maths", title="Maths", caption="None.", draws="draw_maths")
GREEDY = Figure(name="greedy", title="Greedy", caption="None.", draws="draw_greedy")
CURVES = Figure(name="curves", title="Curves", caption="None.", draws="draw_curves", needs=("histories", "samples"))


def draw_seconds(table, title, note):
    figure = matplotlib.figure.Figure()
    figure.suptitle(title)
    figure.add_subplot().plot(table["train_seconds"], table["neg_elbo"], "o")
    return figure


def draw_faulty(table):
    return table["no such column"]


def draw_no_figure(table):
    return table


def draw_maths():
    figure = matplotlib.figure.Figure()
    figure.suptitle("$\\\\nonsense{$")
    return figure


def draw_greedy(weather):
    return matplotlib.figure.Figure()


def draw_curves(table, histories, samples, missing, published):
    assert len(histories) == len(table) and samples(table["cell"].iloc[0])["data"].ndim == 3
    return matplotlib.figure.Figure()
"""

ARCHITECTURES = ("---", "+++", "-+v", "t--", "tmg", "-mg", "+-g")


def write(folder: Path) -> Path:
    """Write it and return its path, as a configuration lists it."""
    path = folder / "own.py"
    path.write_text(TEXT)
    return path.resolve()


def line(text: str) -> int:
    """Number of the line that holds this text."""
    return next(number for number, content in enumerate(TEXT.splitlines(), 1) if text in content)


@pytest.fixture
def extension(tmp_path):
    """The extension in use: its file."""
    path = write(tmp_path)
    use([str(path)])
    yield path
    use([])
