"""One GPU in one call: ways to compute a step, cells that share it, and the paper's grid projected from both."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.fleet import finish, layout_of, train_at_once
from benchmarks.lines import json_lines
from benchmarks.sizes import Plan, is_sequential
from benchmarks.table import Row, compared
from benchmarks.variants import VARIANTS
from rdplane.device import choose_device
from rdplane.experiment.architectures import ARCHITECTURES

__all__ = ["Session", "run"]

IMAGES, EPOCHS, RUNS = 50_000, 200, 209  # the paper's training: images an epoch, epochs a cell, cells
DECODERS = ("---", "-+-")  # the kinds of architecture: the decoder decides the cost
TARGETS = {"---": 120.0, "-+-": 360.0}  # seconds a cell that has the GPU to itself
HOURS = 8.0  # of the whole grid
SHARING = 3.0  # times the throughput of one after the other, by eight deconvolutional cells at once
EAGER = "bfloat16 channels_last"


def run(plan: Plan, minutes: float, device: str) -> Iterator[Row]:
    """Rows, the most telling first; what fails or finds no time left is a row that says so.

    Args:
        minutes: time budget.
        device: 'cuda' at the paper's size, or 'cpu' at a tiny one, which only tries out whether everything runs.
    """
    choose_device(device)  # one line says so where there is none
    session = Session(plan.scratch / "gpu", device, time.monotonic() + 60 * minutes)
    yield from session.variants(ARCHITECTURES, [EAGER], 0.5, compare=False)
    for cells in (1, 8):
        for architecture in DECODERS:
            yield from session.together(architecture, cells)
    for architecture in DECODERS:
        yield from session.variants([architecture], list(VARIANTS), 1.5)
    for architecture in DECODERS:
        yield from session.rest(architecture)
    for cells in (2, 4):
        for architecture in DECODERS:
            yield from session.together(architecture, cells)
    for architecture in ("+-v", "++v"):  # the most parts with each decoder
        yield from session.variants([architecture], list(VARIANTS), 1.5)
    yield from session.projection()


@dataclass
class Session:
    """Measurements on one device, and what the projection needs of them.

    Attributes:
        folder: for the cells that are trained.
        device: see `run`.
        deadline: of `time.monotonic`.
        eager: architecture -> images/s of an eager bfloat16 step.
        at_once: (architecture, cells) -> images/s of all of them together, by the real command.
        after: architecture -> seconds of evaluating and sampling a cell.
    """

    folder: Path
    device: str
    deadline: float
    eager: dict[str, float] = field(default_factory=dict)
    at_once: dict[tuple[str, int], float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)

    @property
    def size(self) -> str:
        return "paper" if self.device == "cuda" else "tiny"

    def _target(self, value: float) -> float | None:
        return value if self.size == "paper" else None

    def variants(
        self, architectures: tuple[str, ...] | list[str], variants: list[str], seconds: float, compare: bool = True
    ) -> Iterator[Row]:
        """Rows of `benchmarks.variants.measure`, each as soon as its process has it."""
        what = {
            "size": self.size, "architectures": architectures, "variants": variants, "device_name": self.device,
            "seconds": seconds, "compare": compare,
        }  # fmt: skip
        peaks: dict[str, float] = {}
        for line in json_lines([sys.executable, "-m", "benchmarks.variants", json.dumps(what)], self.deadline):
            if "peak" in line:
                peaks = line["peak"]
                for precision, value in peaks.items():
                    yield Row("gpu", "", f"matmul {precision}", "GFLOP/s", value, note=line["device"])
                continue
            case = f"{line.get('architecture', ' '.join(architectures))} {line.get('variant', 'variants')}"
            if "error" in line:
                yield Row("gpu", self.size, case, "images/s", note=f"failed: {line['error']}")
                continue
            note = "a step; reference: plain eager float32" if compare else "a step"
            row = Row("gpu", self.size, case, "images/s", note=note)
            row = compared(row, line["laps"], line["images"], line["flops"], peaks[line["precision"]])
            if line["variant"] == EAGER and row.value is not None:
                self.eager.setdefault(line["architecture"], row.value)
            yield row

    def together(self, architecture: str, cells: int) -> Iterator[Row]:
        """Cells at once by the real command, and what 200 epochs of one of them then cost."""
        case = f"{architecture} {cells} at once"
        try:
            layout = layout_of(self.folder, self.size, self.device, architecture, cells)
            rate, note = train_at_once(layout, 8.0 if self.device == "cuda" else 0.5, self.deadline)
        except Exception as error:
            yield Row("gpu", self.size, case, "images/s", note=f"failed: {error}")
            return
        self.at_once[architecture, cells] = rate
        alone = self.at_once.get((architecture, 1)) if cells > 1 else None
        yield Row(
            "gpu", self.size, case, "images/s", rate, reference=alone, ratio=rate / alone if alone else None,
            at_least=self._target(SHARING) if (architecture, cells) == ("---", 8) else None,
            note=f"the real command, {note}" + "; reference: one after the other" * bool(alone),
        )  # fmt: skip
        yield Row(
            "gpu", self.size, case, "s a cell", IMAGES * EPOCHS / rate,
            at_most=self._target(TARGETS[architecture]) if cells == 1 else None,
            note=f"projected: {EPOCHS} epochs of {IMAGES} images; of cells at once, its share",
        )  # fmt: skip

    def rest(self, architecture: str) -> Iterator[Row]:
        """Evaluating and sampling a cell by the real commands, the start of their processes included."""
        seconds = {}
        try:
            layout = layout_of(self.folder, self.size, self.device, architecture, epochs=1)
            finish(layout, "train", self.deadline)
            for step in ("evaluate", "sample"):
                seconds[step] = finish(layout, step, self.deadline)
                yield Row("gpu", self.size, f"{architecture} {step}", "s", seconds[step], laps=1, note="real command")
        except Exception as error:
            yield Row("gpu", self.size, f"{architecture} evaluate, sample", "s", note=f"failed: {error}")
            return
        self.after[architecture] = sum(seconds.values())

    def projection(self) -> Iterator[Row]:
        """GPU hours of the paper's grid, its 209 runs spread evenly over the 12 architectures.

        An architecture costs what the trained one with the same decoder does, times the ratio of their eager steps.
        """
        if len(self.eager) < len(ARCHITECTURES) or any((decoder, 1) not in self.at_once for decoder in DECODERS):
            note = "failed: not all that it is projected from was measured"
            yield Row("gpu", self.size, f"{RUNS} runs", "GPU h", note=note)
            return
        alone = {decoder: self.at_once[decoder, 1] for decoder in DECODERS}
        best = {d: max(rate for (name, _), rate in self.at_once.items() if name == d) for d in DECODERS}
        for case, rates in (("one by one", alone), ("sharing", best)):
            seconds = 0.0
            for architecture in ARCHITECTURES:
                alike = DECODERS[is_sequential(architecture)]
                seconds += IMAGES * EPOCHS / rates[alike] * self.eager[alike] / self.eager[architecture]
            yield Row(
                "gpu", self.size, f"{RUNS} runs {case}", "GPU h", RUNS / len(ARCHITECTURES) * seconds / 3600,
                at_most=self._target(HOURS), note="projected, training alone",
            )  # fmt: skip
        if len(self.after) == len(DECODERS):
            hours = RUNS * sum(self.after.values()) / len(DECODERS) / 3600
            note = "projected, evaluation and samples one by one"
            yield Row("gpu", self.size, f"{RUNS} runs", "GPU h", hours, note=note)
