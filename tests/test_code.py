"""Versions of the code: what counts as an edit, and what it touches."""

import ast

import pytest

from rdplane import code
from rdplane.architectures import ARCHITECTURES


def dump(source):
    return code._dump(ast.parse(source))


def test_lock_matches_the_code():
    """Fails after an undeclared edit: run `rdplane code accept` (no number changes) or `rdplane code bump`."""
    assert code.changed() == []


@pytest.mark.parametrize("module", sorted({m for modules in code.COMPONENTS.values() for m in modules}))
def test_listed_module_exists(module):
    assert (code.ROOT / module).is_file()


def test_every_module_that_makes_numbers_belongs_to_a_component():
    listed = {m for modules in code.COMPONENTS.values() for m in modules}
    present = {str(p.relative_to(code.ROOT)) for p in code.ROOT.glob("models/*.py")} - {"models/__init__.py"}
    assert present <= listed


def test_comments_layout_and_docstrings_do_not_count():
    plain = "def f(x):\n    return x + 1\n"
    assert dump('def f(x):  # why\n\n    """What."""\n    return (x\n        + 1)\n') == dump(plain)


@pytest.mark.parametrize(
    "edit", ["def f(x):\n    return x + 2\n", "def f(x):\n    return x - 1\n", "def g(x):\n    return x + 1\n"]
)
def test_an_edit_counts(edit):
    assert dump(edit) != dump("def f(x):\n    return x + 1\n")


def test_a_string_that_is_no_docstring_counts():
    assert dump("x = 'a'") != dump("x = 'b'")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_cell_depends_on_its_own_parts_only(architecture):
    parts = {f"encoder {architecture[0]}", f"decoder {architecture[1]}", f"marginal {architecture[2]}"}
    assert set(code.cell_versions(architecture)) == parts | {"engine", "layers"}
