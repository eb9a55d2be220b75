"""Which version of the source a result was made with.

A cell's identity holds a version of all source that decides its numbers: of training itself, and of each part,
objective and dataset that it uses; an evaluation's holds that of each measure, a figure's that of the figure. What
counts is the file of the class or function in question and all files that it imports, and theirs, as far as they
compute: the rooms of `SILENT` import neither torch nor numpy, and what they decide stands in the cell itself.

`versions.json` declares a version for each of these with a fingerprint of its files. While the files match, the
version is that number; after an edit it is ``edited-<fingerprint>``, so that exactly the results that depend on it get
a new identity, and an edit that is undone finds the old ones. Fingerprints are taken over the syntax trees, without
docstrings and declarations, so comments, texts and layout do not count. `accept` declares that the edits left all
numbers as they were (old results stay); `bump` that they did not. The source of an extension has no declared version:
its fingerprint stands for it, ``own-<fingerprint>``. Needs no torch.
"""

import ast
import functools
import hashlib
from pathlib import Path
from typing import Any

from rdplane.declare.kinds import Dataset, Declaration, Figure, Likelihood, Measure, Objective, Part
from rdplane.declare.read import DECLARING
from rdplane.declare.registry import PACKAGE, declared
from rdplane.files import read_json, write_json

__all__ = ["LOCK", "accept", "bump", "changed", "fingerprint", "of", "sampler", "sources", "version", "versioned"]

LOCK = Path(__file__).parent / "versions.json"

# Rooms and files in which no number is made: what they import is not followed.
SILENT = ("commands", "declare", "errors", "experiment", "files", "jobs", "machine", "status")

# What is no declaration's: name -> modules.
STAGES = {
    "training": ("train.loop",),
    "own images": ("data.own",),
    "samples": ("evaluate.samples",),
    "prefix code": ("evaluate.prefix",),
    "teacher": ("evaluate.teacher",),
    "toy": ("toy.run",),
}
# The same for what is cheap to make again: an edit simply does so, without a declared version.
CHEAP = {
    "page": ("page.write",),
    "cell figure": ("figures.training",),
    "table": ("table.rd",),
    "short tables": ("table.short",),
    "toy tables": ("toy.record", "toy.summary"),
}


def of(declaration: Declaration) -> str:
    """What the source of a declaration is called among the versions, such as 'decoder +' or 'measure probe'."""
    kinds = {
        Likelihood: "likelihood", Objective: "objective", Measure: "measure", Figure: "figure", Dataset: "dataset"
    }  # fmt: skip
    if isinstance(declaration, Part):
        return declaration.name
    return f"{kinds[type(declaration)]} {declaration.name}"  # type: ignore[attr-defined]


def sampler(part: Part) -> str:
    """The same for what only drawing from a part needs."""
    return f"{part.name} drawing"


def versioned() -> list[str]:
    """Everything of the package that has a declared version."""
    return [name for name in _roots(extensions=False) if not name.startswith("figure ") and name not in CHEAP]


def _roots(extensions: bool = True) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Name -> where its source begins, and modules that do not count to it; without extensions the package's own."""
    found: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
        name: (tuple(f"rdplane.{m}" for m in modules), ()) for name, modules in {**STAGES, **CHEAP}.items()
    }
    for declaration in declared().everything():
        if not extensions and not declaration.source.startswith("rdplane."):
            continue
        without = (_sampler_of(declaration),) if isinstance(declaration, Part) and declaration.sampler else ()
        # Every measure is called by the same machinery, which loads the model and seeds the draws.
        called = ("rdplane.evaluate.run", "rdplane.evaluate.given") if isinstance(declaration, Measure) else ()
        found[of(declaration)] = ((declaration.source, *called), without)
        if without:
            assert isinstance(declaration, Part)
            found[sampler(declaration)] = (without, ())
    return found


def _sampler_of(part: Part) -> str:
    """The module of a part's sampler, of a user's file the neighbour of that name."""
    beside = Path(part.source).parent / f"{part.sampler}.py"
    return str(beside) if part.source.endswith(".py") else part.sampler


def _names() -> dict[str, list[str]]:
    """Name -> which class or function of its file is meant."""
    return {of(item): [item.target] for item in declared().everything()}


def sources(name: str) -> list[Path]:
    """The files that count to something versioned, sorted.

    Raises:
        KeyError: nothing is called so.
    """
    starts, without = _roots()[name]
    return sorted(_closure(starts, without))


_found: dict[tuple[tuple[str, ...], tuple[str, ...]], dict[Path, int]] = {}


def _closure(starts: tuple[str, ...], without: tuple[str, ...]) -> list[Path]:
    """The files that are reached from some modules by their imports; found again only after one of them has changed."""
    known = _found.get((starts, without))
    if known is None or any(not path.exists() or _stamp(path) != stamp for path, stamp in known.items()):
        known = _found[starts, without] = {path: _stamp(path) for path in _reached(starts, without)}
    return list(known)


def _reached(starts: tuple[str, ...], without: tuple[str, ...]) -> set[Path]:
    todo, seen = [_file(start) for start in starts], set[Path]()
    skipped = {_file(module) for module in without}
    while todo:
        path = todo.pop()
        if path is None or path in seen or path in skipped:
            continue
        seen.add(path)
        todo += [found for found in _imports(path, _stamp(path)) if not _silent(found)]
        if PACKAGE in path.parents:
            todo += [other for other in _beside(path) if other not in seen]
    return seen


def _beside(path: Path) -> list[Path]:
    """Files that are no Python and belong to a page or figure: they stand in its folder."""
    return [p for p in path.parent.iterdir() if p.suffix in (".css", ".html", ".js", ".csv")]


def _silent(path: Path) -> bool:
    return PACKAGE in path.parents and path.relative_to(PACKAGE).parts[0].removesuffix(".py") in SILENT


def _file(module: str) -> Path | None:
    """The file of a module of the package, or of an extension; None for any other module."""
    if module.endswith(".py"):
        return Path(module) if Path(module).is_file() else None
    if module == "rdplane" or module.startswith("rdplane."):
        path = PACKAGE.joinpath(*module.split(".")[1:])
        return next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)
    from rdplane.declare.registry import files, locate

    return locate(module) if module in files() else None


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns


@functools.cache
def _imports(path: Path, stamp: int) -> tuple[Path, ...]:
    """Files that a file imports: of the package, and for a user's file its neighbours; not those for types alone."""
    if path.suffix != ".py":
        return ()
    found: list[Path] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for statement in node.orelse:
                visit(statement)
            return
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            for alias in node.names:
                submodule = _resolved(start + "." * (not start.endswith(".")) + alias.name, path)
                module = submodule or _exporting(_resolved(start, path), alias.name)
                found.extend([module] if module else [])
        found.extend(file for name in names if (file := _resolved(name, path)))
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(_tree(path, stamp))
    return tuple(found)


def _exporting(package: Path | None, name: str) -> Path | None:
    """The file of a package in which a name that the package hands on is made; else the package's own."""
    if package is None or package.name != "__init__.py" or PACKAGE not in package.parents:
        return package
    for node in ast.walk(_tree(package, _stamp(package))):
        if isinstance(node, ast.ImportFrom) and node.module and any(alias.name == name for alias in node.names):
            return _resolved(node.module, package)
    return package


def _resolved(module: str, importer: Path) -> Path | None:
    """The file of a module that a file imports: of the package, of the user's own, beside the file; else None.

    Args:
        module: its name, with leading dots where it is relative to the importer's package.
    """
    level = len(module) - len(module.lstrip("."))
    if not level and (module == "rdplane" or module.startswith("rdplane.")):
        return _file(module)
    if PACKAGE in importer.parents:
        return None
    parts = [part for part in module.split(".") if part]
    folders = [importer.parents[level - 1]] if level else _starts(importer)
    places = (folder.joinpath(*parts) for folder in folders)
    candidates = (p for place in places for p in (place.with_name(f"{place.name}.py"), place / "__init__.py"))
    return next((p for p in candidates if p.is_file()), None)


def _starts(importer: Path) -> list[Path]:
    """Folders in which a user's file finds its own modules: beside itself, and where its package lies."""
    folder = importer.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return list(dict.fromkeys((importer.parent, folder)))


@functools.cache
def _tree(path: Path, stamp: int) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def fingerprint(name: str) -> str:
    """Eight hexadecimal digits over the source of something versioned."""
    texts = [_text(path, _stamp(path)) for path in sources(name)] + _names().get(name, [])
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:8]


@functools.cache
def _text(path: Path, stamp: int) -> str:
    """What counts of a file: a module's syntax tree, every character of any other."""
    return dump(_tree(path, stamp)) if path.suffix == ".py" else path.read_text(encoding="utf-8")


def dump(node: Any) -> str:
    """A text of a syntax tree that is the same for every Python version; docstrings and declarations are left out."""
    if isinstance(node, list):
        return "[" + ",".join(dump(item) for item in node) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    parts = []
    for key, value in ast.iter_fields(node):
        if key == "body" and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            value = value[1:] if ast.get_docstring(node, False) else value
            if isinstance(node, ast.Module):
                value = [item for item in value if not _says_nothing(item)]
        if value is not None and value != [] and key not in ("kind", "type_comment", "ctx"):
            parts.append(f"{key}={dump(value)}")
    return f"{type(node).__name__}({','.join(parts)})"


def _says_nothing(node: ast.AST) -> bool:
    """Whether a statement decides no number: a declaration, whose defaults stand in the cell, and `__all__`."""
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return False
    call = node.value
    declares = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in DECLARING
    return declares or node.targets[0].id == "__all__"


@functools.cache
def _lock() -> dict[str, Any]:
    return read_json(LOCK) if LOCK.exists() else {}


def version(name: str) -> str:
    """The declared version of something; ``edited-<fingerprint>`` where its source has changed since; ``own-...``."""
    now = fingerprint(name)
    if not _roots()[name][0][0].startswith("rdplane."):
        return f"own-{now}"
    known = _lock().get(name)
    return str(known["version"]) if known and known["fingerprint"] == now else f"edited-{now}"


def changed() -> list[str]:
    """What differs from what the lock declares."""
    return [name for name in versioned() if version(name).startswith("edited-")]


def accept() -> list[str]:
    """Declare that the edits leave every number as it was: keep the versions, so that old results stay valid."""
    return _declare(0)


def bump() -> list[str]:
    """Declare that the edits change numbers: raise the versions of what was edited."""
    return _declare(1)


def _declare(step: int) -> list[str]:
    names = changed()
    lock = {key: value for key, value in _lock().items() if key in versioned()}
    for name in names:
        known = lock.get(name, {"version": 1 - step})
        lock[name] = {"version": known["version"] + step, "fingerprint": fingerprint(name)}
    write_json(LOCK, lock)
    _lock.cache_clear()
    return names
