"""The paper's four words for what a model does with its code, as a rule. Needs no torch.

The paper gives them to its examples by eye (Figures 4 and 6). With K classes of images, and H^ the best -ELBO of the
experiment, the rule here is:

1. autoencoder: D <= H^ / 12. Next to nothing of the image is lost. On static MNIST (H^ = 80.2) the bound is 6.7 nats;
   of the paper's runs the autoencoder has D = 4.8, and the one after it, a syntactic encoder, 8.1.
2. autodecoder: R < 2 log K. The code has fewer nats than twice what it takes to name the class, 4.6 for ten digits.
   The paper's autodecoders have R from 0 to 2.8, its semantic encoders from 6.0 on.
3. semantic encoder: R < 4 log K, 9.2 nats for ten digits, and the class can be read from the code. The paper's have R
   up to 8.3; the run at 10.5 is none to it, but a "model mismatch".
4. syntactic encoder: R >= 4 log K. The code has room for the class and for how it is written. The paper's have R from
   24.0 to 120.3.

The first that applies counts. The class can be read if a linear probe errs at most half as often as a guess among K
classes does: from an accuracy of (1 + 1 / K) / 2 on, 55 % for ten. A run of the rates of 3 whose class cannot be read
has no category: its code holds something other than the class, for which the paper has no word.

The words are about the class, so no run has a category where that is unknown: without labels, without the probe, or
where the labels do not say what an image shows (`rdplane.declare.kinds.Dataset`, `classes`). Omniglot's name the
alphabet of a character. Characters of one alphabet look as different as those of two, so that a code which tells the
alphabet alone would be no semantic encoder; the paper, too, calls runs on Omniglot autodecoding or autoencoding alone.

R counts whether or not it is information: a rate spent on a marginal that does not fit makes a run look like an
encoder. R - I (`rdplane.table.gap`) tells.
"""

import math
from typing import TYPE_CHECKING

from rdplane.declare.registry import declared

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "AUTODECODER", "CATEGORIES", "DISTORTION_SHARE", "SEMANTIC", "category", "has_classes", "rates", "readable",
    "with_category",
]  # fmt: skip

CATEGORIES = ("autoencoder", "syntactic encoder", "semantic encoder", "autodecoder")

DISTORTION_SHARE = 1 / 12  # of the best -ELBO, up to which a distortion makes an autoencoder
AUTODECODER, SEMANTIC = 2, 4  # below so many times log K, the rate of an autodecoder and of a semantic encoder


def rates(classes: float) -> tuple[float, float]:
    """The rates in nats at which semantic and syntactic encoders begin.

    Args:
        classes: K, at least 2.
    """
    return AUTODECODER * math.log(classes), SEMANTIC * math.log(classes)


def readable(classes: float) -> float:
    """The accuracy of a probe from which on it errs at most half as often as a guess among `classes`."""
    return (1 + 1 / classes) / 2


def category(
    rate: float, distortion: float, best_neg_elbo: float, classes: float | None, probe_accuracy: float | None
) -> str:
    """One of `CATEGORIES` for a cell, or '' where none applies (see the module for the rule and its reasons).

    Args:
        rate, distortion: of the cell, nats per image.
        best_neg_elbo: H^, the lowest -ELBO of the experiment, nats per image.
        classes: K, of the labels that the probe reads; None or NaN where it is unknown.
        probe_accuracy: of a linear probe for the class on z, a share of the images; None or NaN likewise.
    """
    if not _known(classes) or not _known(probe_accuracy):
        return ""
    assert classes is not None and probe_accuracy is not None
    semantic, syntactic = rates(classes)
    if distortion <= DISTORTION_SHARE * best_neg_elbo:
        return "autoencoder"
    if rate < semantic:
        return "autodecoder"
    if rate >= syntactic:
        return "syntactic encoder"
    return "semantic encoder" if probe_accuracy >= readable(classes) else ""


def _known(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def has_classes(dataset: str) -> bool:
    """Whether the labels of a dataset, if it has any, say what an image shows."""
    known = declared().datasets.get(dataset)
    return known is None or known.classes


def with_category(table: "pd.DataFrame") -> "pd.DataFrame":
    """An experiment's table (see `rdplane.table.rd.read_table`) with a column `category`, '' where none applies.

    None applies to grey and colour images.
    """
    best = float(table["neg_elbo"].min())
    binary = table["dimensions"].isna()  # the rule was found on binary images; others have nats that no code is for
    runs = zip(
        table["dataset"], binary, table["rate"], table["distortion"], table["probe_classes"], table["probe_accuracy"],
        strict=True,
    )  # fmt: skip
    return table.assign(
        category=[
            category(r, d, best, k, accuracy) if has_classes(name) and two else ""
            for name, two, r, d, k, accuracy in runs
        ]
    )
