"""Which version of the code a cell was made with.

A cell's identity holds a version of each component of the code that decides its numbers. `code_lock.json` declares
a version for each component together with a fingerprint of its source. While the source matches, the version is
that number; after an edit it is ``edited-<fingerprint>``, so that exactly the cells that depend on the edited
component get a new identity and train again, and an edit that is undone finds the old results. The fingerprint is taken
over the syntax tree, so comments, docstrings and layout do not count. `accept` declares that an edit
leaves the numbers as they were (old results stay); `bump` declares that it does not. Needs no torch.
"""

import ast
import functools
import hashlib
from pathlib import Path
from typing import Any

from rdplane.architectures import parse
from rdplane.files import read_json, write_json

__all__ = ["COMPONENTS", "LOCK", "accept", "bump", "cell_versions", "changed", "fingerprint", "version"]

ROOT = Path(__file__).parent
LOCK = ROOT / "code_lock.json"


def _modules(pattern: str) -> tuple[str, ...]:
    return tuple(str(path.relative_to(ROOT)) for path in sorted(ROOT.glob(pattern)))


COMPONENTS: dict[str, tuple[str, ...]] = {
    "data": ("data/sources.py", "data/binarise.py", "data/own.py", "data/prepare.py"),
    "engine": (
        "train/loop.py",
        "train/gradient.py",
        "train/optimiser.py",
        "train/schedule.py",
        "objective.py",
        "device.py",
        "models/vae.py",
        "models/registry.py",
    ),
    "layers": ("models/densities.py", "models/gated.py"),
    "encoder -": ("models/encoder.py",),
    "encoder +": ("models/encoder.py", "models/flow.py", "models/made.py"),
    "decoder -": ("models/deconv.py",),
    "decoder +": ("models/pixelcnn.py", "models/causal.py"),
    "marginal -": ("models/marginal.py",),
    "marginal +": ("models/marginal.py", "models/flow.py", "models/made.py"),
    "marginal v": ("models/marginal.py",),
    "evaluate": ("evaluate.py", "models/pixelcnn_sampler.py", *_modules("measures/*.py")),
    "sample": ("sample.py", "models/pixelcnn_sampler.py"),
    "toy": (
        "toy/source.py",
        "toy/exact.py",
        "toy/model.py",
        "toy/optimal.py",
        "toy/train.py",
        "toy/run.py",
        "toy/record.py",
    ),
}

# Cheap to run again: an edit simply does so, without a declared version.
CHEAP: dict[str, tuple[str, ...]] = {
    "page": (
        "frontier.py",
        "figures/style.py",
        "figures/runs.py",
        "figures/samples.py",
        "figures/published.csv",
        *_modules("page/*.*"),
    ),
    "aggregate": ("aggregate.py", "summary.py"),
    "tables": ("tables.py", "frontier.py", "measures/category.py"),
    "figures": ("frontier.py", "tables.py", "measures/category.py", "measures/gap.py", *_modules("figures/*.*")),
    "toy figures": ("figures/style.py", "toy/blahut.py", "toy/restricted.py", *_modules("toy/figures/*.py")),
    "toy table": ("toy/record.py", "toy/summary.py"),
}


def fingerprint(component: str) -> str:
    """Eight hexadecimal digits over the syntax trees of a component's modules, without docstrings."""
    trees = [_text(ROOT / module) for module in {**COMPONENTS, **CHEAP}[component]]
    return hashlib.sha256("\n".join(trees).encode()).hexdigest()[:8]


@functools.cache
def _text(path: Path) -> str:
    """What counts of a file: a module's syntax tree, every character of any other."""
    return _dump(ast.parse(path.read_text())) if path.suffix == ".py" else path.read_text()


def _dump(node: Any) -> str:
    """A text of a syntax tree that is the same for every Python version: empty fields are left out."""
    if isinstance(node, list):
        return "[" + ",".join(_dump(item) for item in node) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    parts = []
    for key, value in ast.iter_fields(node):
        if (
            key == "body"
            and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node, False)
        ):
            value = value[1:]
        if value is not None and value != [] and key not in ("kind", "type_comment", "ctx"):
            parts.append(f"{key}={_dump(value)}")
    return f"{type(node).__name__}({','.join(parts)})"


@functools.cache
def _lock() -> dict[str, Any]:
    return read_json(LOCK) if LOCK.exists() else {}


def version(component: str) -> str:
    """The declared version of a component as text, or ``edited-<fingerprint>`` where its source has changed since."""
    now = fingerprint(component)
    declared = _lock().get(component)
    return str(declared["version"]) if declared and declared["fingerprint"] == now else f"edited-{now}"


def cell_versions(architecture: str) -> dict[str, str]:
    """Versions of all that decides the weights of a cell of this architecture: component -> version."""
    model = parse(architecture)
    components = (
        "engine", "layers", f"encoder {model.encoder}", f"decoder {model.decoder}", f"marginal {model.marginal}",
    )  # fmt: skip
    return {component: version(component) for component in components}


def changed() -> list[str]:
    """Components whose source differs from what the lock declares."""
    return [component for component in COMPONENTS if version(component).startswith("edited-")]


def accept() -> list[str]:
    """Declare that the edits leave every number as it was: keep the versions, so that old results stay valid."""
    return _declare(0)


def bump() -> list[str]:
    """Declare that the edits change numbers: raise the versions of what was edited."""
    return _declare(1)


def _declare(step: int) -> list[str]:
    components = changed()
    lock = {key: value for key, value in _lock().items() if key in COMPONENTS}
    for component in components:
        known = lock.get(component, {"version": 1 - step})
        lock[component] = {"version": known["version"] + step, "fingerprint": fingerprint(component)}
    write_json(LOCK, lock)
    _lock.cache_clear()
    return components
