"""Reading declarations from source text, without running it: no torch, and no code of a user's until a job needs it."""

import ast
import dataclasses
import operator
from pathlib import Path
from typing import Any

from rdplane.declare import checks, kinds
from rdplane.declare.kinds import Declaration, Key
from rdplane.errors import UserError

__all__ = ["parse", "read"]

WORDS = {name: getattr(module, name) for module in (kinds, checks) for name in module.__all__}
DECLARING = {name for name, word in WORDS.items() if isinstance(word, type) and issubclass(word, Declaration | Key)}


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file.

    Raises:
        UserError: it cannot be read, or is no Python.
    """
    try:
        return ast.parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        raise UserError(f"{path}{line} is not valid Python: {getattr(error, 'msg', error)}") from None


def read(path: Path, source: str) -> list[Declaration | Key]:
    """The declarations that stand at the top level of a file, in its order, and the keys that it declares for others.

    Args:
        path: a Python file.
        source: what their `source` shall be.

    Raises:
        UserError: the file cannot be read or parsed, or a declaration is not made of literals, lacks an argument or has
            an unknown one.
    """
    if source.startswith("rdplane."):
        text = path.read_text(encoding="utf-8")
        if not any(f"= {word}(" in text for word in DECLARING):
            return []  # most files of the package: parsing them all would take longer than everything else
    known = dict(WORDS)
    found: list[Declaration | Key] = []
    for statement in parse(path).body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
        given = getattr(statement, "value", None)
        if not isinstance(target, ast.Name) or given is None:
            continue
        called = given.func.id if isinstance(given, ast.Call) and isinstance(given.func, ast.Name) else ""
        try:
            value = _value(given, known)
        except (_NoLiteral, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            if called not in DECLARING:
                continue  # any other statement of the file
            raise UserError(
                f"{path}, line {given.lineno}: {target.id} cannot be read ({error}); expected {called}(...) with "
                "literal arguments, the words of rdplane.declare, and names of literals above it"
            ) from None
        known[target.id] = value
        if called in DECLARING:
            found.append(dataclasses.replace(value, source=source) if isinstance(value, Declaration) else value)
    return found


class _NoLiteral(Exception):
    """An expression that would have to be run."""


OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def _value(node: ast.AST | None, known: dict[str, Any]) -> Any:
    """What an expression of literals and known names stands for; nothing else in it is looked at, let alone run."""
    match node:
        case ast.Constant():
            return node.value
        case ast.Tuple() | ast.List():
            return (tuple if isinstance(node, ast.Tuple) else list)(_value(item, known) for item in node.elts)
        case ast.Dict():
            return {_value(key, known): _value(value, known) for key, value in zip(node.keys, node.values, strict=True)}
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand, known)
        case ast.BinOp() if type(node.op) in OPERATORS:
            return OPERATORS[type(node.op)](_value(node.left, known), _value(node.right, known))
        case ast.Name(id=name):
            if name not in known:
                raise _NoLiteral(f"name {name!r} is not known here")
            return known[name]
        case ast.Call(func=ast.Name(id=name)) if name in WORDS:
            arguments = [_value(argument, known) for argument in node.args]
            return WORDS[name](
                *arguments, **{str(keyword.arg): _value(keyword.value, known) for keyword in node.keywords}
            )
    raise _NoLiteral(f"{ast.unparse(node) if node else '**'} is no literal")
