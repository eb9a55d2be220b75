"""The paper's printed points, and what an experiment measured at the same settings beside them. Needs no torch."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rdplane.declare.kinds import Column
from rdplane.declare.registry import declared
from rdplane.experiment.metrics import with_errors

__all__ = ["COLUMNS", "beside", "markdown", "published_points"]

_MEASURED = {"rate": "R", "distortion": "D", "neg_elbo": "-ELBO"}

COLUMNS = (
    Column("figure", "of the paper, in which the point is printed", "", "str"),
    Column("architecture", "symbols of encoder, decoder and marginal, such as -+v", "", "str"),
    Column("beta", "weight of the rate", "nats of D per nat of R"),
    Column("annealed", "whether the paper's weight climbed from 0: true, false, or not printed", "", "str"),
    *(Column(f"{name}_paper", f"{text} as the paper prints it") for name, text in _MEASURED.items()),
    *(
        column
        for name, text in _MEASURED.items()
        for column in (
            Column(name, f"{text} of ours", error=True),
            Column(f"{name}_difference", f"{text}, ours - the paper's"),
        )
    ),
    Column("j_difference", "J = D + beta R, which both minimise, ours - the paper's: below 0 ours is better"),
    Column("anneal", "epochs over which beta of ours climbed from 0; 0: none, and of a curve", "", "int64"),
    Column("seed", "of ours", "", "int64"),
    Column("epochs", "passes over the training images, of a curve for all of its points", "", "int64"),
    Column("parameters", "trainable parameters of ours", "", "int64"),
    Column("train_seconds", "duration of our training", "s"),
    Column("device", "on which ours was trained", "", "str"),
    Column("cell", "the row of rd.csv of ours", "", "str"),
)
"""Those of the short table `paper`."""


def published_points(dataset: str) -> pd.DataFrame:
    """What the paper prints for a data set: architecture, beta, anneal, rate, distortion, neg_elbo, figure, note.

    Empty for any other data set than binarized_mnist and omniglot.
    """
    points = pd.read_csv(
        Path(__file__).with_name("paper.csv"),
        comment="#",
        dtype={"architecture": str, "figure": str, "anneal": str},
        keep_default_na=False,
        na_values={"beta": [""]},
    )
    return points[points["dataset"] == dataset].reset_index(drop=True)


def beside(table: pd.DataFrame) -> pd.DataFrame:
    """Every printed point of the data set beside each run of the same architecture and beta.

    A run that was annealed stands beside points of annealed runs and of those of which the paper does not say it, one
    that was not beside the others and these. A point of a curve stands beside both: its range opens from its low end.

    Args:
        table: an experiment's (see `rdplane.table.rd.read_table`).

    Returns:
        One row per comparison in the paper's order, with the columns of `COLUMNS`; none for another data set.
    """
    points = published_points(table["dataset"].iloc[0]) if len(table) else published_points("")
    whole = table["objective"].map(lambda name: declared().objectives[name].conditions)
    chosen = table[((table["objective"] == "beta") | whole) & table["rate_target"].isna()]
    rows = []
    for _, point in points[points["beta"].notna()].iterrows():
        alike = chosen[(chosen["architecture"] == point["architecture"]) & np.isclose(chosen["beta"], point["beta"])]
        for name, run in alike.iterrows():
            if whole[name] or not point["anneal"] or (point["anneal"] == "true") == (run["anneal"] > 0):
                rows.append(_row(point, run))
    return pd.DataFrame(rows, columns=_names()).astype(
        {column.name: object if column.type == "str" else column.type for column in COLUMNS}
    )


def _names() -> list[str]:
    return [column.name for column in with_errors(COLUMNS)]


def _row(point: pd.Series, run: pd.Series) -> dict[str, Any]:
    row = {name: point[name] for name in ("figure", "architecture", "beta")}
    row["annealed"] = point["anneal"] or "not printed"
    for name in _MEASURED:
        row |= {f"{name}_paper": point[name], name: run[name], f"{name}_se": run[f"{name}_se"]}
        row[f"{name}_difference"] = run[name] - point[name]
    row["j_difference"] = row["distortion_difference"] + point["beta"] * row["rate_difference"]
    own = ("anneal", "seed", "epochs", "parameters", "train_seconds", "device", "cell")
    return row | {name: run[name] for name in own}


def markdown(rows: pd.DataFrame) -> str:
    """The comparisons as a Markdown table, nats per image."""
    heads = (
        "model", "β", "paper: R, D, -ELBO", "ours: R, D, -ELBO", "difference of D + βR", "ours is", "epochs",
        "parameters", "training, s", "device",
    )  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "| --- " * len(heads) + "|"]
    for _, row in rows.iterrows():
        annealed = {"true": ", annealed"}.get(row["annealed"], "")
        cells = [
            f"`{row['architecture']}`",
            f"{row['beta']:g}{annealed}",
            ", ".join(f"{row[f'{name}_paper']:.1f}" for name in _MEASURED),
            ", ".join(f"{row[name]:.2f}" for name in _MEASURED),
            f"{row['j_difference']:+.1f}",
            "a point of a curve" if "@" in row["cell"] else "annealed" if row["anneal"] else "a training",
            f"{row['epochs']}",
            f"{row['parameters'] / 1e6:.1f} M",
            f"{row['train_seconds']:.0f}",
            row["device"],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    note = (
        "Nats per image, test images. Below 0 the difference is in our favour; at β = 1 it is that of -ELBO, with a "
        "standard error of about 0.2 over the images of ours alone. The paper prints one decimal and no error."
    )
    return "\n".join([*lines, "", note]) + "\n"
