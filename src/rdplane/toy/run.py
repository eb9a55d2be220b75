"""The toy's steps as the workflow and the command line call them: one cell, the table, a figure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rdplane.errors import UserError
from rdplane.layout import TOY_PLOTS
from rdplane.toy import optimal, record, source, summary
from rdplane.toy.train import Objective, train

__all__ = ["check", "figure", "run_cell", "tabulate"]


def check(toy: dict[str, Any]) -> None:
    """Refuse a configuration of the toy before any of its cells runs.

    Raises:
        UserError: the data cannot have the information asked for, a target rate lies outside 0 .. H, or a run that
            Figure 2 shows is not in the grid.
    """
    data = _source(toy)
    for value in toy["rate_target"]:
        Objective("target_rate", value).check(data.entropy)
    if 1.0 not in toy["beta"] or toy["information"] not in toy["rate_target"]:
        raise UserError(
            f"toy.beta is {toy['beta']} and toy.rate_target is {toy['rate_target']}; expected 1.0 in the first and "
            f"toy.information ({toy['information']:g}) in the second, which Figure 2 shows: add them"
        )


def run_cell(cell: dict[str, Any], output: Path) -> None:
    """Train (or build) one toy cell and write its record to `output`."""
    data = _source(cell["source"])
    if cell["objective"] == "optimal":
        result = record.Record("optimal", None, None, 0, data.joint, optimal.build(data, cell["latents"]))
    else:
        objective = Objective(cell["objective"], cell["value"])
        model = train(data, objective, cell["seed"], cell["latents"], cell["steps"], cell["learning_rate"])
        result = record.Record(objective.name, objective.value, cell["seed"], cell["steps"], data.joint, model)
    record.save(result, output)


def tabulate(records: Sequence[Path], table: Path, summary_table: Path) -> None:
    """Write one row a run to `table`, and one row an objective to `summary_table`."""
    runs = [record.load(path) for path in records]
    record.write_table(runs, table)
    summary.write_summary(runs, summary_table)


def figure(name: str, records: Sequence[Path], settings: dict[str, Any], png: Path, pdf: Path) -> None:
    """Draw one of `TOY_PLOTS` and save it as PNG and PDF.

    Raises:
        UserError: unknown name.
    """
    from rdplane.figures.style import save
    from rdplane.toy import figures

    runs = [record.load(path) for path in records]
    if name == "phase_diagram":
        drawn = figures.draw_phase_diagram(_source(settings))
    elif name == "toy_curve":
        drawn = figures.draw_curve(runs)
    elif name == "toy_models":
        drawn = figures.draw_models(*_columns(runs, settings["information"]))
    else:
        raise UserError(f"toy figure {name!r} is unknown; expected one of {', '.join(TOY_PLOTS)}")
    save(drawn, png, pdf)


def _columns(runs: Sequence[record.Record], information: float) -> tuple[record.Record, record.Record, record.Record]:
    """The three models of Figure 2: optimal, the ELBO's and the target rate's, the latter two with their first seed."""
    best = next(run for run in runs if run.objective == "optimal")
    elbo = [run for run in runs if run.objective == "beta" and run.value == 1.0]
    target = [run for run in runs if run.objective == "target_rate" and run.value == information]
    return best, elbo[0], target[0]


def _source(settings: dict[str, Any]) -> source.Source:
    return source.solve(
        bins=settings["bins"], weights=tuple(settings["weights"]), means=tuple(settings["means"]),
        sigma_ratio=settings["sigma_ratio"], information=settings["information"],
    )  # fmt: skip
