"""How far a run of the workflow is and how long it will still take, from its jobs alone. Needs no torch.

Jobs are weighed by the time that others of their kind took: of the same rule and, if there are any, the same
architecture. A training that no other tells of is weighed by what it says of itself.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rdplane.status.look import look
from rdplane.status.plan import Plan

__all__ = ["Agenda", "Course", "Job", "about", "agenda"]

# The rules of the workflow that train a cell and that measure it: with the latter it is finished.
TRAIN, MEASURE = "train", "evaluate"
NAMED = 5  # rules that an agenda names, those of most jobs first
USUAL = 5.0  # seconds of a job that is no training while nothing tells; measured: 1 to 10


@dataclass(frozen=True)
class Job:
    """A job of the workflow: its rule, and the cell (or figure) that it is for, if any."""

    rule: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.rule} {self.name}".rstrip()

    @property
    def kinds(self) -> tuple["Job", ...]:
        """Jobs alike, the most alike first: those of its rule and architecture, of its rule, all but trainings."""
        alike = (Job(self.rule, self.name.split("_")[0]), Job(self.rule, "*"))
        return alike if self.rule == TRAIN else (*alike, OTHER)


OTHER = Job("*")  # the kind of all jobs that are no training


@dataclass(frozen=True)
class Agenda:
    """What a run sets out to do.

    Attributes:
        folder: the experiment's folder.
        cells: names of its cells.
        done: how many of them are finished already.
        jobs: all jobs to come, in no order.
        cores: how many cores there are for them, if that is known.
    """

    folder: Path
    cells: Sequence[str]
    done: int
    jobs: Sequence[Job]
    cores: int | None = None

    def __str__(self) -> str:
        """In one line."""
        counts = sorted(Counter(job.rule for job in self.jobs).items(), key=lambda item: (-item[1], item[0]))
        named = [f"{count} {rule}" for rule, count in counts[:NAMED]]
        others = sum(count for _, count in counts[NAMED:])
        jobs = ", ".join([*named, f"{others} others"] if others else named)
        where = f" on {self.cores} core{'s' if self.cores > 1 else ''}" if self.cores else ""
        return f"{self.folder.name}: {len(self.cells)} cells, {self.done} done; {len(self.jobs)} jobs{where}: {jobs}"


def agenda(plan: Plan, jobs: Sequence[tuple[str, str]], cores: int | None = None) -> Agenda:
    """What a run sets out to do, given the rule and the cell (or figure, or nothing) of each of its jobs."""
    wanted = [Job(rule, name) for rule, name in jobs]
    measured = {job.name for job in wanted if job.rule == MEASURE}
    done = sum(cell.state == "done" and cell.name not in measured for cell in look(plan))
    return Agenda(plan.folder, plan.cells, done, wanted, cores)


class Course:
    """The jobs of a run: to come, running, and how long those that ended took. Times are in seconds of any clock.

    Args:
        jobs: all jobs to come; those that are missing join when they start.
    """

    def __init__(self, jobs: Sequence[Job] = ()):
        self.waiting = Counter(jobs)
        self.running: dict[int, tuple[Job, float]] = {}  # key -> job, when it started
        self.ended = Counter[Job]()  # kind -> how many jobs ended well
        self.seconds = defaultdict[Job, float](float)  # kind -> how long these took together
        self.spent = 0.0  # by all jobs that ended well
        self.begun: float | None = None
        self.reached = 0.0  # share of the work done that was last told

    def start(self, key: int, job: Job, now: float) -> None:
        """A job starts, for the first time or once more after it failed."""
        self.begun = now if self.begun is None else self.begun
        self.running[key] = job, now
        if self.waiting[job]:
            self.waiting[job] -= 1

    def finish(self, key: int, now: float) -> Job | None:
        """A job ended well; None if it was never seen to start."""
        if key not in self.running:
            return None
        job, since = self.running.pop(key)
        self.spent += now - since
        for kind in job.kinds:
            self.ended[kind] += 1
            self.seconds[kind] += now - since
        return job

    def fail(self, key: int) -> Job | None:
        """A job failed, and with it those to come of the same cell; None if it was never seen to start."""
        if key not in self.running:
            return None
        job, _ = self.running.pop(key)
        if job.name:
            self.waiting = Counter({other: count for other, count in self.waiting.items() if other.name != job.name})
        return job

    def expects(self, name: str) -> bool:
        """Whether another job of this cell is to come or running."""
        return any(count and job.name == name for job, count in self.waiting.items()) or any(
            job.name == name for job, _ in self.running.values()
        )

    def left(self, now: float, trainings: Mapping[str, float]) -> float | None:
        """Seconds until all is done if as many jobs run at once as before; None while nothing tells.

        Args:
            now: the time.
            trainings: cell -> seconds left, as its running training says (see `rdplane.jobs.heartbeat`).
        """
        running = list(self._running(now, trainings))
        waiting = list(self._waiting(now, trainings))
        if None in running or None in waiting:
            return None
        rest = [seconds for seconds in (*running, *waiting) if seconds is not None]
        return max([sum(rest) / self._at_once(now), *rest[: len(running)]])

    def share(self, now: float, left: float | None) -> float:
        """Share of the work that is done, from 0 to 1; it never falls.

        Args:
            now: the time.
            left: see `left`.
        """
        if left is not None and (busy := self._busy(now)):
            self.reached = max(self.reached, busy / (busy + left * self._at_once(now)))
        return self.reached

    def _running(self, now: float, trainings: Mapping[str, float]) -> Iterator[float | None]:
        for job, since in self.running.values():
            usual = self._usual(job)
            if job.rule == TRAIN and job.name in trainings:
                yield trainings[job.name]
            else:
                yield None if usual is None else max(usual - (now - since), 0.0)

    def _waiting(self, now: float, trainings: Mapping[str, float]) -> Iterator[float | None]:
        told = [
            now - since + trainings[job.name]
            for job, since in self.running.values()
            if job.rule == TRAIN and job.name in trainings
        ]
        told_mean = sum(told) / len(told) if told else None
        for job, count in self.waiting.items():
            if count:
                usual = self._usual(job)
                each = told_mean if usual is None else usual
                yield None if each is None else count * each

    def _usual(self, job: Job) -> float | None:
        """What a job like this one takes; None for a training while none has ended."""
        for kind in job.kinds:
            if self.ended[kind]:
                mean = self.seconds[kind] / self.ended[kind]
                return max(mean, USUAL) if kind == OTHER else mean
        return None if job.rule == TRAIN else USUAL

    def _busy(self, now: float) -> float:
        """Seconds that all jobs took so far, the running ones included."""
        return self.spent + sum(now - since for _, since in self.running.values())

    def _at_once(self, now: float) -> float:
        """How many jobs ran at once: on average, or now if these are more."""
        wall = now - self.begun if self.begun is not None else 0.0
        return max(1.0, len(self.running), self._busy(now) / wall if wall > 0 else 0.0)


def about(seconds: float) -> str:
    """A guess of how long something takes, no more exact than it is: 'about 5 min', 'about 2 h 30 min'."""
    if seconds < 60:
        return "less than 1 min"
    minutes = seconds / 60
    step = 1 if minutes < 15 else 5 if minutes < 120 else 30
    rounded = round(minutes / step) * step
    hours, rest = divmod(rounded, 60)
    if rounded < 60:
        return f"about {rounded} min"
    return f"about {hours} h" + (f" {rest} min" if rest else "")
