"""Extensions are tried before any job: what a user's file declares is built, called and compared with what it says."""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rdplane.declare.kinds import Dataset, Declaration, Figure, Measure, Objective, Part
from rdplane.declare.objects import explained, imported
from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.experiment import versions
from rdplane.experiment.architectures import simplest
from rdplane.experiment.layout import Layout
from rdplane.files import digest
from rdplane.table.rd import columns

__all__ = ["check_extensions", "once"]

# Sizes at which a part is tried: small ones of the package's, a user's own at their defaults.
SMALL = {
    "latent": 1, "width": 0.1, "flow_steps": 1, "made_layers": 1, "made_units": 4, "pixelcnn_depth": 2,
    "pixelcnn_resnets": 1, "pseudo_inputs": 3, "code_levels": 3, "code_channels": 1, "code_depth": 2, "code_resnets": 1,
}  # fmt: skip


def own() -> list[Declaration]:
    """What the extensions in use declare."""
    return [item for item in declared().everything() if not item.source.startswith("rdplane.")]


def once(layout: Layout) -> None:
    """Check the extensions of an experiment, unless just these were found good before.

    In a process of its own: whoever asks may do without torch.

    Raises:
        UserError: one of them is not as it should be.
    """
    if not layout.config["extensions"]:
        return
    from rdplane.commands.step import EXTENSIONS, command_line

    found = [[versions.version(versions.of(item)), repr(item)] for item in own()]
    mark = layout.folder / "extensions" / f"{digest([found, layout.config['extensions']])}.txt"
    if mark.exists():
        return
    command = [sys.executable, "-m", "rdplane.commands.step", *command_line("check", {"mark": mark})]
    environment = os.environ | {EXTENSIONS: json.dumps(layout.config["extensions"])}
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    if run.returncode:
        said = [line for line in run.stderr.splitlines() if line.strip()] or ["it ended without a word"]
        raise UserError(said[-1].removeprefix("error: "))


def check_extensions(say: Callable[[str], None] = lambda line: None) -> None:
    """Try everything that the extensions in use declare.

    Args:
        say: gets a line for each declaration that is as it should be.

    Raises:
        UserError: one is not: its file, what was found, what was expected.
    """
    columns()  # refuses names that two have
    for item in own():
        name = versions.of(item)
        where = f"{item.source}: {name}"
        with explained(f"{name} failed", item):
            say(f"{name}: {_check(item, where)}")


def _check(item: Declaration, where: str) -> str:
    if isinstance(item, Part):
        return _part(item, where)
    if isinstance(item, Objective):
        return _objective(item, where)
    if isinstance(item, Measure):
        return _measure(item, where)
    if isinstance(item, Figure):
        return _figure(item, where)
    assert isinstance(item, Dataset)
    return _dataset(item)


def _tiny(part: Part | None = None, latent: int = 1) -> Any:
    """A tiny model in float64, of the package's simplest parts and the one in question."""
    import torch

    from rdplane.models.build import build
    from rdplane.models.properties import SHAPE

    architecture = "---" if part is None else simplest(part.kind, part.symbol)
    torch.manual_seed(0)
    return build(architecture, SHAPE, {**SMALL, "latent": latent}, torch.full(SHAPE, 0.4)).double()


def _part(part: Part, where: str) -> str:
    from rdplane.models.properties import CHECKS

    for latent in (1, 3):
        CHECKS[part.kind](_tiny(part, latent), where)
    said = {
        "encoder": "shapes, densities, volume and gradients",
        "decoder": "shapes, probabilities that add up to 1, samples, causality if its logits see x, gradients",
        "marginal": "shapes, a density that integrates to 1, samples and gradients",
    }
    return f"{said[part.kind]} are as they should be"


def _objective(objective: Objective, where: str) -> str:
    import torch

    from rdplane.experiment.objectives import build_loss
    from rdplane.train.loss import Loss

    registry = declared()
    keys = {name: registry.keys[name].default for name in _names(objective)}
    value: Any = [0.5, 2.0] if objective.conditions else (objective.default or (1.0,))[0]
    loss = build_loss({"objective": {"name": objective.name, "value": value, **keys}, "anneal": 0})
    if not isinstance(loss, Loss):
        raise UserError(f"{where} builds {type(loss).__name__}, expected a subclass of rdplane.train.loss.Loss")
    rate = torch.tensor([3.0, 5.0, 9.0], requires_grad=True)
    distortion = torch.tensor([90.0, 80.0, 85.0], requires_grad=True)
    total = loss(rate, distortion, 0.5)
    if not isinstance(total, torch.Tensor) or total.dim() or not bool(torch.isfinite(total)):
        raise UserError(f"{where} returned {total!r}, expected one finite number, the loss in nats an image")
    total.backward()
    if distortion.grad is None or not bool(torch.isfinite(distortion.grad).all()):
        raise UserError(f"{where}: its loss has no finite gradient by the distortion; expected one")
    return "builds, and its loss is a finite number with gradients"


def _names(item: Any) -> tuple[str, ...]:
    from rdplane.declare.registry import names_of_keys

    return names_of_keys(item)


def _measure(measure: Measure, where: str) -> str:
    """What it says of a tiny untrained model and 40 random images, each with one of three labels."""
    import torch

    from rdplane.evaluate.call import call
    from rdplane.evaluate.given import Given
    from rdplane.models.properties import SHAPE

    registry = declared()
    model = _tiny(latent=3).float().eval()
    images = (torch.rand(40, *SHAPE, generator=torch.Generator().manual_seed(0)) < 0.4).to(torch.uint8)

    labels = (torch.arange(40) % 3).numpy()

    def given(asked: Measure) -> Given:
        settings = {name: registry.keys[name].default for name in _names(asked)}
        known = {}
        for name in asked.needs:
            other = given(registry.measures[name])
            call(registry.measures[name], other)
            known[name] = other.kept
        average = model if asked.average else None
        return Given(model, images, labels if asked.labels else None, settings, known, average=average)

    found = call(measure, given(measure))
    shown = (f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in found.items())
    return f"of a tiny untrained model {', '.join(shown)}"


def _figure(figure: Figure, where: str) -> str:
    """Whether its function is there and asks for what it can get; what it draws depends on a table of real runs."""
    known = ("table", "note", "missing", "published", "title", *figure.needs)
    for name, parameter in inspect.signature(imported(figure)).parameters.items():
        if name not in known and parameter.default is parameter.empty:
            raise UserError(f"{where}: {figure.draws} asks for {name!r}, expected only {', '.join(known)}")
    return "is there, and asks for what it can get"


def _dataset(dataset: Dataset) -> str:
    if dataset.files:
        imported(dataset)
        return "is there; its files are downloaded when it is prepared"
    import tempfile

    from rdplane.data.prepare import prepare
    from rdplane.data.store import load

    with tempfile.TemporaryDirectory() as folder:
        prepare({"dataset": dataset.name, "seed": 0}, Path(folder) / "images.npz")
        images = load(Path(folder) / "images.npz")
    counts = " / ".join(str(len(part)) for part in (images.train, images.valid, images.test))
    return f"{counts} images of {images.height} x {images.width}"
