"""What a linear classifier reads out of the code."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import Tensor

from rdplane.measures.codes import encode
from rdplane.measures.estimate import Estimate
from rdplane.models import VAE

__all__ = ["cross_validated_accuracy", "probe_accuracy"]


@torch.no_grad()
def probe_accuracy(model: VAE, images: Tensor, labels: NDArray[np.int64], folds: int, seed: int) -> Estimate | None:
    """Cross-validated accuracy of logistic regression on one z ~ e(z|x) an image.

    On a draw, not on the posterior mean: standardised, the mean of a code at R = 0 would still give the class away,
    through differences that drown in the code's noise and that no decoder sees. Of a draw, the label can be known no
    better than I(X; Z) <= R allows.

    Arguments:
        images: (N, H, W) of any dtype.
        labels: (N,).
        folds, seed: see `cross_validated_accuracy`.

    Returns:
        Share of images and its standard error; None if the labels allow no cross-validation.
    """
    codes = model.encoder.draw(*encode(model, images)).z
    return cross_validated_accuracy(codes.cpu().double().numpy(), labels, folds, seed)


def cross_validated_accuracy(
    codes: NDArray[np.float64], labels: NDArray[np.int64], folds: int, seed: int
) -> Estimate | None:
    """Share of codes (N, L) whose label a logistic regression trained on the other folds predicts.

    Features are standardised on the training folds, regularisation is scikit-learn's default (L2, C = 1), folds hold
    all classes alike. The standard error is binomial, sqrt(p (1 - p) / N) with p one success and one failure short of
    certain: an accuracy of 0 or 1 on N images is not known exactly.

    Returns:
        None if there are fewer than two classes, or one with fewer images than folds.
    """
    counts = np.unique(labels, return_counts=True)[1]
    if len(counts) < 2 or counts.min() < folds:
        return None
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    with threadpool_limits(1):  # the problems are too small to gain from more
        predicted = cross_val_predict(probe, codes, labels, cv=StratifiedKFold(folds, shuffle=True, random_state=seed))
    hits, count = int((predicted == labels).sum()), len(labels)
    p = (hits + 1) / (count + 2)
    return Estimate(hits / count, math.sqrt(p * (1 - p) / count))
