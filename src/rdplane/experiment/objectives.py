"""The objective of a cell as an object, wherever a cell is trained or loaded. Imports torch only with the objective."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rdplane.declare.objects import construct
from rdplane.declare.registry import declared

if TYPE_CHECKING:
    from rdplane.train.loss import Loss

__all__ = ["build_loss"]


def build_loss(cell: Mapping[str, Any]) -> "Loss":
    """The objective of a resolved cell.

    Raises:
        UserError: a user's objective asks for what its declaration does not list.
    """
    settings = cell["objective"]
    objective = declared().objectives[settings["name"]]
    keys = {key: value for key, value in settings.items() if key not in ("name", "value")}
    loss: Loss = construct(objective, {objective.name: settings["value"], "anneal": cell["anneal"], **keys})
    return loss
