"""Marks of architectures and the key to them."""

import itertools

import numpy as np
import own
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from reading import assert_readable, written

from rdplane.declare import declared, use
from rdplane.declare.kinds import KINDS, MARKS
from rdplane.errors import UserError
from rdplane.experiment.architectures import ARCHITECTURES, known, parse
from rdplane.figures import keys, marks, style


def lightness(colour):
    """Relative luminance, which is what is left in grey."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def pixels(architecture):
    """The mark of an architecture alone, in shades of grey."""
    figure = Figure(figsize=(0.2, 0.2), dpi=300)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    marks.scatter(axes, [0], [0], architecture)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return (np.asarray(canvas.buffer_rgba())[..., :3] @ [0.2126, 0.7152, 0.0722]).round().tobytes()


@pytest.fixture
def everything(tmp_path):
    """As many parts of a user as there are marks for."""
    symbols = {"encoder": "tw", "decoder": "mr", "marginal": "ghkn"}
    lines = [
        f'{kind}_{symbol} = Part(kind="{kind}", symbol="{symbol}", title="My {symbol}", builds="Mine")'
        for kind, those in symbols.items()
        for symbol in those
    ]
    path = tmp_path / "everything.py"
    path.write_text("from rdplane.declare import Part\n" + "\n".join(lines))
    use([str(path)])
    yield
    use([])


def test_architectures_have_different_colours():
    assert len({marks.mark(name).colour for name in ARCHITECTURES}) == 12


@pytest.mark.parametrize("encoder,marginal", list(itertools.product("-+", "-+v")))
def test_autoregressive_decoders_are_darker_in_grey(encoder, marginal):
    light, dark = (lightness(marks.mark(encoder + decoder + marginal).colour) for decoder in "-+")
    assert light - dark > 0.2


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_shape_and_filling_follow_marginal_and_encoder(name):
    model, mark = parse(name), marks.mark(name)
    shape, fill = {"-": "circle", "+": "square", "v": "diamond"}[model.marginal], {"-": "hollow", "+": "filled"}
    assert (mark.shape, mark.fill) == (shape, fill[model.encoder])


def test_an_unknown_architecture_is_refused():
    with pytest.raises(UserError, match="unknown architecture"):
        marks.mark("-+x")


def test_every_declared_mark_can_be_drawn():
    assert set(marks.SHAPES) == set(MARKS["marginal"])
    assert set(marks.INSIDE) == set(MARKS["encoder"]) - {"hollow", "filled"}


def test_marks_of_the_papers_twelve_stay_when_parts_are_added(extension):
    added = {name: marks.mark(name) for name in ARCHITECTURES}
    use([])
    assert added == {name: marks.mark(name) for name in ARCHITECTURES}


def test_parts_of_a_user_get_marks_of_their_own(extension):
    assert len(known()) == 3 * 3 * 4 + 1 + 3  # 0 goes with two parts alone, q with every decoder
    assert len({marks.mark(name) for name in known()}) == len(known())


def test_every_architecture_looks_different_however_many_there_are(everything):
    assert len(known()) == 4 * 4 * 7 + 4 + 1
    assert len({marks.mark(name).colour for name in known()}) == len(known())
    assert len({pixels(name) for name in known()}) == len(known())


def test_shades_are_told_apart_in_grey(everything):
    encoders = [symbol for symbol, part in declared().parts["encoder"].items() if not part.fits]
    marginals = [symbol for symbol, part in declared().parts["marginal"].items() if not part.fits]
    for pair in itertools.product(encoders, marginals):
        light, dark, black, grey = (lightness(marks.mark(pair[0] + decoder + pair[1]).colour) for decoder in "-+mr")
        assert light > grey > black and light > dark > black


@style.styled
def key(architectures):
    figure = Figure(figsize=keys.architecture_key_size(architectures))
    keys.architecture_key(figure.add_axes((0, 0, 1, 1)), architectures)
    return figure


def test_key_of_the_papers_twelve_has_its_size():
    assert keys.architecture_key_size(ARCHITECTURES) == pytest.approx((2.5, 2.2))


@pytest.mark.parametrize("count", [1, 7, 12])
def test_key_names_the_architectures_and_their_parts_alone(count):
    names = ARCHITECTURES[:count]
    shown = written(key(names)).split("\n")
    assert [text.replace("−", "-") for text in shown if len(text) == 3 and text != "MAF"] == list(names)
    for kind, symbols in zip(KINDS, zip(*names, strict=True), strict=True):
        for symbol, part in declared().parts[kind].items():
            assert any(part.title in text for text in shown) == (symbol in symbols)


def test_key_is_readable_with_parts_of_a_user(extension):
    assert_readable(key(known()))
    assert "Student t encoder, MLP" in written(key(own.ARCHITECTURES))


def test_key_is_readable_with_as_many_parts_as_there_can_be(everything):
    assert_readable(key(known()))
