"""What a training run leaves: its history, and the weights that are kept."""

import csv
import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from rdplane.declare.registry import files
from rdplane.device import describe
from rdplane.errors import UserError
from rdplane.files import atomic, canonical_json, write_json, write_text
from rdplane.train.position import Position
from rdplane.train.task import Task

__all__ = ["HISTORY", "finish", "keep_best", "write_history"]

HISTORY = (
    "epoch", "beta", "learning_rate", "train_rate", "train_distortion", "valid_rate", "valid_distortion",
    "valid_rate_average", "valid_distortion_average", "seconds", "images_per_second",
)  # fmt: skip


def keep_best(task: Task, position: Position) -> None:
    """Keep the weights if the epoch that has just ended is the best so far by the cell's own objective.

    While the weight of the rate still climbs, weights are those of another objective and do not count: the first epoch
    that does is the one behind the annealing, or the last one. A curve is judged by the mean of its objective over the
    conditions at which it was looked at.
    """
    objective, end = position.objective, task.epochs
    if position.epoch < min(max(task.cell["anneal"], math.ceil(objective.settled(end))) + 1, end):
        return
    conditions = objective.validated(position.epoch / end)
    rows = zip(conditions, position.history[-len(conditions) :], strict=True)
    merits = [objective.merit(row["valid_rate"], row["valid_distortion"], end, condition) for condition, row in rows]
    merit = sum(merits) / len(merits)
    if merit < position.best:
        position.best, position.best_epoch = merit, position.epoch
        _save_weights(position.model.state_dict(), task.state / "best.safetensors", task.cell)


def finish(task: Task, position: Position, compiled: bool) -> None:
    """Write the finished files, and remove what only an unfinished training run needs.

    Args:
        compiled: whether the last step was that of torch.compile.

    Raises:
        UserError: no epoch is best, or the folder cannot be written.
    """
    state, folder, model = task.state, task.state / "finished", position.model
    kept = task.epochs
    if task.settings["keep"] == "best":
        kept = position.best_epoch
        if not kept:
            raise UserError(
                f"{task.progress.cell}: the objective is not finite on the validation images after any epoch that "
                "counts, so none is best; lower training.learning_rate or set training.precision: float32 for it under "
                "overrides"
            )
        model.load_state_dict(safetensors.torch.load_file(state / "best.safetensors"))
    elif task.settings["keep"] == "average" and position.average:
        model.load_state_dict(position.average.means, strict=False)  # buffers are the model's own
    tensors = model.state_dict() | (position.average.state() if position.average else {})
    _save_weights(tensors, folder / "model.safetensors", task.cell)
    write_history(folder / "history.csv", position.history)
    write_json(folder / "train.json", {
        "cell": task.cell, "shape": list(task.train.shape[1:]), "epochs": task.epochs, "epoch": kept,
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "train_seconds": position.seconds, "device": describe(task.train.device), "torch": torch.__version__,
        "precision": position.precision, "compiled": compiled, "threads": task.compute["threads"],
        "extensions": {source: str(path) for source, path in files().items()},
    })  # fmt: skip
    for leftover in ("next", "checkpoint", "previous", "best.safetensors", "history.csv"):
        (state / leftover).unlink(missing_ok=True)


def write_history(path: Path, history: list[dict[str, float]]) -> None:
    """Write the rows of the epochs that are done as CSV; of a curve a row an epoch and condition (`beta`)."""
    table = io.StringIO()
    writer = csv.DictWriter(table, HISTORY, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, table.getvalue())


def _save_weights(tensors: Mapping[str, Tensor], path: Path, cell: dict[str, Any]) -> None:
    plain = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
    with atomic(path) as stream:
        stream.write(safetensors.torch.save(plain, metadata={"cell": canonical_json(cell)}))
