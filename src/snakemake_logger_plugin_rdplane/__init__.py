"""What `snakemake` says on the terminal: a line for each finished cell, how far the run is, and errors in full.

A logger plugin of Snakemake (`--logger rdplane`), found by its name; the profiles ask for it. It only passes on what
Snakemake tells: what is shown is the business of `rdplane.status.display`. With `--verbose` or `RDPLANE_DISPLAY=off`,
in a dry run, and after a fault of the display itself, its own messages appear: no run is lost to its display.
"""

import contextlib
import logging
import os
import re
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

__all__ = ["LogHandler"]

TICK = 1.0  # seconds between two looks at how far the run is

# Told line by line for every job, and replaced by the display.
REPLACED = (
    LogEvent.GROUP_INFO, LogEvent.JOB_STARTED, LogEvent.PROGRESS, LogEvent.RESOURCES_INFO, LogEvent.RULEGRAPH,
    LogEvent.RUN_INFO, LogEvent.WORKFLOW_STARTED,
)  # fmt: skip
UNTOLD = (
    "Select jobs to execute", "Using shell:", "Conda environments: ignored", "Group jobs: inactive",
    "Assuming unrestricted shared filesystem usage", "Job rate limit reached",
)  # fmt: skip
LAST = ("Terminating processes on user request", "Shutting down")  # what comes before the end of a run that was stopped

# How a job of rdplane ends that has written into its log why; other ends, such as by a signal, Snakemake has to tell.
EXPLAINED = re.compile(r"CalledProcessError.* returned non-zero exit status (1|2|3|75)\.\s*", flags=re.DOTALL)


class LogHandler(LogHandlerBase):
    """Receives all that Snakemake logs, in a thread of Snakemake's own."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self.display: Any = None
        self.ticker: threading.Thread | None = None
        self.ended = threading.Event()
        settings = self.common_settings
        quiet = {quietness.name for quietness in settings.quiet or ()}
        stream = sys.stdout if settings.stdout else sys.stderr
        self.usual = _usual(settings, stream)
        if settings.dryrun or settings.verbose or settings.debug_dag or "ALL" in quiet:
            return
        try:
            # Not before: Snakemake imports every plugin, whatever it is asked to do.
            from rdplane.jobs.progress import DISPLAY
            from rdplane.status.display import Display
            from rdplane.status.screen import Screen

            if os.environ.get(DISPLAY) != "off":
                screen = Screen(stream)
                self.usual = _usual(settings, screen)
                self.display = Display(screen, progress="PROGRESS" not in quiet)
                os.environ[DISPLAY] = "on"  # for the jobs
        except Exception as error:
            self._give_up(error)

    def emit(self, record: logging.LogRecord) -> None:
        """Show what Snakemake tells."""
        if self.display is not None:
            try:
                self._show(record)
                return
            except Exception as error:
                self._give_up(error)
        with contextlib.suppress(OSError):  # nobody reads it any more; the run goes on
            self.usual.handle(record)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self.ended.set()
        self.acquire()  # the ticker may be at work
        try:
            if self.display is not None:
                self.display.end()
        except Exception as error:
            self._give_up(error)
        finally:
            self.release()
        super().close()

    def _show(self, record: logging.LogRecord) -> None:
        told: Any = record  # whose attributes depend on the event
        event = getattr(record, "event", None)
        if (agenda := getattr(record, "rdplane", None)) is not None:
            self.display.begin(agenda)
            if self.display.progress:
                self.display.line(record.getMessage())
        elif event == LogEvent.JOB_INFO:
            self._watch()
            self.display.start(told.jobid, told.rule_name, ",".join(map(str, told.wildcards.values())), told.output)
            self.display.tick()
        elif event == LogEvent.JOB_FINISHED:
            self.display.finish(told.job_id)
            self.display.tick()
        elif event == LogEvent.JOB_ERROR:
            self._tell_failure(told)
        elif event == LogEvent.GROUP_ERROR:
            self._say(logging.ERROR, f"error: the jobs of group {told.groupid} failed{_logs(told.aux_logs)}")
        elif event == LogEvent.SHELLCMD:
            if self.common_settings.printshellcmds:
                self.usual.emit(record)
        elif event not in REPLACED:
            self._tell(record, record.getMessage())

    def _tell(self, record: logging.LogRecord, text: str) -> None:
        """Whatever else Snakemake says, without what is of no use to anybody."""
        if record.levelno >= logging.WARNING:
            if not EXPLAINED.search(text):
                self._say(record.levelno, _without_command(text))
            return
        if text.startswith(LAST):
            self.display.end()
        if again := re.fullmatch(r"Trying to restart job (\d+)\.", text):
            self.display.line(f"{self.display.jobs.get(int(again[1]), f'job {again[1]}')}: once more")
        elif not text.startswith(UNTOLD):
            self.usual.handle(record)

    def _tell_failure(self, told: Any) -> None:
        """A job that failed: which one, what Snakemake says about it, and its log in full."""
        job = self.display.fail(told.jobid) or told.rule_name
        if told.indent and not any(Path(log).exists() for log in told.log):
            return  # of a group on a cluster, behind the one that failed: it never ran
        if _interrupted(told.log):
            self.display.line(f"{job}: interrupted; run the same command again to go on")
            return
        said = [str(told.rule_msg)] if told.rule_msg else []
        said += [f"{key}: {value}" for key, value in told.aux.items()]
        what = "".join(f"\n    {line}" for line in said)
        self._say(logging.ERROR, f"error: {job} failed (job {told.jobid} of Snakemake){what}{_logs(told.log)}")

    def _say(self, level: int, text: str) -> None:
        """A line of ours in Snakemake's colours."""
        self.usual.emit(logging.LogRecord(__name__, level, __file__, 0, text, None, None))

    def _watch(self) -> None:
        """Keep the display fresh from a thread of its own; begun late, because most commands run no job."""
        if self.ticker is None:
            self.ticker = threading.Thread(target=self._tick, name="display", daemon=True)
            self.ticker.start()

    def _tick(self) -> None:
        while not self.ended.wait(TICK) and self.display is not None:
            self.acquire()  # as whoever calls `emit` does
            try:
                if self.display is not None:
                    self.display.tick()
            except Exception as error:
                self._give_up(error)
            finally:
                self.release()

    def _give_up(self, error: Exception) -> None:
        """Leave the rest of the run to Snakemake's own messages."""
        self.display = None
        self.usual = _usual(self.common_settings, sys.stdout if self.common_settings.stdout else sys.stderr)
        if not isinstance(error, BrokenPipeError):  # else nobody hears the jobs either, and they would fail of it
            os.environ.pop("RDPLANE_DISPLAY", None)
        _complain(error)


def _usual(settings: Any, stream: Any) -> logging.Handler:
    """Snakemake's own messages."""
    from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter

    return ColorizingTextHandler(
        nocolor=settings.nocolor,
        stream=stream,
        formatter=DefaultFormatter(settings.quiet, settings.show_failed_logs),
        filter=DefaultFilter(
            settings.quiet, settings.debug_dag, settings.verbose, settings.dryrun, settings.printshellcmds
        ),
    )


def _complain(error: Exception) -> None:
    with contextlib.suppress(OSError):  # the terminal is gone, or whoever read the pipe
        print(
            f"warning: the display of this run failed ({type(error).__name__}: {error}); the run goes on, with "
            "Snakemake's own messages",
            file=sys.stderr,
        )


def _logs(paths: list[str]) -> str:
    """The text of every log that there is, under its name."""
    return "".join(f"\n  {path}:\n{textwrap.indent(_text(path), '    ')}" for path in paths)


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").rstrip() or "(empty)"
    except OSError:
        return "(not there)"


def _interrupted(paths: list[str]) -> bool:
    """Whether a job's log ends in that it was asked to stop."""
    return any(_text(path).rpartition("\n")[2].startswith("interrupted: ") for path in paths)


def _without_command(text: str) -> str:
    """A message without the text of a job's command, which holds all that decides a cell."""
    return re.sub(r"Command (['\"]).*\1 (returned|died)", r"the command \2", text, flags=re.DOTALL)
