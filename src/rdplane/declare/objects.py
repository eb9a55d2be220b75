"""From a declaration to its class or function: importing it, calling it, saying in one line what goes wrong there."""

import contextlib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from rdplane.declare.kinds import Declaration
from rdplane.declare.registry import files, locate
from rdplane.errors import UserError

__all__ = ["construct", "explained", "imported"]


def imported(declaration: Declaration) -> Any:
    """The class or function that a declaration is about; imports its file, and with it whatever that needs.

    Raises:
        UserError: the file cannot be imported, or has nothing of that name.
    """
    name = declaration.target
    module = _module(declaration.source)
    if not hasattr(module, name):
        raise UserError(f"{declaration.source} has no {name}, which its declaration names; expected it there")
    return getattr(module, name)


def construct(declaration: Declaration, known: Mapping[str, Any]) -> Any:
    """What a declaration's class or function returns, called with those of `known` that it names.

    Raises:
        UserError: as `imported`; or it asks for something else.
    """
    call = imported(declaration)
    parameters = inspect.signature(call).parameters
    for name, parameter in parameters.items():
        needed = parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD
        )  # fmt: skip
        if needed and name not in known:
            raise UserError(
                f"{declaration.source}: {call.__name__} asks for {name!r}, expected only {', '.join(known)}; "
                "keys of its own belong into its declaration"
            )
    return call(**{name: known[name] for name in parameters if name in known})


def _module(source: str) -> ModuleType:
    if not source.endswith(".py"):
        try:
            return importlib.import_module(source)
        except ImportError as error:
            raise UserError(f"{source} cannot be imported ({error})") from None
    path = Path(source)
    name = f"rdplane_extension_{path.stem}"
    known = sys.modules.get(name)
    if known is not None and known.__file__ == str(path):
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: a dataclass looks its own module up
    sys.path.insert(0, str(path.parent))  # its neighbours first, as for a script
    try:
        spec.loader.exec_module(module)
        _check_neighbours(path)
    except UserError:
        del sys.modules[name]
        raise
    except (Exception, SystemExit) as error:  # of a user's code: whatever it raises
        del sys.modules[name]
        line = _line(error, path)
        raise UserError(
            f"{path}{line} cannot be imported: {type(error).__name__}: {error}; expected a file that Python can import"
        ) from None
    finally:
        sys.path.remove(str(path.parent))
        if str(path.parent) not in sys.path:
            sys.path.append(str(path.parent))  # for what it imports later, behind everything else
    return module


def _check_neighbours(path: Path) -> None:
    """A helper of the same name that another folder's file brought would be used in silence."""
    for neighbour in path.parent.glob("*.py"):
        known = sys.modules.get(neighbour.stem)
        found = getattr(known, "__file__", None)
        imported_here = re.search(rf"^\s*(import|from)\s+{re.escape(neighbour.stem)}\b", path.read_text(), re.M)
        if imported_here and found and Path(found).resolve() != neighbour.resolve():
            raise UserError(
                f"{path} imports {neighbour.stem}, expected {neighbour}, but {found} is loaded already; give "
                "one of them another name"
            )


@contextlib.contextmanager
def explained(
    what: str, declaration: Declaration | None = None, passing: Callable[[Exception], bool] = lambda error: False
) -> Iterator[None]:
    """Say in one line what goes wrong in a user's source; a fault of the package's own keeps its traceback.

    Args:
        what: cannot be done then, such as 'the figure cost cannot be drawn'.
        declaration: whose source runs in the block; None where it may be any, found by the place of the error.
        passing: whether an error is none of the source's, such as memory that runs out.

    Raises:
        UserError: anything went wrong in the source of an extension.
    """
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # of a user's code: whatever it raises
        if isinstance(error, Exception) and passing(error):
            raise
        if declaration is not None:
            path = None if declaration.source.startswith("rdplane.") else locate(declaration.source)
        else:
            path = next((file for file in files().values() if _line(error, file)), None)
        if path is None:
            raise
        raise UserError(
            f"{path}{_line(error, path)}: {what}: {type(error).__name__}: {error}; mend the file, or remove it from "
            "extensions"
        ) from error


def _line(error: BaseException, path: Path) -> str:
    """', line N' of the place in a file where an error arose."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f", line {line}" if line else ""
