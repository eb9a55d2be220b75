"""How far a run is and how long it still takes: what the jobs that ended tell of those to come."""

import pytest

from rdplane.experiment.config import resolve_config
from rdplane.experiment.layout import Layout
from rdplane.files import write_json
from rdplane.status.course import Course, Job, about, agenda
from rdplane.status.plan import plan_of

LIGHT, HEAVY = "vae---_beta1_seed0_00000000", "vae-+-_beta1_seed0_00000000"


def course(**cells):
    """A run that trains cells of two architectures, as many as are said."""
    jobs = [Job("train", LIGHT.replace("seed0", f"seed{i}")) for i in range(cells.get("light", 0))]
    jobs += [Job("train", HEAVY.replace("seed0", f"seed{i}")) for i in range(cells.get("heavy", 0))]
    return Course(jobs), jobs


def run(course, key, job, since, until):
    course.start(key, job, since)
    course.finish(key, until)


def test_jobs_to_come_take_what_others_of_their_architecture_took():
    """One job at a time: 10 s each for the light ones, 40 s for the heavy."""
    this, jobs = course(light=3, heavy=2)
    run(this, 1, jobs[0], 0, 10)
    run(this, 2, jobs[3], 10, 50)
    assert this.left(50, {}) == pytest.approx(10 + 10 + 40)


def test_an_architecture_of_which_none_has_ended_takes_the_mean_of_the_rule():
    this, jobs = course(light=2, heavy=1)
    run(this, 1, jobs[0], 0, 10)
    run(this, 2, jobs[1], 10, 20)
    assert this.left(20, {}) == pytest.approx(10)


def test_as_many_at_once_as_before():
    this, jobs = course(light=6)
    for key in (0, 1):
        this.start(key, jobs[key], 0)
    for key in (0, 1):
        this.finish(key, 10)
    assert this.left(10, {}) == pytest.approx(4 * 10 / 2)


def test_never_less_than_the_longest_of_those_that_run():
    this, jobs = course(light=1, heavy=1)
    this.start(1, jobs[0], 0)
    this.start(2, jobs[1], 0)
    assert this.left(5, {LIGHT: 5.0, HEAVY: 100.0}) == 100


def test_nothing_is_said_while_no_training_tells():
    this, jobs = course(light=2)
    this.start(1, jobs[0], 0)
    assert this.left(3, {}) is None
    assert this.share(3, None) == 0


def test_a_running_training_tells_of_those_to_come():
    this, jobs = course(light=3)
    this.start(1, jobs[0], 0)
    assert this.left(4, {LIGHT: 6.0}) == pytest.approx(6 + 2 * 10)


def test_share_is_of_time_and_not_of_jobs():
    this, jobs = course(light=1, heavy=1)
    run(this, 1, jobs[0], 0, 10)
    this.start(2, jobs[1], 10)
    assert this.share(10, this.left(10, {HEAVY: 30.0})) == pytest.approx(10 / 40)


def test_share_never_falls_and_ends_at_one():
    this, jobs = course(light=2)
    run(this, 1, jobs[0], 0, 10)
    half = this.share(10, this.left(10, {}))
    this.start(2, jobs[1], 10)
    assert this.share(11, this.left(11, {jobs[1].name: 500.0})) == half
    this.finish(2, 20)
    assert this.left(20, {}) == 0 and this.share(20, 0) == 1


def test_what_follows_a_failed_job_is_no_longer_to_come():
    this = Course([Job("train", LIGHT), Job("evaluate", LIGHT), Job("train", HEAVY), Job("evaluate", HEAVY)])
    this.start(1, Job("train", LIGHT), 0)
    assert this.fail(1) == Job("train", LIGHT)
    assert not this.expects(LIGHT) and this.expects(HEAVY)


def test_a_job_that_nobody_saw_start_is_no_error():
    this, _ = course(light=1)
    assert this.finish(7, 0) is None and this.fail(7) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than 1 min"), (59, "less than 1 min"), (61, "about 1 min"), (437, "about 7 min"),
        (1000, "about 15 min"), (3590, "about 1 h"), (9100, "about 2 h 30 min"), (36000, "about 10 h"),
    ],
)  # fmt: skip
def test_time_left_is_no_more_exact_than_it_is_known(seconds, words):
    assert about(seconds) == words


@pytest.fixture
def plan(tmp_path):
    return plan_of(
        Layout(resolve_config({"experiment": "two", "grid": {"architectures": "---", "beta": [1, 2]}}), tmp_path)
    )


def test_agenda_counts_what_is_finished(plan):
    first, second = plan.cells
    write_json(plan.folder / "cells" / first / "metrics.json", {})
    jobs = [("train", second), ("evaluate", second), ("aggregate", "")]
    assert str(agenda(plan, jobs, 2)) == "two: 2 cells, 1 done; 3 jobs on 2 cores: 1 aggregate, 1 evaluate, 1 train"
    # To be measured anew is not to be finished.
    assert agenda(plan, [*jobs, ("evaluate", first)]).done == 0
