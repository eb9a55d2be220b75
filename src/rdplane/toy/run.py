"""One cell of the toy as the workflow and the command line make it, and a check of all before the first."""

from pathlib import Path
from typing import Any

from rdplane.errors import UserError
from rdplane.toy import optimal, record, source
from rdplane.toy.train import Objective, train

__all__ = ["check", "run_cell", "source_of"]


def check(toy: dict[str, Any]) -> None:
    """Refuse a configuration of the toy before any of its cells runs.

    Raises:
        UserError: the data cannot have the information asked for, a target rate lies outside 0 .. H, or a run that
            Figure 2 shows is not in the grid.
    """
    data = source_of(toy)
    for value in toy["rate_penalty"]:
        Objective("rate_penalty", value).check(data.entropy)
    if 1.0 not in toy["beta"] or toy["information"] not in toy["rate_penalty"]:
        raise UserError(
            f"toy.beta is {toy['beta']} and toy.rate_penalty is {toy['rate_penalty']}; expected 1.0 in the first and "
            f"toy.information ({toy['information']:g}) in the second, which Figure 2 shows: add them"
        )


def run_cell(cell: dict[str, Any], output: Path) -> None:
    """Train (or build) one toy cell and write its record to `output`."""
    data = source_of(cell["source"])
    if cell["objective"] == "optimal":
        result = record.Record("optimal", None, None, 0, data.joint, optimal.build(data, cell["latents"]))
    else:
        objective = Objective(cell["objective"], cell["value"])
        model = train(data, objective, cell["seed"], cell["latents"], cell["steps"], cell["learning_rate"])
        result = record.Record(objective.name, objective.value, cell["seed"], cell["steps"], data.joint, model)
    record.save(result, output)


def source_of(settings: dict[str, Any]) -> source.Source:
    """The data that the section `toy` of a configuration, or a toy cell's `source`, describes."""
    return source.solve(
        bins=settings["bins"], weights=tuple(settings["weights"]), means=tuple(settings["means"]),
        sigma_ratio=settings["sigma_ratio"], information=settings["information"],
    )  # fmt: skip
