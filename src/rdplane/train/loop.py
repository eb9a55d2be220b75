"""The training loop, read from top to bottom: one cell from its first step, or its last checkpoint, to its weights."""

import csv
import io
import math
import time
from pathlib import Path
from typing import Any, NoReturn

import safetensors.torch
import torch
from torch import Tensor

from rdplane import data
from rdplane.cell import cell_name
from rdplane.config import MODEL
from rdplane.device import autocast, choose_device, describe, resolve_precision, set_threads
from rdplane.errors import UserError
from rdplane.files import atomic, canonical_json, write_json, write_text
from rdplane.models import VAE, build
from rdplane.objective import build_objective
from rdplane.train.checkpoint import load_checkpoint, save_checkpoint
from rdplane.train.gradient import BatchGradient
from rdplane.train.heartbeat import Heartbeat
from rdplane.train.optimiser import NormalisedAdam
from rdplane.train.progress import Progress, duration
from rdplane.train.schedule import learning_rate
from rdplane.train.signals import Interrupted, Stop

__all__ = ["HISTORY", "build_model", "run"]

HISTORY = (
    "epoch", "beta", "learning_rate", "train_rate", "train_distortion", "valid_rate", "valid_distortion", "seconds",
    "images_per_second",
)  # fmt: skip
LOOK_EVERY = 50  # steps between looks at the numbers: each look makes a GPU wait
LOOK_SECONDS = 5.0  # or this long, where steps are slow


def build_model(cell: dict[str, Any], shape: tuple[int, int], mean: Tensor | None = None) -> VAE:
    """The untrained model of a cell, for images of `shape` (H, W)."""
    sizes = {key: spec.default for key, spec in MODEL.items()} | cell["model"]
    return build(cell["architecture"], shape, sizes, mean)


def run(
    cell: dict[str, Any], images_path: Path, state: Path, runtime: dict[str, Any], progress: Progress, stop: Stop,
    heartbeat: Heartbeat,
) -> None:  # fmt: skip
    """Train a cell to its end and write the finished files to `state/finished` (see `rdplane.train.train`)."""
    settings, name = cell["training"], cell_name(cell)
    set_threads(runtime["threads"])
    device = choose_device(runtime["device"])
    images = data.load(images_path)
    train = torch.from_numpy(images.train).to(device)  # uint8: a quarter of the memory, expanded batch by batch
    valid = torch.from_numpy(images.valid).to(device)

    torch.manual_seed(cell["seed"])
    model = build_model(cell, (images.height, images.width), train.float().mean(0).cpu())
    # Convolutions are up to twice as fast in this layout.
    model = model.to(memory_format=torch.channels_last).to(device)  # type: ignore[call-overload]
    parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
    optimiser = NormalisedAdam(model.parameters(), settings["normalise_gradients"])
    objective = build_objective(cell).to(device)
    gradient = BatchGradient(
        model, objective, settings["precision"], runtime["micro_batch"], runtime["compile"], progress
    )
    epochs, batch_size = settings["epochs"], min(settings["batch_size"], len(train))
    steps = len(train) // batch_size  # a last, smaller batch would weigh its images more

    # Where the run stands: all of it is in every checkpoint.
    epoch, step, seconds = 0, 0, 0.0
    best, best_epoch = math.inf, 0
    history: list[dict[str, float]] = []
    sums = torch.zeros(3, device=device)  # this epoch's summed rate and distortion, largest gradient norm
    restored = load_checkpoint(state)
    if restored is not None:
        tensors, note, damaged = restored
        for line in damaged:
            progress.line(line)
        if note and note["cell"] == canonical_json(cell):
            model.load_state_dict(_part(tensors, "model."))
            objective.load_state_dict(_part(tensors, "objective."))
            optimiser.load_state(tensors)
            sums = tensors["sums"].to(device)
            torch.set_rng_state(tensors["random.cpu"])
            if device.type == "cuda" and "random.cuda" in tensors:
                torch.cuda.set_rng_state(tensors["random.cuda"])
            epoch, step, seconds = note["epoch"], note["step"], note["seconds"]
            best, best_epoch, history = note["best"] or math.inf, note["best_epoch"], note["history"]
            progress.line(f"going on from its checkpoint in epoch {epoch + 1} of {epochs}, step {step} of {steps}")
        elif damaged and not note:
            progress.line("no whole checkpoint is left; starting anew")

    def checkpoint() -> None:
        tensors = {f"model.{key}": value for key, value in model.state_dict().items()}
        tensors |= {f"objective.{key}": value for key, value in objective.state_dict().items()}
        tensors |= optimiser.state() | {"sums": sums, "random.cpu": torch.get_rng_state()}
        if device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        note = {
            "cell": canonical_json(cell), "epoch": epoch, "step": step, "seconds": seconds + time.monotonic() - started,
            "best": best if math.isfinite(best) else None, "best_epoch": best_epoch, "history": history,
        }  # fmt: skip
        save_checkpoint(state, tensors, note)

    def learning_rate_at(time: float) -> float:
        return learning_rate(time, settings["learning_rate"], settings["constant_epochs"], epochs)

    def check_finite() -> None:
        if not bool(torch.isfinite(sums).all()):
            row = history[-1] if history else None
            last = f"R {row['train_rate']:.2f}, D {row['train_distortion']:.2f} nats" if row else "none"
            raise UserError(
                f"{name}: the loss or a gradient is not finite in epoch {epoch + 1} of {epochs}, "
                f"step {step} of {steps}; "
                f"last finite values (epoch {len(history)}): {last}; this cell stops, lower training.learning_rate "
                "or set training.precision: float32 for it under overrides"
            )

    def look() -> None:
        check_finite()
        rate, distortion = (sums[:2] / (step * batch_size)).tolist()
        left = (time.monotonic() - started) / made * ((epochs - epoch) * steps - step)
        heartbeat.report(
            epoch=epoch, epochs=epochs, step=step, steps=steps, rate=rate, distortion=distortion, left=left
        )
        progress.tick(
            f"epoch {epoch + 1}/{epochs} {step / steps:4.0%}  R {rate:.2f}  D {distortion:.2f} nats  "
            f"{duration(left)} left"
        )

    def interrupt() -> NoReturn:
        checkpoint()
        progress.line(f"stopped by {stop.signal} in epoch {epoch + 1} of {epochs}; its checkpoint is written")
        raise Interrupted(name)

    made = 0  # steps of this process
    heartbeat.report(epoch=epoch, epochs=epochs, step=step, steps=steps)
    heartbeat.step()
    started = saved = looked = time.monotonic()
    while epoch < epochs:
        order = _order(cell["seed"], epoch, len(train)).to(device)
        epoch_started, steps_before = time.monotonic(), step
        model.train()
        while step < steps:
            now = epoch + step / steps  # training time in epochs
            x = train[order[step * batch_size : (step + 1) * batch_size]].float()
            rate, distortion = gradient(x, now)
            norm = optimiser.step(learning_rate_at(now))
            sums[0] += rate.sum()
            sums[1] += distortion.sum()
            sums[2] = torch.maximum(sums[2], norm)
            step, made = step + 1, made + 1
            heartbeat.step()
            stop.deferred = True  # from here on there is something to save
            clock = time.monotonic()
            if step % LOOK_EVERY == 0 or clock - looked >= LOOK_SECONDS:
                look()
                looked = clock
            if stop:
                check_finite()
                interrupt()
            if clock - saved >= runtime["checkpoint_seconds"]:
                check_finite()
                checkpoint()
                saved = time.monotonic()
        check_finite()
        spent = time.monotonic() - epoch_started
        random = torch.get_rng_state(), torch.cuda.get_rng_state() if device.type == "cuda" else None
        validated = _validate(
            model, valid, device, settings["precision"], min(gradient.most or 250, 250), stop, heartbeat
        )
        if validated is None:  # as if it had not begun: the next run validates this epoch
            torch.set_rng_state(random[0])
            if random[1] is not None:
                torch.cuda.set_rng_state(random[1])
            interrupt()
        valid_rate, valid_distortion = validated
        train_rate, train_distortion = (sums[:2] / (steps * batch_size)).tolist()
        history.append({
            "epoch": epoch + 1, "beta": objective.weight.item(),
            "learning_rate": learning_rate_at(epoch + (steps - 1) / steps),
            "train_rate": train_rate, "train_distortion": train_distortion,
            "valid_rate": valid_rate, "valid_distortion": valid_distortion,
            "seconds": seconds + time.monotonic() - started,
            "images_per_second": (steps - steps_before) * batch_size / max(spent, 1e-9),
        })  # fmt: skip
        epoch, step = epoch + 1, 0
        sums.zero_()
        _report(progress, history[-1], epochs, time.monotonic() - epoch_started)
        write_text(state / "history.csv", _csv(history))
        if settings["keep"] == "best" and valid_rate + valid_distortion < best:
            best, best_epoch = valid_rate + valid_distortion, epoch
            _save_weights(model, state / "best.safetensors", cell)

    folder = state / "finished"
    kept = best_epoch if settings["keep"] == "best" else epochs
    if settings["keep"] == "best":
        model.load_state_dict(safetensors.torch.load_file(state / "best.safetensors"))
    _save_weights(model, folder / "model.safetensors", cell)
    write_text(folder / "history.csv", _csv(history))
    write_json(folder / "train.json", {
        "cell": cell, "shape": [images.height, images.width], "parameters": parameters, "epochs": epochs, "epoch": kept,
        "train_seconds": seconds + time.monotonic() - started, "device": describe(device), "torch": torch.__version__,
        "precision": resolve_precision(settings["precision"], device), "threads": runtime["threads"],
    })  # fmt: skip
    for leftover in ("next", "checkpoint", "previous", "best.safetensors", "history.csv"):
        (state / leftover).unlink(missing_ok=True)


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _order(seed: int, epoch: int, images: int) -> Tensor:
    """The order of the images in an epoch: its own random stream, so that it needs no place in a checkpoint."""
    generator = torch.Generator().manual_seed((seed << 32) + epoch)
    return torch.randperm(images, generator=generator)


@torch.no_grad()
def _validate(
    model: VAE, valid: Tensor, device: torch.device, precision: str, most: int, stop: Stop, heartbeat: Heartbeat
) -> tuple[float, float] | None:
    """Mean R and D of the validation images, nats an image, `most` at once; None when a signal came."""
    model.eval()
    sums = torch.zeros(2, device=device)
    for x in valid.split(most):
        if stop:
            return None
        with autocast(device, precision):
            rate, distortion = model.rate_distortion(x.float())
        sums += torch.stack([rate.sum(), distortion.sum()])
        heartbeat.step()
    rate, distortion = (sums / len(valid)).tolist()
    return rate, distortion


def _report(progress: Progress, row: dict[str, float], epochs: int, spent: float) -> None:
    left = (epochs - row["epoch"]) * spent
    progress.line(
        f"epoch {row['epoch']:.0f}/{epochs}  beta {row['beta']:.3g}  "
        f"train R {row['train_rate']:.2f} D {row['train_distortion']:.2f}  "
        f"valid R {row['valid_rate']:.2f} D {row['valid_distortion']:.2f} "
        f"-ELBO {row['valid_rate'] + row['valid_distortion']:.2f} nats  "
        f"{row['images_per_second']:.0f} images/s" + (f"  {duration(left)} left" if left else "  done")
    )


def _csv(history: list[dict[str, float]]) -> str:
    table = io.StringIO()
    writer = csv.DictWriter(table, HISTORY, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return table.getvalue()


def _save_weights(model: VAE, path: Path, cell: dict[str, Any]) -> None:
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    with atomic(path) as stream:
        stream.write(safetensors.torch.save(tensors, metadata={"cell": canonical_json(cell)}))
