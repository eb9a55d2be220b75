"""Which runs a sample grid shows, chosen by the table alone (Figures 4, 5, 6, 8 and 9 of the paper)."""

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

    Of all windows of -ELBO 2 % of the best one wide (at least 1 nat) that hold `count` runs, the one whose runs span
    the widest range of rates, thinned to `count` runs evenly spaced in rate; without such a window, the runs of the
    lowest -ELBO.
    """
    width = max(1.0, 0.02 * float(table["neg_elbo"].min()))
    windows = [table[table["neg_elbo"].between(low, low + width)] for low in table["neg_elbo"]]
    windows = [window for window in windows if len(window) >= count]
    if not windows:
        windows = [table.nsmallest(count, "neg_elbo")]
    widest = max(windows, key=lambda runs: runs["rate"].max() - runs["rate"].min())
    return _spaced(widest, count).sort_values("rate", ascending=False).reset_index(drop=True)


def _spaced(runs: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most `most` of the runs: the ends, and those nearest to even steps of the rate between them."""
    if len(runs) <= most:
        return runs
    runs = runs.sort_values("rate")
    rate = runs["rate"].to_numpy()
    places: list[int] = []
    for step in np.linspace(rate[0], rate[-1], most):
        free = [place for place in range(len(rate)) if place not in places]
        places.append(min(free, key=lambda place: abs(rate[place] - step)))
    return runs.iloc[sorted(places)]


CHOICES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "samples_betas": (along_betas, "One model along its betas"),
    "samples_models": (at_one_beta, "All models at one beta"),
    "samples_frontier": (on_frontier, "Models along the frontier"),
    "samples_equal_elbo": (at_one_elbo, "Different models of nearly one ELBO"),
}
"""Name of a sample grid -> which runs it shows, and its title."""
