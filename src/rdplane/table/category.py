"""The paper's four words for what a model does with its code, as a rule. Needs no torch.

The paper groups its examples by eye (Figures 4 and 6). With H^ the best -ELBO of the experiment, the rule here is:

1. autoencoder: D <= H^ / 4. The code carries three quarters of the image and more. On static MNIST (H^ = 80.2) the
   paper's D are 4.8 and 8.1 at R = 156 and 120; its other examples have 58 and more.
2. autodecoder: R < log 10. The code could not even name the class of a digit. The six of Figure 6 have R <= 2.3.
3. syntactic encoder: R >= H^ / 6. The code holds the digit and how it is written. The paper's start at R = 24.0, or
   0.30 H^, and its highest rate below them is 10.5, or 0.13 H^.
4. Between those, semantic encoder if the class can be read from the code: a linear probe is right at least half of
   the time, or there is no probe. The paper's lie from R = 2.8 to 8.3.
   Else syntactic encoder: the code spends more nats than the class needs and tells something other than the class.

The first that applies counts. The numbers are for images of ten classes, as the paper's examples are.
"""

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CATEGORIES", "CLASS_NATS", "DISTORTION_SHARE", "READABLE", "SYNTAX_SHARE", "category", "with_category"]

CATEGORIES = ("autoencoder", "syntactic encoder", "semantic encoder", "autodecoder")

DISTORTION_SHARE = 1 / 4  # of the best -ELBO, up to which a distortion makes an autoencoder
SYNTAX_SHARE = 1 / 6  # of the best -ELBO, from which on a rate makes a syntactic encoder
CLASS_NATS = math.log(10)  # to name one of ten classes
READABLE = 0.5  # probe accuracy from which on the class counts as encoded


def category(rate: float, distortion: float, best_neg_elbo: float, probe_accuracy: float | None = None) -> str:
    """One of `CATEGORIES` for a cell (see the module for the rule and its reasons).

    Args:
        rate, distortion: of the cell, nats per image.
        best_neg_elbo: H^, the lowest -ELBO of the experiment, nats per image.
        probe_accuracy: of a linear probe for the class on z; None or NaN where there are no labels.
    """
    if distortion <= DISTORTION_SHARE * best_neg_elbo:
        return "autoencoder"
    if rate < CLASS_NATS:
        return "autodecoder"
    if rate >= SYNTAX_SHARE * best_neg_elbo:
        return "syntactic encoder"
    unreadable = probe_accuracy is not None and probe_accuracy < READABLE
    return "syntactic encoder" if unreadable else "semantic encoder"


def with_category(table: "pd.DataFrame") -> "pd.DataFrame":
    """The table of an experiment (see `rdplane.table.rd.read_table`) with a column `category`."""
    best = float(table["neg_elbo"].min())
    places = zip(table["rate"], table["distortion"], table["probe_accuracy"], strict=True)
    return table.assign(category=[category(r, d, best, accuracy) for r, d, accuracy in places])
