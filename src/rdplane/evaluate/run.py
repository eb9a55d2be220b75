"""The one code path behind every number in a table or on a plot: the test images of a trained cell.

Results are kept measure by measure (see `rdplane.evaluate.kept`), so that a new or edited measure is computed alone.
torch is imported only where something is computed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rdplane.declare.kinds import Measure
from rdplane.declare.registry import declared, files
from rdplane.errors import UserError
from rdplane.evaluate.kept import Columns, Kept
from rdplane.experiment.metrics import ALWAYS, SCHEMA, SUMMARY, measured, rules_of
from rdplane.files import read_json, sha256, write_json

__all__ = ["evaluate"]

Evaluation = Mapping[str, Mapping[str, Any]]
"""Measure -> its settings and its version (see `rdplane.experiment.cells.evaluation_of`)."""


def evaluate(
    folder: Path, images: Path, output: Path | None, evaluation: Evaluation, device: str = "auto", threads: int = 1
) -> None:
    """Measure a trained cell on the test images, in float32, and write `metrics.json` (closed schema).

    Args:
        folder: the cell's folder with `model.safetensors` and `train.json`.
        images: prepared images.
        output: where `metrics.json` goes; None only keeps the results, for the time when they are asked for.
        evaluation: the measures wanted: name -> settings and version. Their files must be in use
            (`rdplane.declare.registry.use`).
        device: where to compute: auto, cpu, cuda, mps.
        threads: CPU threads.

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
    keys = {name: _key(name, evaluation, measures, weights, pixels) for name in measures if name in evaluation}
    kept = Kept(folder)
    results = {name: kept.read(measures[name], key) for name, key in keys.items()}
    todo = [name for name, columns in results.items() if columns is None]
    if todo:
        results |= _compute(folder, images, kept, measures, _ordered(todo, measures), keys, device, threads)
    _check_finite(folder, measures[ALWAYS], results[ALWAYS] or {})
    if output is None:
        return
    columns = {name: value for found in results.values() for name, value in (found or {}).items()}
    repeated = {key: summary[key] for key in SUMMARY}
    write_json(output, {"schema": SCHEMA, "evaluation": evaluation, **empty, **columns, **repeated})


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
    name: str, evaluation: Evaluation, measures: Mapping[str, Measure], weights: str, pixels: str
) -> dict[str, Any]:
    """Everything that decides the numbers of a measure, settings of those that it needs included."""
    needed = {needed: _key(needed, evaluation, measures, weights, pixels) for needed in measures[name].needs}
    return {"weights": weights, "images": pixels, "measure": dict(evaluation.get(name, {})), "needs": needed}


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


def _compute(
    folder: Path,
    images: Path,
    kept: Kept,
    measures: Mapping[str, Measure],
    names: list[str],
    keys: Mapping[str, Any],
    device: str,
    threads: int,
) -> dict[str, Columns]:
    """Compute measures in this order and keep each as soon as it is known."""
    import torch

    from rdplane.data.store import load as load_images
    from rdplane.device import choose_device, set_threads
    from rdplane.evaluate.call import call
    from rdplane.evaluate.given import Given
    from rdplane.evaluate.load import load

    set_threads(threads)
    where = choose_device(device)
    model = load(folder, where, files() or None)
    prepared = load_images(images)
    test = torch.from_numpy(prepared.test).to(where)
    labels = prepared.labels.get("test") if prepared.labels else None
    cell: Any = model.cell
    averaged = bool(cell["training"].get("average"))
    average = None
    if averaged and any(measures[name].average for name in names):
        average = load(folder, where, files() or None, average=True)
    results: dict[str, Columns] = {}

    def possible(measure: Measure) -> bool:
        """Whether there are labels and averaged weights, if it or a measure that it needs asks for them."""
        lacking = (measure.labels and labels is None) or (measure.average and not averaged)
        if measure.name not in keys or lacking:
            return False
        return all(possible(measures[needed]) for needed in measure.needs)

    for name in names:
        measure = measures[name]
        settings = {key: value for key, value in keys[name]["measure"].items() if key != "version"}
        known = {needed: kept.per_image(needed) for needed in measure.needs}
        given = Given(model, test, labels, settings, known, average=average if measure.average else None)
        results[name] = call(measure, given) if possible(measure) else dict.fromkeys(rules_of(measure))
        if name == ALWAYS:  # the other measures of a cell that has diverged would only take time
            _check_finite(folder, measure, results[name])
        kept.write(measure, keys[name], results[name], given.kept)
    return results


def _check_finite(folder: Path, measure: Measure, columns: Columns) -> None:
    for name in rules_of(measure):
        if columns.get(name) is None:
            raise UserError(
                f"{folder}: the mean {name.removesuffix('_se')} of the test images is not finite; this cell has "
                "diverged: delete its folder and lower training.learning_rate for it under overrides"
            )
