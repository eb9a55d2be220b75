"""The prefix code: what the first k pixels of an image cost and tell, for some k. Needs no torch.

Its numbers are measured by `rdplane.evaluate.prefix` of every cell that is a PixelCNN++ alone.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from rdplane.declare.kinds import Column
from rdplane.errors import UserError
from rdplane.experiment.layout import PREFIX
from rdplane.experiment.metrics import with_errors
from rdplane.experiment.prefix import ALONE
from rdplane.files import read_json

__all__ = ["COLUMNS", "gather", "markdown", "read_prefix"]

COLUMNS = (
    Column("architecture", "of the model that is marginal and decoder of the code: a PixelCNN++ alone", "", "str"),
    Column("code", "what z is, in words", "", "str"),
    Column("pixels", "k, the first pixels in raster order", "", "int64"),
    Column("rate", "R(k) = -log p(x_1 ... x_k)", error=True),
    Column("distortion", "D(k) = -log p(x_k+1 ... x_n | x_1 ... x_k); R(k) + D(k) is the NLL for every k", error=True),
    Column(
        "label_information",
        "lower bound on what the k pixels tell about the class, as in rd.csv; empty where there are no classes",
        error=True,
    ),
    Column("seed", "of the training", "", "int64"),
    Column("images", "test images", "", "int64"),
    Column("cell", "the row of rd.csv of the model", "", "str"),
)
"""Those of prefix.csv, each that has a standard error with that behind it."""


def gather(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """The points of the prefix code of every model that is one.

    Args:
        table: an experiment's (see `rdplane.table.rd.read_table`).
        folder: ``results/<experiment>``, with the cells' folders; cells without ``prefix.json`` are left out.

    Returns:
        One row per point, cells in the order of the table and k rising, with the columns of `COLUMNS`.

    Raises:
        UserError: a file is damaged.
    """
    found: list[dict[str, Any]] = []
    for _, run in table[table["architecture"] == ALONE].iterrows():
        path = folder / "cells" / run["cell"] / f"{PREFIX}.json"
        if not path.exists():
            continue
        shared = {name: run[name] for name in ("architecture", "seed", "images", "cell")}
        try:
            for point in read_json(path)["rows"]:
                numbers = {name: point[name] for name in _names() if name not in (*shared, "code")}
                found.append(shared | {"code": f"the first {point['pixels']} pixels, as they are"} | numbers)
        except (KeyError, TypeError):
            raise UserError(
                f"{path} is damaged, expected the points of a prefix code; delete it and run the same command again"
            ) from None
    return _typed(pd.DataFrame(found, columns=_names()))


def _names() -> list[str]:
    return [column.name for column in with_errors(COLUMNS)]


def _typed(found: pd.DataFrame) -> pd.DataFrame:
    return found.astype({c.name: object if c.type == "str" else c.type for c in with_errors(COLUMNS)})


def markdown(points: pd.DataFrame) -> str:
    """The points as a Markdown table: value ± standard error in one column, nats per image."""
    lines = ["| model | seed | z | R, nats | D, nats | about the class, nats |", "| --- " * 6 + "|"]
    for _, point in points.iterrows():
        told = _measured(point, "label_information") if pd.notna(point["label_information"]) else ""
        numbers = _measured(point, "rate"), _measured(point, "distortion"), told
        lines.append(f"| `{point['architecture']}` | {point['seed']} | {point['code']} | " + " | ".join(numbers) + " |")
    said = (
        "The prefix code: z is the first k pixels, copied, and the PixelCNN++ alone is the marginal of these and the "
        "decoder of all others; R + D is its NLL for every k."
    )
    return "\n".join([*lines, "", said]) + "\n"


def _measured(point: pd.Series, name: str) -> str:
    return f"{point[name]:.2f} ± {point[f'{name}_se']:.2f}"


def read_prefix(path: Path) -> pd.DataFrame:
    """Read ``prefix.csv``.

    Returns:
        One row per point with the columns of `COLUMNS`; none where there is no such file, as in an experiment without
        a PixelCNN++ alone.

    Raises:
        UserError: the file is damaged or lacks a column.
    """
    if not path.exists():
        return _typed(pd.DataFrame(columns=_names()))
    remedy = "make it again with `rdplane figures`"
    try:
        found = pd.read_csv(path, dtype={column.name: str for column in COLUMNS if column.type == "str"})
        missing = [name for name in _names() if name not in found.columns]
        if missing:
            raise UserError(f"{path}: column {missing[0]} is missing, expected {', '.join(_names())}; {remedy}")
        return _typed(found)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a table ({error}); {remedy}") from None
