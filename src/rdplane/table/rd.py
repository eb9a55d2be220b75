"""One tidy table from the measurements of all cells: ``rd.csv``, one row per model: a cell, or a point of a curve.

Needs no torch.
"""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rdplane.declare.kinds import Column
from rdplane.declare.registry import declared
from rdplane.errors import UserError
from rdplane.experiment.architectures import known, parse
from rdplane.experiment.layout import point_name
from rdplane.experiment.metrics import ALWAYS, columns_of, measured, read_metrics, rows, shown
from rdplane.files import write_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["aggregate", "columns", "read_table"]

RUN = (
    Column("experiment", "name of the experiment", "", "str"),
    Column("dataset", "name of the dataset", "", "str"),
    Column("architecture", "symbols of encoder, decoder and marginal, such as -+v", "", "str"),
    Column("encoder", "symbol of the encoder", "", "str"),
    Column("decoder", "symbol of the decoder", "", "str"),
    Column("marginal", "symbol of the marginal", "", "str"),
    Column("objective", "what training minimised", "", "str"),
)
SCHEDULE = (
    Column("anneal", "epochs over which the weight of the rate climbed from 0; 0: none", "", "int64"),
    Column("seed", "of initialisation, data order and noise", "", "int64"),
    Column("epochs", "passes over the training images", "", "int64"),
    Column("epoch", "epoch whose weights were kept", "", "int64"),
    Column("parameters", "trainable parameters of the model", "", "int64"),
)
COMPUTED = (
    Column("train_seconds", "duration of training, over all its restarts", "s"),
    Column("device", "on which it was trained", "", "str"),
    Column("precision", "of the networks in training: float32 or bfloat16", "", "str"),
    Column(
        "cell",
        "name of the cell's folder below cells/; of a point of a curve with @ and its beta, or @rate and "
        "the rate for which that was searched",
        "",
        "str",
    ),
)


def columns() -> dict[str, Column]:
    """The columns of rd.csv in order: name -> what it holds.

    After `objective` follows one column per declared objective; the one that a cell minimised holds its number, the
    others are empty. A point of a curve has its beta, and the `rate_target` for which that was searched, if it was. The
    columns of a measure that is off, or found no number, are empty as well.

    Raises:
        UserError: an extension gives a column a name that another has.
    """
    objectives = [
        (objective.source, Column(objective.name, objective.text, objective.unit))
        for objective in declared().objectives.values()
        if objective.holds == objective.name
    ]
    measured()  # refuses names that two measures share
    measures = [(m.source, column) for m in declared().measures.values() for column in columns_of(m)]
    own = [[("", column) for column in part] for part in (RUN, SCHEDULE, COMPUTED)]
    found: dict[str, Column] = {}
    names = [column.name for part in own for _, column in part]
    for source, column in [*own[0], *objectives, *own[1], *measures, *own[2]]:
        if column.name in found or (source and column.name in names):
            blamed = next(
                (s for s, c in (*objectives, *measures) if c.name == column.name and "rdplane." not in s), source
            )
            raise UserError(f"{blamed}: rd.csv has a column {column.name!r} already; choose another name")
        found[column.name] = column
    return found


def _optional() -> set[str]:
    """Columns that may be empty."""
    always = {column.name for column in columns_of(declared().measures[ALWAYS])}
    return {*(objective.holds for objective in declared().objectives.values()), *measured()} - always


def aggregate(
    experiment: str,
    cells: Sequence[Path],
    output: Path,
    partial: bool = False,
    evaluation: Mapping[tuple[str, str], Mapping[str, Any]] | None = None,
    points: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write the table of all measured cells to `output`, one row per cell, or point of a curve, in the order given.

    Args:
        experiment: name of the experiment, the first column.
        cells: cell folders; the ``metrics.json`` of each is read.
        output: the table, written whole or not at all; numbers keep every digit.
        partial: leave out cells without ``metrics.json`` instead of stopping.
        evaluation: architecture and objective -> how their cells must have been measured
            (`rdplane.experiment.cells.evaluation_of`); None if that does not matter.
        points: cell -> where its curve must have been measured (`rdplane.experiment.cells.points_of`), likewise.

    Returns:
        The cells that are missing from the table.

    Raises:
        UserError: a cell is missing (unless `partial`), its metrics are invalid, or were measured with settings or
            versions other than those of `evaluation`.
    """
    missing = [cell for cell in cells if not (cell / "metrics.json").is_file()]
    if missing and not partial:
        first = ", ".join(cell.name for cell in missing[:3]) + (", ..." if len(missing) > 3 else "")
        raise UserError(
            f"metrics.json is missing for {len(missing)} of {len(cells)} cells: {first}; "
            "train and evaluate them, or leave them out with --partial"
        )
    absent, header = set(missing), columns()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for cell in cells:
        if cell in absent:
            continue
        metrics = read_metrics(cell / "metrics.json")
        if evaluation is not None:
            _check_evaluation(cell.name, metrics, evaluation)
        if points is not None:
            _check_points(cell.name, metrics, points)
        for found in rows(metrics):
            row = _row(experiment, cell.name, found)
            writer.writerow(_spell(row.get(name), column) for name, column in header.items())
    write_text(output, text.getvalue())
    return missing


def _check_evaluation(
    name: str, metrics: Mapping[str, Any], evaluation: Mapping[tuple[str, str], Mapping[str, Any]]
) -> None:
    cell = metrics["cell"]
    found, expected = metrics["evaluation"], evaluation.get((cell["architecture"], cell["objective"]["name"]), {})
    for measure in {**expected, **found}:
        if found.get(measure) != expected.get(measure):
            raise UserError(
                f"cell {name}: the measure {measure} was evaluated with {shown(found.get(measure), 300)}, the "
                f"configuration says {shown(expected.get(measure), 300)} (None: not at all); run snakemake --forcerun "
                "evaluate"
            )


def _check_points(name: str, metrics: Mapping[str, Any], points: Mapping[str, Any]) -> None:
    found, expected = metrics.get("asked"), points.get(name)
    if found != expected:
        raise UserError(
            f"cell {name}: its curve was measured at {shown(found, 300)}, the configuration says "
            f"{shown(expected, 300)}; run snakemake --forcerun evaluate"
        )


def _row(experiment: str, name: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    cell = metrics["cell"]
    objective = cell["objective"]
    if declared().objectives[objective["name"]].conditions:
        name = point_name(name, metrics["beta"], metrics["rate_target"])
        number: dict[str, Any] = {}
    else:
        number = {objective["name"]: objective["value"]}
    return {
        **metrics,
        **number,
        **parse(cell["architecture"]).symbols,
        "experiment": experiment,
        "dataset": cell["data"]["dataset"],
        "architecture": cell["architecture"],
        "objective": objective["name"],
        "anneal": cell["anneal"],
        "seed": cell["seed"],
        "cell": name,
    }


def _spell(value: Any, column: Column) -> str:
    if value is None:
        return ""
    # repr is the shortest text that reads back as the same float.
    return repr(float(value)) if column.type == "float64" else str(value)


def read_table(path: str | Path) -> "pd.DataFrame":
    """Read ``rd.csv``: names and signs as text; objectives and measures as floats, NaN where empty.

    Returns:
        One row per cell, with the columns of `columns`; those of a measure or objective that was declared after the
        table was made are empty.

    Raises:
        UserError: the file is missing or not a table, another column is missing, or a value is not of its column's
            type.
    """
    import pandas as pd

    remedy = "make it again with `rdplane aggregate`"
    try:
        text = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; {remedy}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a table ({error}); {remedy}") from None
    expected, optional = columns(), _optional()
    missing = [name for name in expected if name not in text.columns and name not in optional]
    if missing:
        raise UserError(f"{path}: column {missing[0]} is missing, expected {', '.join(expected)}; {remedy}")
    among = {"architecture": known(), "objective": tuple(declared().objectives)}
    table = {}
    for name, column in expected.items():
        values, kind = text.get(name, pd.Series("", text.index, dtype=str)), column.type
        if name in optional and kind != "str":
            values, kind = values.mask(values == "", "nan"), "float64"  # NaN where empty
        try:
            table[name] = values.to_numpy(dtype=object).astype(object if kind == "str" else kind)
        except (ValueError, OverflowError) as error:
            what = "a whole number" if kind == "int64" else "a number"
            raise UserError(f"{path}: column {name}: {error}, expected {what}; {remedy}") from None
        wrong = [value for value in table[name] if name in among and value not in among[name]]
        if kind == "float64":
            wrong = [v for v in table[name] if math.isinf(v) or (math.isnan(v) and name not in optional)]
        if wrong:
            what = f"one of {', '.join(among[name])}" if name in among else "a finite number"
            raise UserError(f"{path}: column {name} holds {shown(wrong[0])}, expected {what}; {remedy}")
    return pd.DataFrame(table)
