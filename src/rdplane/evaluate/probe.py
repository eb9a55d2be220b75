"""What a linear classifier reads out of the code."""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import Tensor

from rdplane.declare import Column, Key, Measure, Whole, ZeroOr
from rdplane.evaluate.codes import encode
from rdplane.evaluate.estimate import Estimate
from rdplane.evaluate.given import Given, Numbers

if TYPE_CHECKING:
    from rdplane.models.vae import VAE

__all__ = ["cross_validated_accuracy", "measure", "probe_accuracy"]

MEASURE = Measure(
    name="probe",
    title="linear probe for the class",
    computes="measure",
    columns=(
        Column(
            "probe_accuracy",
            "images whose class a linear classifier reads out of one draw of z",
            unit="share",
            error=True,
        ),
        Column("probe_classes", "classes K among these images; a guess is right for about 1 / K of them", "", "int64"),
    ),
    keys=(
        Key("probe_images", ZeroOr(2), 2000, "labelled images for the linear probe of the class on z; 0: off"),
        Key("probe_folds", Whole(2), 5, "folds of its cross-validation"),
        "seed",
    ),
    off="probe_images",
    labels=True,
    place=4,
)


@torch.no_grad()
def probe_accuracy(model: "VAE", images: Tensor, labels: NDArray[np.int64], folds: int, seed: int) -> Estimate | None:
    """Cross-validated accuracy of logistic regression on one z ~ e(z|x) per image.

    It reads a draw, not the posterior mean: even at R = 0 the standardised means give the class away, by differences
    that drown in the code's noise and that no decoder sees. From a draw, the class can be known no better than
    I(X; Z) <= R allows.

    Args:
        images: (N, H, W[, 3]) as stored, levels of any type.
        labels: (N,) classes.
        folds, seed: see `cross_validated_accuracy`.

    Returns:
        Share of images and its standard error; None if the labels allow no cross-validation.
    """
    codes = model.encoder.draw(*encode(model, images)).z
    return cross_validated_accuracy(codes.cpu().double().numpy(), labels, folds, seed)


def cross_validated_accuracy(
    codes: NDArray[np.float64], labels: NDArray[np.int64], folds: int, seed: int
) -> Estimate | None:
    """Share of codes whose label a logistic regression trained on the other folds predicts.

    Features are standardised on the training folds; regularisation is scikit-learn's default (L2, C = 1); folds hold
    all classes alike. The standard error is binomial, sqrt(p (1 - p) / N), with one success and one failure added in p:
    an accuracy of 0 or 1 on N images is not known exactly.

    Args:
        codes: (N, L).
        labels: (N,) classes.
        folds: of the cross-validation.
        seed: of the choice of folds.

    Returns:
        The share with its standard error; None if codes have no dimensions, if there are fewer than two classes, or
        if one has fewer images than folds.
    """
    counts = np.unique(labels, return_counts=True)[1]
    if not codes.shape[1] or len(counts) < 2 or counts.min() < folds:
        return None
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    with threadpool_limits(1):  # the problems are too small to gain from more
        predicted = cross_val_predict(probe, codes, labels, cv=StratifiedKFold(folds, shuffle=True, random_state=seed))
    hits, count = int((predicted == labels).sum()), len(labels)
    p = (hits + 1) / (count + 2)
    return Estimate(hits / count, math.sqrt(p * (1 - p) / count))


def measure(given: Given) -> Numbers:
    """Accuracy of the probe, from `probe_images` images at most, and the number of classes that it tells apart."""
    assert given.labels is not None  # as the declaration asks for
    chosen = given.choose(given.settings["probe_images"])
    labels, folds = given.labels[chosen.numpy()], given.settings["probe_folds"]
    accuracy = probe_accuracy(given.model, given.images[chosen], labels, folds, given.settings["seed"])
    return {"probe_accuracy": accuracy, "probe_classes": None if accuracy is None else len(np.unique(labels))}
