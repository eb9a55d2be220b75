"""What a run shows of its jobs, told by hand."""

import io
from types import SimpleNamespace

import pytest

from rdplane.files import write_json
from rdplane.status.course import Agenda, Job
from rdplane.status.display import Display, outcome
from rdplane.status.screen import Screen

CELL = "vae---_beta1_seed0_00000000"
METRICS = {
    "rate": 7.526, "distortion": 83.414, "neg_elbo": 90.94, "images": 500, "epochs": 4, "train_seconds": 81.2
}  # fmt: skip


class Shown:
    """A display whose clock stands still until a test moves it, and the lines that it has written."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.now, self.stream = folder, 0.0, io.StringIO()
        monkeypatch.setattr("rdplane.status.display.time", SimpleNamespace(monotonic=lambda: self.now))
        self.display = Display(Screen(self.stream))
        self.display.begin(Agenda(folder, [CELL, "other"], 0, [Job("train", CELL), Job("evaluate", CELL)]))

    def job(self, key, rule, file):
        self.display.start(key, rule, CELL, [f"{self.folder}/cells/{CELL}/{file}"])
        self.display.finish(key)

    def write(self, file, values):
        write_json(self.folder / "cells" / CELL / file, values)

    @property
    def lines(self):
        return self.stream.getvalue().splitlines()


@pytest.fixture
def shown(tmp_path, monkeypatch):
    return Shown(tmp_path, monkeypatch)


def test_a_cell_has_its_line_when_it_is_measured_and_not_before(shown):
    shown.job(1, "train", "train.json")
    assert shown.lines == []
    shown.write("metrics.json", METRICS)
    shown.job(2, "evaluate", "metrics.json")
    assert shown.lines == [
        f"[1/2] {CELL}: R   7.53  D  83.41  -ELBO  90.94 nats (test, 500 images)  trained 4 epochs in 1 min 21 s"
    ]


def test_a_curve_is_a_line_of_its_ends_and_its_best(shown):
    points = [
        {"rate": r, "distortion": d, "neg_elbo": r + d, "images": 500} for r, d in ((50, 60), (20.5, 70), (7, 88.25))
    ]
    shown.write("metrics.json", {"points": points, "epochs": 12, "train_seconds": 81.2})
    assert outcome(shown.folder / "cells" / CELL) == (
        "R 50.00 to 7.00  D 60.00 to 88.25  -ELBO at best 90.50 nats (test, 500 images)  trained 12 epochs in "
        "1 min 21 s"
    )


def test_a_cell_that_is_trained_alone_has_its_line_then(shown):
    shown.display.begin(Agenda(shown.folder, [CELL], 0, [Job("train", CELL)]))
    shown.write("train.json", METRICS)
    shown.job(1, "train", "train.json")
    assert shown.lines == [f"[0/1] {CELL}: trained 4 epochs in 1 min 21 s, not measured yet"]


def test_metrics_that_cannot_be_read_cost_no_more_than_their_numbers(tmp_path):
    assert "metrics.json cannot be read" in outcome(tmp_path)
    write_json(tmp_path / "metrics.json", {"rate": None})
    assert "metrics.json cannot be read" in outcome(tmp_path)


def test_where_no_line_can_rewrite_itself_the_progress_has_a_line_now_and_then(shown):
    """At first once a minute, later after a tenth of the time that it has run: 10 hours have some 40 lines."""
    shown.display.start(1, "train", CELL, [])
    at = []
    for shown.now in range(0, 36_000, 5):
        before = len(shown.lines)
        shown.display.tick()
        at += [shown.now] * (len(shown.lines) - before)
    assert at[:3] == [60, 120, 180] and len(at) < 60
    assert shown.lines[0] == "0 of 2 cells, 0% of the work; now train vae---_beta1_seed0"


def test_nothing_but_what_is_asked_for_without_progress(shown):
    shown.display.progress = False
    shown.write("metrics.json", METRICS)
    shown.job(2, "evaluate", "metrics.json")
    shown.now = 1000
    shown.display.tick()
    assert shown.lines == []
