"""Which runs a sample grid shows, chosen by the table alone (Figures 4, 5, 6, 8 and 9 of the paper)."""

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd

from rdplane.figures.runs import in_grid_order
from rdplane.frontier import pareto

__all__ = ["CHOICES", "along_betas", "at_one_beta", "at_one_elbo", "on_frontier"]


def along_betas(table: pd.DataFrame, most: int = 6) -> pd.DataFrame:
    """One model along its betas (Figure 4a, b): the one whose runs span the widest range of rates.

    A model is an architecture with one annealing and one seed. At most `most` runs, evenly spaced in rate, by beta.
    """
    runs = table[table["objective"] == "beta"]
    models = [group for _, group in runs.groupby(["architecture", "anneal", "seed"], sort=False)]
    if not models:
        return runs
    widest = max(models, key=lambda group: group["rate"].max() - group["rate"].min())
    return in_grid_order(_spaced(widest, most))


def at_one_beta(table: pd.DataFrame) -> pd.DataFrame:
    """Every architecture at one beta (Figure 5): of the betas that most architectures share, the nearest to 1.

    Of several runs of an architecture there, the one with the least annealing and the lowest seed.
    """
    runs = table[table["objective"] == "beta"]
    if runs.empty:
        return runs
    shared = runs.groupby("beta")["architecture"].nunique()
    common = shared.index[shared == shared.max()]
    beta = min(common, key=lambda value: abs(value - 1))
    first = runs[runs["beta"] == beta].sort_values(["anneal", "seed"], kind="stable").drop_duplicates("architecture")
    return in_grid_order(first)


def on_frontier(table: pd.DataFrame, most: int = 9) -> pd.DataFrame:
    """The runs on the Pareto frontier (Figure 6) by falling rate, at most `most`, evenly spaced in rate."""
    runs = _spaced(table.iloc[pareto(table["rate"], table["distortion"])], most)
    return runs.sort_values("rate", ascending=False).reset_index(drop=True)


def at_one_elbo(table: pd.DataFrame, count: int = 4) -> pd.DataFrame:
    """Runs of nearly one ELBO that spend it differently (Figure 4d), by falling rate.

    The range of rates is cut into `count` equal bands, and one run is taken from each, so that their -ELBO differ by as
    little as possible; a band without runs is passed over.
    """
    edges = np.linspace(table["rate"].min(), table["rate"].max(), count + 1)
    band = np.clip(np.searchsorted(edges, table["rate"], side="right") - 1, 0, count - 1)
    bands = [table[band == number] for number in range(count) if (band == number).any()]

    def nearest(level: float) -> pd.DataFrame:
        return pd.concat([group.loc[[(group["neg_elbo"] - level).abs().idxmin()]] for group in bands])

    # The best choice is the set of runs nearest to some level; between two runs' levels it can only change halfway.
    levels = np.sort(table["neg_elbo"].to_numpy())
    halfway = [(low + high) / 2 for low, high in itertools.pairwise(levels)]
    choices = [nearest(level) for level in [*levels, *halfway]]
    best = min(choices, key=lambda runs: runs["neg_elbo"].max() - runs["neg_elbo"].min())
    return best.sort_values("rate", ascending=False).reset_index(drop=True)


def _spaced(runs: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most `most` of the runs: the ends, and those nearest to even steps of the rate between them."""
    if len(runs) <= most:
        return runs
    runs = runs.sort_values("rate")
    steps = np.linspace(runs["rate"].iloc[0], runs["rate"].iloc[-1], most)
    places = sorted({int((runs["rate"] - step).abs().to_numpy().argmin()) for step in steps})
    return runs.iloc[places]


CHOICES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "samples_betas": (along_betas, "One model along its betas"),
    "samples_models": (at_one_beta, "All models at one beta"),
    "samples_frontier": (on_frontier, "Models along the frontier"),
    "samples_equal_elbo": (at_one_elbo, "Different models of nearly one ELBO"),
}
"""Name of a sample grid -> which runs it shows, and its title."""
