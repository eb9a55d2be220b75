"""Names of architectures."""

import pytest

from rdplane.errors import UserError
from rdplane.experiment.architectures import ARCHITECTURES, Architecture, known, parse, place, simplest


def test_the_paper_has_twelve_and_all_are_known():
    assert len(set(ARCHITECTURES)) == 12 and set(known()) == {*ARCHITECTURES, "0+-", "q-q", "q+q"}


@pytest.mark.parametrize(
    ("kind", "symbol", "expected"),
    [("decoder", "+", "-+-"), ("encoder", "0", "0+-"), ("encoder", "q", "q-q"), ("marginal", "q", "q-q")],
)
def test_simplest_architecture_of_a_part(kind, symbol, expected):
    assert simplest(kind, symbol) == expected


def test_name_is_encoder_decoder_marginal():
    assert parse("-+v") == Architecture(encoder="-", decoder="+", marginal="v")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_name_and_parts_are_inverse(name):
    assert str(parse(name)) == name


@pytest.mark.parametrize("name", ["", "-", "--x", "v--", "----", "−−−", None, 3])
def test_unknown_architecture_is_refused_with_the_symbols(name):
    with pytest.raises(UserError, match=r"encoder -, \+, 0, q; decoder -, \+; marginal -, \+, q, v"):
        parse(name)


def test_order_is_that_of_the_symbols():
    assert place(["++v", "---", "-+v", "---"]) == ["---", "-+v", "++v"]
