"""The training loop, read from top to bottom: one cell from its first step, or its last checkpoint, to its weights."""

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

import torch
from torch import Tensor

# Exactly what is needed, never a whole package: these imports decide what counts as the source of training (see
# rdplane.experiment.versions).
from rdplane.data.store import load
from rdplane.device import autocast, choose_device, resolve_precision, set_threads
from rdplane.errors import UserError
from rdplane.experiment.objectives import build_loss
from rdplane.files import canonical_json
from rdplane.jobs.heartbeat import Heartbeat
from rdplane.jobs.progress import Progress, duration
from rdplane.jobs.signals import Interrupted, Stop
from rdplane.models.build import build
from rdplane.models.likelihood import mean_image, scaled_down
from rdplane.train.average import MovingAverage
from rdplane.train.checkpoint import load_checkpoint, save_checkpoint
from rdplane.train.compiled import chosen_mode
from rdplane.train.finished import finish, keep_best, write_history
from rdplane.train.gradient import BatchGradient
from rdplane.train.optimiser import NormalisedAdam
from rdplane.train.position import Position, random_state, set_random_state
from rdplane.train.task import Task

if TYPE_CHECKING:
    from rdplane.models.conditioned import Conditioned

__all__ = ["run"]

LOOK_EVERY = 50  # steps between looks at the numbers: each look makes a GPU wait
LOOK_SECONDS = 5.0  # or this long, where steps are slow
VALIDATED = 250  # images at once, or fewer where memory was found to be short


@dataclass
class Pace:
    """The clocks of this process: its start, its last save, its last look at the numbers; and the steps it made."""

    started: float = field(default_factory=time.monotonic)
    made: int = 0

    def __post_init__(self) -> None:
        self.saved = self.looked = self.started


def run(
    cell: dict[str, Any], images_path: Path, state: Path, compute: dict[str, Any], progress: Progress, stop: Stop,
    heartbeat: Heartbeat,
) -> None:  # fmt: skip
    """Train a cell to its end and write the finished files to `state/finished` (see `rdplane.train.train`)."""
    set_threads(compute["threads"])
    device = choose_device(compute["device"])
    images = load(images_path)
    train = torch.from_numpy(images.train).to(device)  # uint8: a quarter of the memory, expanded batch by batch
    valid = torch.from_numpy(images.valid).to(device)
    task = Task(cell, train, valid, state, compute, progress, stop, heartbeat)
    position = _start(task)
    _resume(task, position)
    compile = chosen_mode(compute["compile"], device, position.precision, len(train) * task.epochs)
    gradient = BatchGradient(
        position.model, position.objective, position.precision, compute["micro_batch"], compile, progress
    )
    heartbeat.report(epoch=position.epoch, epochs=task.epochs, step=position.step, steps=task.steps)
    heartbeat.step()
    pace = Pace()
    while position.epoch < task.epochs:
        began, before = time.monotonic(), position.step
        _train_epoch(task, position, gradient, pace)
        speed = (task.steps - before) * task.batch_size / max(time.monotonic() - began, 1e-9)
        validated = _validation(task, position, min(gradient.most or VALIDATED, VALIDATED))
        rows = [_row(task, position, condition, means, speed) for condition, means in validated]
        position.end_epoch(rows)
        for row in rows:
            _report(progress, row, task.epochs, time.monotonic() - began)
        write_history(state / "history.csv", position.history)
        if task.settings["keep"] == "best":
            keep_best(task, position)
    finish(task, position, compiled=gradient.rate_distortion.compiled is not None)


def _start(task: Task) -> Position:
    """Before the first step: everything that is random starts from the seed of the cell.

    Raises:
        UserError: the warm-up is longer than the training.
    """
    device, settings = task.train.device, task.settings
    warmup, steps = settings["warmup_steps"], task.epochs * task.steps
    if warmup is not None and warmup >= steps:
        raise UserError(
            f"{task.progress.cell}: training.warmup_steps is {warmup}, expected fewer than the {steps} steps of its "
            f"training (epochs x steps: {task.epochs} x {task.steps}); lower it, or raise training.epochs (of a "
            "teacher, teacher.epochs)"
        )
    torch.manual_seed(task.cell["seed"])
    cell, objective, mean = task.cell, build_loss(task.cell), mean_image(task.train, task.pixels).cpu()
    built = build(cell["architecture"], tuple(mean.shape), cell["model"], mean, task.pixels)
    # Convolutions are up to twice as fast in this layout.
    model = objective.prepare(built).to(memory_format=torch.channels_last).to(device)  # type: ignore[call-overload]
    return Position(
        model, objective.to(device), NormalisedAdam(model.parameters(), settings["normalise_gradients"]),
        resolve_precision(settings["precision"], device), sums=torch.zeros(3, device=device),
        average=MovingAverage(model, settings["average"]) if settings["average"] else None,
    )  # fmt: skip


def _resume(task: Task, position: Position) -> None:
    """Go on from the newest whole checkpoint of exactly this cell, if there is one."""
    restored, progress, chosen_here = load_checkpoint(task.state), task.progress, position.precision
    if restored is None:
        return
    tensors, note, damaged = restored
    for line in damaged:
        progress.line(line)
    if not note:
        progress.line("no whole checkpoint is left; starting anew")
    elif note["cell"] == canonical_json(task.cell):
        position.restore(tensors, note)
        progress.line(
            f"going on from its checkpoint in epoch {position.epoch + 1} of {task.epochs}, "
            f"step {position.step} of {task.steps}"
        )
        if position.precision != chosen_here:
            progress.line(
                f"going on in {position.precision}, the precision in which it began; this machine would choose "
                f"{chosen_here}"
            )


def _train_epoch(task: Task, position: Position, gradient: BatchGradient, pace: Pace) -> None:
    """Make the steps of this epoch that are left, with a look at the numbers and a checkpoint now and then.

    Raises:
        UserError: a loss or a gradient is not finite, or a checkpoint cannot be written.
        Interrupted: a signal came; the checkpoint is written.
    """
    order = _order(task.cell["seed"], position.epoch, len(task.train)).to(task.train.device)
    position.model.train()
    while position.step < task.steps:
        _step(task, position, gradient, order)
        pace.made += 1
        task.heartbeat.step()
        task.stop.deferred = True  # from here on there is something to save
        clock = time.monotonic()
        if position.step % LOOK_EVERY == 0 or clock - pace.looked >= LOOK_SECONDS:
            _look(task, position, pace)
            pace.looked = clock
        if task.stop:
            _check_finite(task, position)
            _interrupt(task, position)
        if clock - pace.saved >= task.compute["checkpoint_seconds"]:
            _check_finite(task, position)
            _checkpoint(task, position)
            pace.saved = time.monotonic()
    _check_finite(task, position)


def _order(seed: int, epoch: int, images: int) -> Tensor:
    """The order of the images in an epoch: its own random stream, so that it needs no place in a checkpoint."""
    generator = torch.Generator().manual_seed((seed << 32) + epoch)
    return torch.randperm(images, generator=generator)


def _step(task: Task, position: Position, gradient: BatchGradient, order: Tensor) -> None:
    """One update of the parameters from the next batch. Nothing here waits for a GPU."""
    now = position.epoch + position.step / task.steps  # training time in epochs
    first = position.step * task.batch_size
    x = scaled_down(task.train[order[first : first + task.batch_size]], task.pixels)
    made = position.epoch * task.steps + position.step
    _set(position, position.objective.condition(made / (task.epochs * task.steps), made))
    rate, distortion = gradient(x, now)
    norm = position.optimiser.step(task.learning_rate(position.epoch, position.step))
    sums = position.sums
    sums[0] += rate.sum()
    sums[1] += distortion.sum()
    sums[2] = torch.maximum(sums[2], norm)
    position.step += 1
    if position.average:
        position.average.update(made + 1)


def _set(position: Position, condition: float | None) -> None:
    """Choose the condition of the model, if it knows any."""
    if condition is not None:
        cast("Conditioned", position.model).set(condition)


def _look(task: Task, position: Position, pace: Pace) -> None:
    """Check the numbers, and tell those who watch how far it is."""
    _check_finite(task, position)
    epoch, step, epochs, steps = position.epoch, position.step, task.epochs, task.steps
    rate, distortion = (position.sums[:2] / (step * task.batch_size)).tolist()
    left = (time.monotonic() - pace.started) / pace.made * ((epochs - epoch) * steps - step)
    task.heartbeat.report(
        epoch=epoch, epochs=epochs, step=step, steps=steps, rate=rate, distortion=distortion, left=left
    )
    task.progress.tick(
        f"epoch {epoch + 1}/{epochs} {step / steps:4.0%}  R {rate:.2f}  D {distortion:.2f} nats  {duration(left)} left"
    )


def _check_finite(task: Task, position: Position) -> None:
    if bool(torch.isfinite(position.sums).all()):
        return
    row = position.history[-1] if position.history else None
    last = f"R {row['train_rate']:.2f}, D {row['train_distortion']:.2f} nats" if row else "none"
    raise UserError(
        f"{task.progress.cell}: the loss or a gradient is not finite in epoch {position.epoch + 1} of {task.epochs}, "
        f"step {position.step} of {task.steps}; last finite values (epoch {position.epoch}): {last}; this cell "
        "stops, lower training.learning_rate or set training.precision: float32 for it under overrides"
    )


def _checkpoint(task: Task, position: Position) -> None:
    tensors, note = position.state()
    save_checkpoint(task.state, tensors, {"cell": canonical_json(task.cell), **note})


def _interrupt(task: Task, position: Position) -> NoReturn:
    """Save, and stop because a signal asked for it."""
    _checkpoint(task, position)
    task.progress.line(
        f"stopped by {task.stop.signal} in epoch {position.epoch + 1} of {task.epochs}; its checkpoint is written"
    )
    raise Interrupted(task.progress.cell)


def _validation(task: Task, position: Position, most: int) -> list[tuple[float | None, dict[str, float]]]:
    """Mean rate and distortion of the validation images, nats per image, as the history calls them.

    Where the model knows conditions, each of those that its objective looks at has its own share of the images, so that
    validation takes as long as that of any other model.

    Those of the averaged weights come from the same random numbers, so that they differ by the weights alone, and so
    that training goes on as it would without an average.

    Returns:
        A condition and its means, for each that the objective looks at.

    Raises:
        Interrupted: a signal came; the checkpoint is as if the validation had not begun, for the next process does it.
    """
    device = position.sums.device
    before = random_state(device)
    weights: dict[str, contextlib.AbstractContextManager[None]] = {"": contextlib.nullcontext()}
    if position.average:
        weights["_average"] = position.average.in_place()
    conditions = position.objective.validated((position.epoch + 1) / task.epochs)
    found: list[dict[str, float]] = [{} for _ in conditions]
    for ending, in_place in weights.items():
        set_random_state(before, device)
        with in_place:
            for number, condition in enumerate(conditions):
                _set(position, condition)
                # At least one image each: a tiny set is looked at whole.
                images = task.valid[number :: len(conditions)] if len(task.valid) >= len(conditions) else task.valid
                means = _validate(task, position, images, most)
                if means is None:
                    break
                found[number][f"valid_rate{ending}"], found[number][f"valid_distortion{ending}"] = means
        if means is None:
            set_random_state(before, device)
            _interrupt(task, position)
    return list(zip(conditions, found, strict=True))


@torch.no_grad()
def _validate(task: Task, position: Position, images: Tensor, most: int) -> tuple[float, float] | None:
    """Mean rate and distortion of some images, nats per image, `most` at once; None when a signal came."""
    model, device = position.model.eval(), position.sums.device
    sums = torch.zeros(2, device=device)
    for x in images.split(most):
        if task.stop:
            return None
        with autocast(device, position.precision):
            rate, distortion = model.rate_distortion(scaled_down(x, task.pixels))
        sums += torch.stack([rate.sum(), distortion.sum()])
        task.heartbeat.step()
    rate, distortion = (sums / len(images)).tolist()
    return rate, distortion


def _row(
    task: Task, position: Position, condition: float | None, validated: dict[str, float], speed: float
) -> dict[str, float]:
    """The history of the epoch that has just been trained and validated, at one of the conditions if there are any.

    Args:
        condition, validated: see `_validation`.
        speed: training images per second.
    """
    steps = task.steps
    train_rate, train_distortion = (position.sums[:2] / (steps * task.batch_size)).tolist()
    return {
        "epoch": position.epoch + 1, "beta": position.objective.weight.item() if condition is None else condition,
        "learning_rate": task.learning_rate(position.epoch, steps - 1),
        "train_rate": train_rate, "train_distortion": train_distortion, **validated,
        "seconds": position.seconds, "images_per_second": speed,
    }  # fmt: skip


def _report(progress: Progress, row: dict[str, float], epochs: int, spent: float) -> None:
    left = (epochs - row["epoch"]) * spent
    averaged = [row[name] for name in ("valid_rate_average", "valid_distortion_average") if name in row]
    progress.line(
        f"epoch {row['epoch']:.0f}/{epochs}  beta {row['beta']:.3g}  "
        f"train R {row['train_rate']:.2f} D {row['train_distortion']:.2f}  "
        f"valid R {row['valid_rate']:.2f} D {row['valid_distortion']:.2f} "
        f"-ELBO {row['valid_rate'] + row['valid_distortion']:.2f} nats  "
        + (f"(averaged weights {sum(averaged):.2f})  " if averaged else "")
        + f"{row['images_per_second']:.0f} images/s"
        + (f"  {duration(left)} left" if left else "  done")
    )
