"""Samples of all models at one beta (Figure 5 of the paper)."""

import matplotlib.figure
import pandas as pd

from rdplane.declare import Figure
from rdplane.figures import runs, style
from rdplane.figures.runs import in_grid_order, precisions
from rdplane.figures.samples import Samples, draw_grid

__all__ = ["at_one_beta", "draw_samples_models"]

FIGURE = Figure(
    name="samples_models", title="All models at one beta", draws="draw_samples_models", needs=("samples",), place=8,
    caption="All models at one beta (Figure 5).",
)  # fmt: skip


def at_one_beta(table: pd.DataFrame) -> pd.DataFrame:
    """Every architecture at one beta: of the betas that most architectures share, the nearest to 1.

    Either all are trainings of their own or, where those share no beta as widely, all are points of curves; of these
    none whose beta was searched. Of several runs of an architecture there, the one with the least annealing and the
    lowest seed.
    """
    objectives = [objective.name for objective in runs.objectives(table) if objective.holds == "beta"]
    candidates = table[table["objective"].isin(objectives)]
    candidates = candidates[~(runs.on_curves(candidates) & candidates["rate_target"].notna())]
    if candidates.empty:
        return candidates
    shared = candidates.groupby(["objective", "beta"])["architecture"].nunique()
    common = shared.index[shared == shared.max()]
    objective, beta = min(common, key=lambda pair: (objectives.index(pair[0]), abs(pair[1] - 1)))
    at_beta = candidates[(candidates["objective"] == objective) & (candidates["beta"] == beta)]
    return in_grid_order(at_beta.sort_values(["anneal", "seed"], kind="stable").drop_duplicates("architecture"))


def draw_samples_models(
    table: pd.DataFrame, samples: Samples, *, title: str = FIGURE.title, note: str | None = None
) -> matplotlib.figure.Figure:
    """The samples of `at_one_beta`.

    Args:
        table: one row per run.
        samples: gives those of a cell.
        title: heading; '' leaves it and the subtitle out.
        note: a line under the title.
    """
    shown = at_one_beta(table)
    if shown.empty:
        return style.empty(title, "No run was trained with a beta.", note, precisions(table))
    return draw_grid(shown, samples, title, note=note, footnotes=precisions(table))
