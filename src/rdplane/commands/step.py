"""One job of the workflow: ``python -m rdplane.commands.step <step> ...``, as the rules call it.

The border of a process: here alone arguments are texts and JSON (see `rdplane.commands.steps` for what is done). A
`UserError` ends as one line ``error: ...`` and status 2, an interrupted training run as status 75.
"""

import argparse
import contextlib
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rdplane.commands.steps import STEPS
from rdplane.declare.registry import use
from rdplane.errors import UserError
from rdplane.files import canonical_json

__all__ = ["EXTENSIONS", "command_line", "guarded", "main"]

INTERRUPTED = 75  # EX_TEMPFAIL: run the same again, it goes on from its checkpoint
EXTENSIONS = "RDPLANE_EXTENSIONS"  # JSON list of the extensions that a job uses, set by whoever starts it


def command_line(step: str, arguments: Mapping[str, Any]) -> list[str]:
    """The arguments of this module's `main` that run a step with these objects."""
    texts = {key: value if isinstance(value, str) else str(value) if isinstance(value, Path) else canonical_json(value)
             for key, value in arguments.items()}  # fmt: skip
    return [step, *(part for key, text in texts.items() for part in (f"--{key}", text))]


def guarded(action: Callable[[], None], log: Path | None = None) -> int:
    """Run `action`; what goes wrong becomes one line on standard error, or in `log`, and an exit status.

    In both, unless there is a display of the run, which shows the log.
    """
    from rdplane.jobs.progress import displayed
    from rdplane.jobs.signals import Interrupted

    try:
        action()
    except UserError as error:
        message, status = f"error: {error}", 2
    except Interrupted as error:
        message, status = f"interrupted: {error}; run the same command to go on", INTERRUPTED
    except KeyboardInterrupt:
        message, status = "interrupted: run the same command to go on", INTERRUPTED
    except BrokenPipeError:
        return 1
    except Exception:
        # A fault of ours: the traceback is what a bug report needs.
        message, status = traceback.format_exc() + "error: a bug in rdplane; please report it with the lines above", 1
    else:
        return 0
    shown = False
    if log is not None:
        with contextlib.suppress(OSError):
            with log.open("a") as stream:
                stream.write(message + "\n")
            shown = displayed()
    if not shown:
        print(message, file=sys.stderr)
    return status


def main(arguments: list[str] | None = None) -> int:
    """Entry point of ``python -m rdplane.commands.step``."""
    parser = argparse.ArgumentParser(prog="python -m rdplane.commands.step", description="One job of the workflow.")
    steps = parser.add_subparsers(dest="step", required=True)
    for step in STEPS:
        command = steps.add_parser(step.__name__)
        command.set_defaults(action=step)
        command.add_argument("--log", type=Path)
        for name, parameter in inspect.signature(step).parameters.items():
            if parameter.annotation is bool:
                command.add_argument(f"--{name}", action="store_true")
            elif name != "log":
                texts = {str: str, Path: Path}
                kind, needed = texts.get(parameter.annotation, json.loads), parameter.default is inspect.Parameter.empty
                command.add_argument(f"--{name}", required=needed, type=kind)
    options = vars(parser.parse_args(arguments))
    action, log = options.pop("action"), options["log"]
    known = {name: options[name] for name in inspect.signature(action).parameters}

    def run() -> None:
        use(json.loads(os.environ.get(EXTENSIONS) or "[]"))
        action(**known)

    return guarded(run, log)


if __name__ == "__main__":
    sys.exit(main())
