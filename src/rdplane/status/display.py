"""What a run of the workflow shows: a line for each cell that is finished, and how far the whole is. Needs no torch.

Knows nothing of Snakemake: whoever runs the jobs says which start and end. What is told of a cell stands in its files.
"""

import math
import re
import time
from collections.abc import Sequence
from pathlib import Path

from rdplane.errors import UserError
from rdplane.experiment.metrics import rows
from rdplane.files import read_json
from rdplane.jobs.progress import duration
from rdplane.status.course import Agenda, Course, Job, about
from rdplane.status.look import Standing, look, number
from rdplane.status.plan import Plan
from rdplane.status.screen import Screen

__all__ = ["Display", "outcome", "trained"]

BAR = 24  # characters
BRIEFLY = 0.2  # seconds for which a live line stands at least
LOOKS = 3.0  # seconds between two looks at the files of running cells
RARELY = 60.0  # seconds between two lines on the progress where no live line can be shown; a tenth of the run if more


class Display:
    """Lines of a run on a screen.

    Args:
        screen: where they go.
        progress: whether to say more than what `line` is given.
    """

    def __init__(self, screen: Screen, progress: bool = True):
        self.screen, self.progress = screen, progress
        self.course = Course()
        self.agenda: Agenda | None = None
        self.finished = 0
        self.jobs: dict[int, Job] = {}  # key -> what was seen to start
        self.files: dict[int, Sequence[str]] = {}  # what running jobs make
        self.standing: dict[str, Standing] = {}  # running cells
        self.looked, self.drawn, self.told = -math.inf, -math.inf, time.monotonic()
        self.over = False

    def begin(self, agenda: Agenda) -> None:
        """The run begins."""
        self.agenda, self.finished = agenda, agenda.done
        self.course = Course(agenda.jobs)
        self.told = time.monotonic()

    def start(self, key: int, rule: str, name: str, files: Sequence[str]) -> None:
        """A job starts: its key, its rule, what it is for, and the files that it is to make."""
        self.jobs[key], self.files[key] = Job(rule, name), files
        self.course.start(key, self.jobs[key], time.monotonic())

    def finish(self, key: int) -> None:
        """A job ended well. If that finishes a cell, it gets a line."""
        job = self.course.finish(key, time.monotonic())
        made = {Path(file).name: Path(file).parent for file in self.files.pop(key, ())}
        if job is None:
            return
        if "metrics.json" in made:
            self.finished += 1
            self._cell(made["metrics.json"], outcome(made["metrics.json"]))
        elif "train.json" in made and not self.course.expects(job.name):
            self._cell(made["train.json"], trained(made["train.json"]))

    def fail(self, key: int) -> Job | None:
        """A job failed; which one, or None if it was never seen to start."""
        self.course.fail(key)
        self.files.pop(key, None)
        return self.jobs.get(key)

    def end(self) -> None:
        """Nothing more is shown below the lines."""
        self.over = True
        self.screen.clear()
        self.screen.flush()

    def line(self, text: str) -> None:
        """A line that stays."""
        self.screen.write(f"{text}\n")
        self.screen.flush()

    def tick(self) -> None:
        """Show how far the run is: to be called about once a second, and whenever a job starts or ends."""
        if not self.progress or self.over or self.agenda is None:
            return
        if not self.course.running:
            self.screen.clear()
            self.screen.flush()
            return
        now, begun = time.monotonic(), self.course.begun
        if self.screen.live:
            if now - self.drawn >= BRIEFLY:
                self.drawn = now
                self.screen.show(self._bar(now))
        elif now - self.told >= max(RARELY, 0.0 if begun is None else (now - begun) / 10):
            self.told = now
            self.line(self._words(now))

    def _cell(self, folder: Path, text: str) -> None:
        if not self.progress:
            return
        if self.agenda is None:
            self.line(f"{folder.name}: {text}")
            return
        total = len(self.agenda.cells)
        width = max((len(name) for name in self.agenda.cells), default=0) + 1
        self.line(f"[{self.finished:{len(str(total))}}/{total}] {folder.name + ':':{width}} {text}")

    def _bar(self, now: float) -> str:
        share, left = self._course(now)
        filled = int(BAR * share)
        parts = [self._count(), f"[{'#' * filled}{'-' * (BAR - filled)}] {share:4.0%}", left, *self._running()]
        return "  ".join(part for part in parts if part)

    def _words(self, now: float) -> str:
        share, left = self._course(now)
        done = ", ".join(part for part in (self._count(), f"{share:.0%} of the work", left) if part)
        return f"{done}; now {', '.join(self._running())}"

    def _count(self) -> str:
        assert self.agenda is not None
        return f"{self.finished} of {len(self.agenda.cells)} cells"

    def _course(self, now: float) -> tuple[float, str]:
        """The share of the work that is done, and how long the rest takes, in words."""
        assert self.agenda is not None
        if now - self.looked > LOOKS:
            self.looked = now
            cells = [job.name for job, _ in self.course.running.values() if job.name in self.agenda.cells]
            self.standing = {cell.name: cell for cell in look(Plan(self.agenda.folder, cells, []))}
        lefts = {name: number(cell.heartbeat.get("left")) for name, cell in self.standing.items()}
        left = self.course.left(now, {name: seconds for name, seconds in lefts.items() if seconds is not None})
        return self.course.share(now, left), "" if left is None else f"{about(left)} left"

    def _running(self) -> list[str]:
        """What runs now, those that take longest first."""
        jobs = sorted(self.course.running.values(), key=lambda entry: entry[1])
        return [self._shown(job) for job, _ in jobs]

    def _shown(self, job: Job) -> str:
        cell = self.standing.get(job.name)
        name = re.sub(r"_[0-9a-f]{8}$", "", job.name)  # without the hash
        if cell is None or job.rule != "train":
            return f"{job.rule} {name}".rstrip()
        epoch, epochs = (number(cell.heartbeat.get(key)) for key in ("epoch", "epochs"))
        if epoch is None or not epochs:
            return f"train {name}"
        return f"train {name} {min(epoch + 1, epochs):.0f}/{epochs:.0f}"


def outcome(folder: Path) -> str:
    """What came out of a cell: R, D and -ELBO of the test images in nats an image, and what its training took."""
    try:
        found = read_json(folder / "metrics.json")
        measured = rows(found)
        rates, distortions, sums = ([float(row[key]) for row in measured] for key in ("rate", "distortion", "neg_elbo"))
        images, epochs, seconds = int(measured[0]["images"]), int(found["epochs"]), float(found["train_seconds"])
    except (UserError, KeyError, TypeError, ValueError, IndexError) as error:
        return f"done, but {folder / 'metrics.json'} cannot be read ({error})"
    place = f"R {rates[0]:6.2f}  D {distortions[0]:6.2f}  -ELBO {sums[0]:6.2f}"
    if len(measured) > 1:  # points of a curve
        ends = (f"{found[0]:.2f} to {found[-1]:.2f}" for found in (rates, distortions))
        place = "R {}  D {}".format(*ends) + f"  -ELBO at best {min(sums):.2f}"
    return f"{place} nats (test, {images} images)  trained {epochs} epochs in {duration(seconds)}"


def trained(folder: Path) -> str:
    """What is known of a cell that is trained and not to be measured yet."""
    try:
        found = read_json(folder / "train.json")
        return f"trained {int(found['epochs'])} epochs in {duration(float(found['train_seconds']))}, not measured yet"
    except (UserError, KeyError, TypeError, ValueError):
        return "trained, not measured yet"
