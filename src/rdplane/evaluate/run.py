"""The one code path behind every number in a table or on a plot: the test images of a trained cell.

Results are kept measure by measure (see `rdplane.evaluate.kept`), so that a new or edited measure is computed alone.
torch is imported only where something is computed.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdplane.declare.kinds import Measure
from rdplane.declare.registry import declared, files
from rdplane.errors import UserError
from rdplane.evaluate.kept import Columns, Kept
from rdplane.evaluate.points import find_points
from rdplane.experiment.metrics import ALWAYS, SCHEMA, SUMMARY, measured, rules_of
from rdplane.files import read_json, sha256, write_json

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from rdplane.models.conditioned import Conditioned
    from rdplane.models.vae import VAE

__all__ = ["evaluate"]

Evaluation = Mapping[str, Mapping[str, Any]]
"""Measure -> its settings and its version (see `rdplane.experiment.cells.evaluation_of`)."""


def evaluate(
    folder: Path, images: Path, output: Path | None, evaluation: Evaluation, device: str = "auto", threads: int = 1,
    points: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Measure a trained cell on the test images, in float32, and write `metrics.json` (closed schema).

    Args:
        folder: the cell's folder with `model.safetensors` and `train.json`.
        images: prepared images.
        output: where `metrics.json` goes; None only keeps the results, for the time when they are asked for.
        evaluation: the measures wanted: name -> settings and version. Their files must be in use
            (`rdplane.declare.registry.use`).
        device: where to compute: auto, cpu, cuda, mps.
        threads: CPU threads.
        points: of a cell that trained a curve, where it is measured (`rdplane.experiment.cells.points_of`); each point
            is measured as a model of its own.

    Raises:
        UserError: the cell is not finished, the images are damaged, the mean rate or distortion is not finite, or a
            measure cannot be computed.
    """
    measures = declared().measures
    _check(evaluation, measures)
    empty: Columns = dict.fromkeys(measured())
    summary = read_json(folder / "train.json")
    remedy = "delete the cell's folder and run the workflow again to train it anew"
    missing = [key for key in SUMMARY if not isinstance(summary, dict) or key not in summary]
    if missing:
        raise UserError(f"{folder / 'train.json'} has no {missing[0]}, as a finished cell's has; {remedy}")
    weights = _digest(folder / "model.safetensors", remedy)
    pixels = _digest(images, "prepare the dataset first")
    identity = {"weights": weights, "images": pixels}
    subject = Subject(folder, images, device, threads)

    def columns(beta: float | None) -> Columns:
        """Those of all measures, at a point of a curve or of a model that knows none."""
        where = identity if beta is None else identity | {"beta": beta}
        keys = {name: _key(name, evaluation, measures, where) for name in measures if name in evaluation}
        kept = Kept(folder, "" if beta is None else f"beta{beta:.10g}")
        results = {name: kept.read(measures[name], key) for name, key in keys.items()}
        todo = [name for name, found in results.items() if found is None]
        if todo:
            results |= _compute(subject, beta, kept, measures, _ordered(todo, measures), keys)
        _check_finite(folder, measures[ALWAYS], results[ALWAYS] or {})
        return empty | {name: value for found in results.values() for name, value in (found or {}).items()}

    found: dict[str, Any]
    if points is None:
        found = columns(None)
    else:
        curve = find_points(folder, points, images, device)
        named = [{"beta": point.beta, "rate_target": point.rate, **columns(point.beta)} for point in curve]
        found = {"asked": points, "points": named}
        if output is not None:
            _say_unreached(folder.name, points["rates"], named)
    if output is not None:
        repeated = {key: summary[key] for key in SUMMARY}
        write_json(output, {"schema": SCHEMA, "evaluation": evaluation, **found, **repeated})


def _say_unreached(cell: str, rates: Iterable[float], points: Sequence[Mapping[str, Any]]) -> None:
    """A line for each rate that a curve was asked for and does not have."""
    reached = {point["rate_target"] for point in points}
    measured = [point["rate"] for point in points]
    for rate in rates:
        if rate not in reached:
            between = f"; its points have {min(measured):.2f} to {max(measured):.2f}" if measured else ""
            print(f"{cell}: no beta of its range has a validation rate of {rate:g} nats{between}", file=sys.stderr)


def _check(evaluation: Evaluation, measures: Mapping[str, Measure]) -> None:
    """Whether every measure wanted is declared, and with it those that it needs are wanted."""
    for name in (ALWAYS, *evaluation):
        if name not in evaluation:
            raise UserError(f"the evaluation lacks the measure {name}, expected it in every evaluation")
        if name not in measures:
            raise UserError(
                f"the evaluation has a measure {name}, which is not declared; expected one of {', '.join(measures)}, "
                "or its file under extensions"
            )
        for needed in measures[name].needs:
            # Where only its labels are missing, no number is expected of either (see `_compute`).
            if needed not in evaluation and not measures[needed].labels:
                raise UserError(
                    f"the measure {name} needs {needed}, which is switched off; expected both or neither: set "
                    f"evaluation.{measures[needed].off} above 0, or switch {name} off"
                )


def _digest(path: Path, remedy: str) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; {remedy}") from None


def _key(
    name: str, evaluation: Evaluation, measures: Mapping[str, Measure], identity: Mapping[str, Any]
) -> dict[str, Any]:
    """Everything that decides the numbers of a measure, settings of those that it needs included.

    Args:
        identity: of the model and the images.
    """
    needed = {needed: _key(needed, evaluation, measures, identity) for needed in measures[name].needs}
    return {**identity, "measure": dict(evaluation.get(name, {})), "needs": needed}


def _ordered(names: list[str], measures: Mapping[str, Measure]) -> list[str]:
    """The same measures, each behind those that it needs."""
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        for needed in measures[name].needs:
            add(needed)
        ordered[name] = None

    for name in names:
        add(name)
    return [name for name in ordered if name in names]


@dataclass(frozen=True)
class Subject:
    """What is measured: the model of a cell and the test images, loaded when they are first asked for."""

    folder: Path
    images: Path
    device: str
    threads: int

    @cached_property
    def where(self) -> "torch.device":
        from rdplane.device import choose_device, set_threads

        set_threads(self.threads)
        return choose_device(self.device)

    @cached_property
    def test(self) -> "tuple[Tensor, NDArray[np.int64] | None, NDArray[np.float64] | None]":
        """The test images on the device; their labels, and the logarithms of their densities, where they are known."""
        import torch

        from rdplane.data.store import load

        prepared = load(self.images)
        labels, densities = prepared.labels or {}, prepared.log_density or {}
        return torch.from_numpy(prepared.test).to(self.where), labels.get("test"), densities.get("test")

    @cached_property
    def _loaded(self) -> "dict[bool, VAE | Conditioned]":
        return {}

    def model(self, beta: float | None, average: bool = False) -> "VAE":
        """The model, at a point of the curve where it has one, with the moving average of its weights if asked for."""
        from rdplane.evaluate.load import at_point, load_curve

        if average not in self._loaded:
            self._loaded[average] = load_curve(self.folder, self.where, files() or None, average)
        return at_point(self._loaded[average], self.folder, beta)


def _compute(
    subject: Subject,
    beta: float | None,
    kept: Kept,
    measures: Mapping[str, Measure],
    names: list[str],
    keys: Mapping[str, Any],
) -> dict[str, Columns]:
    """Compute measures in this order and keep each as soon as it is known."""
    from rdplane.evaluate.call import call
    from rdplane.evaluate.given import Given

    model = subject.model(beta)
    test, labels, log_density = subject.test
    cell: Any = model.cell
    averaged = bool(cell["training"].get("average"))
    average = None
    if averaged and any(measures[name].average for name in names):
        average = subject.model(beta, average=True)
    results: dict[str, Columns] = {}

    def possible(measure: Measure) -> bool:
        """Whether there are labels, densities and averaged weights, if it or one that it needs asks for them."""
        lacking = (measure.labels and labels is None) or (measure.average and not averaged)
        lacking = lacking or (measure.density and log_density is None)
        if measure.name not in keys or lacking:
            return False
        return all(possible(measures[needed]) for needed in measure.needs)

    for name in names:
        measure = measures[name]
        settings = {key: value for key, value in keys[name]["measure"].items() if key != "version"}
        known = {needed: kept.per_image(needed) for needed in measure.needs}
        given = Given(
            model, test, labels, settings, known, average=average if measure.average else None, log_density=log_density
        )
        results[name] = call(measure, given) if possible(measure) else dict.fromkeys(rules_of(measure))
        if name == ALWAYS:  # the other measures of a cell that has diverged would only take time
            _check_finite(subject.folder, measure, results[name])
        kept.write(measure, keys[name], results[name], given.kept)
    return results


def _check_finite(folder: Path, measure: Measure, columns: Columns) -> None:
    for name in rules_of(measure):
        if columns.get(name) is None:
            raise UserError(
                f"{folder}: the mean {name.removesuffix('_se')} of the test images is not finite; this cell has "
                "diverged: delete its folder and lower training.learning_rate for it under overrides"
            )
