"""A trained cell as a Python object."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from rdplane.declare.objects import explained
from rdplane.declare.registry import declared, locate, use
from rdplane.errors import UserError
from rdplane.experiment import versions
from rdplane.experiment.architectures import parse
from rdplane.experiment.cells import pixels_of
from rdplane.experiment.objectives import build_loss
from rdplane.files import read_json
from rdplane.models.build import build
from rdplane.models.vae import VAE

if TYPE_CHECKING:
    from rdplane.models.conditioned import Conditioned

__all__ = ["at_point", "load", "load_curve"]

AVERAGE = "average."  # in front of the averaged weights (see `rdplane.train.average`)


def load(
    folder: str | Path,
    device: str | torch.device = "cpu",
    extensions: str | Path | Iterable[str | Path] | None = None,
    average: bool = False,
    beta: float | None = None,
) -> VAE:
    """Load the model of a finished cell, ready to use (evaluation mode).

    Args:
        folder: the cell's folder, such as ``results/quick/cells/vae-+v_beta0.1_seed0_1f2e3d4c``.
        device: where to put it.
        extensions: files or modules with the model's own parts (see `rdplane.declare.registry.use`), in use from then
            on; by default those with which it was trained.
        average: whether to take the moving average of its weights (`training.average`) in place of those that were
            kept.
        beta: the point of the curve, for a cell that trained a whole curve: a number within its range.

    Returns:
        A `rdplane.models.vae.VAE` with `encode`, `rate_distortion` (nats per image), `reconstruct`, `generate` and
        `log_marginal`; its resolved cell is in the attribute `cell`.
        A point of a curve is such a model, too, with weights of its own.

    Raises:
        UserError: the folder holds no finished cell, its weights are damaged or of another model, or an extension that
            the model needs is missing; or it has no averaged weights; or `beta` is missing, or outside of the range.
    """
    return at_point(load_curve(folder, device, extensions, average), folder, beta)


def at_point(curve: "VAE | Conditioned", folder: str | Path, beta: float | None) -> VAE:
    """The model of a cell, of one that trained a curve that of a point.

    Args:
        curve: what `load_curve` returned.
        folder: the cell's.
        beta: of the point; None for a cell that trained no curve.

    Raises:
        UserError: `beta` is missing, has no meaning, or is outside of the range.
    """
    if isinstance(curve, VAE):
        if beta is not None:
            raise UserError(
                f"{folder} was trained for one objective, not for a curve, so it has no weights for beta {beta:g}; "
                "expected beta=None: leave it out, or load a cell of grid.curve"
            )
        return curve
    if not isinstance(beta, int | float) or not curve.low <= beta <= curve.high:
        raise UserError(
            f"{folder} was trained for every beta from {curve.low:g} to {curve.high:g}; expected one of these, found "
            f"beta={beta!r}"
        )
    model = curve.at(beta)
    model.cell = curve.cell
    return model.eval()


def load_curve(
    folder: str | Path,
    device: str | torch.device = "cpu",
    extensions: str | Path | Iterable[str | Path] | None = None,
    average: bool = False,
) -> "VAE | Conditioned":
    """As `load`; for a cell that trained a whole curve the models of all its points in one."""
    folder = Path(folder)
    if "@" in folder.name and not folder.exists():
        raise UserError(f"{folder} names a point of a curve; expected the folder of its cell, up to the @, and a beta")
    summary: dict[str, Any] = read_json(folder / "train.json")
    path = folder / "model.safetensors"
    remedy = "delete the cell's folder and run the workflow again to train it anew"
    try:
        cell, (height, width, *colours) = summary["cell"], summary["shape"]
        if extensions is not None:
            named = [extensions] if isinstance(extensions, str | Path) else extensions
            use(_spelled(extension) for extension in named)
        else:
            _use_recorded(folder, cell["architecture"], summary.get("extensions", {}))
        _check_source(folder, cell)
        with explained(f"the model of {folder.name} cannot be built"):
            shape = (height, width, *colours)
            built = build(cell["architecture"], shape, cell["model"], pixels=pixels_of(cell))
            # An objective that is not known any more is none of those that train a whole curve.
            objective = declared().objectives.get(cell["objective"]["name"])
            model = build_loss(cell).prepare(built) if objective and objective.conditions else built
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{folder / 'train.json'} describes no model ({error!r}); {remedy}") from None
    try:
        model.load_state_dict(_weights(path, average))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise UserError(f"{path} cannot be loaded ({error}); {remedy}") from None
    model.cell = cell
    return model.to(memory_format=torch.channels_last).to(device).eval()  # type: ignore[call-overload]


def _weights(path: Path, average: bool) -> dict[str, Tensor]:
    """The tensors of a finished cell by their names in the model.

    Raises:
        UserError: the averaged ones are asked for, and there are none.
    """
    tensors = safetensors.torch.load_file(path)
    averaged = {name: tensors.pop(name) for name in list(tensors) if name.startswith(AVERAGE)}
    if average and not averaged:
        raise UserError(
            f"{path} has no moving average of the weights, expected one; train a cell with training.average above 0, "
            "such as 0.999, or load this one without"
        )
    return tensors | ({name.removeprefix(AVERAGE): tensor for name, tensor in averaged.items()} if average else {})


def _use_recorded(folder: Path, architecture: str, recorded: Mapping[str, str]) -> None:
    """Put the extensions with which a cell was trained into use, unless its parts are known already.

    Args:
        architecture: of the cell.
        recorded: extension -> the file that it was.

    Raises:
        UserError: a part of the architecture is in none of those that are there.
    """
    if not recorded or _known(architecture, recorded):
        return
    there, missing = [], []
    for extension, file in recorded.items():
        try:
            locate(extension)
            there.append(extension)
        except UserError:
            missing.append(file)
    use(there)
    try:
        parse(architecture)
    except UserError:
        if not missing:
            raise
        raise UserError(
            f"{folder}: the model {architecture!r} has parts of an extension, and {', '.join(missing)} does not exist "
            "any more; expected the file there: put it back, or pass extensions=[...] with its new place"
        ) from None


def _check_source(folder: Path, cell: Mapping[str, Any]) -> None:
    """Weights in a model whose source has changed since would be another model, in silence.

    Raises:
        UserError: a part of an extension is not as it was when the cell was trained.
    """
    for name, then in cell["versions"].items():
        kind, _, symbol = name.partition(" ")
        if str(then).startswith("own-") and symbol in declared().parts.get(kind, {}):
            now = versions.version(name)
            if now != then:
                raise UserError(
                    f"{folder}: {declared().parts[kind][symbol].source} has changed since this cell was trained "
                    f"({name} was {then}, is {now}); expected the file as it was then: undo the edit, or "
                    "train the new model"
                )


def _known(architecture: str, recorded: Mapping[str, str]) -> bool:
    """Whether every part is declared in the package, or by one of the recorded extensions."""
    parts = declared().parts
    found = [parts[kind].get(symbol) for kind, symbol in zip(parts, architecture, strict=True)]
    return all(part and (part.source.startswith("rdplane.") or part.source in recorded) for part in found)


def _spelled(extension: str | Path) -> str:
    """A path made absolute, as a declaration's source is; the name of a module as it is."""
    return str(Path(extension).resolve()) if str(extension).endswith(".py") else str(extension)
