"""What the code tells about the class, in nats: a lower bound on I(Y; Z) from a calibrated linear classifier.

For any density q(y|z) that is made without the image in question (Barber and Agakov 2003)

    I(Y; Z) >= H(Y) + E[log q(y|z)] = E[log q(y|z) - log p(y)].

Accuracy asks whether the right class comes first; this asks how much probability it gets. A classifier that is too sure
of itself pays for it without limit, so q must be calibrated: logistic regression is regularised as strongly as held-out
parts of its own training images ask for, from so strong that only the classes' shares are left. Nothing is clipped.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import Tensor

from rdplane.declare import Column, Measure
from rdplane.evaluate.codes import encode
from rdplane.evaluate.estimate import Estimate, average
from rdplane.evaluate.given import Given, Numbers

if TYPE_CHECKING:
    from rdplane.models.vae import VAE

__all__ = ["PENALTIES", "entropy_of", "label_information", "measure", "of_codes"]

MEASURE = Measure(
    name="label_information",
    title="information about the class",
    computes="measure",
    columns=(
        Column(
            "label_information",
            "lower bound on I(Y; Z), what one draw of z tells about the class: H(Y) less the log loss of a calibrated "
            "linear classifier on images held out; below 0 by chance",
            error=True,
        ),
        Column("label_entropy", "H(Y) of the classes among these images: the bound cannot pass it"),
    ),
    keys=("probe_images", "probe_folds", "seed"),
    off="probe_images",
    labels=True,
    place=4,
)

PENALTIES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
"""scikit-learn's C, one over the L2 penalty, the strongest first: that leaves the shares of the classes alone."""

_INNER = 3  # folds of the training images that choose among them


@torch.no_grad()
def label_information(
    model: "VAE", images: Tensor, labels: NDArray[np.int64], folds: int, seed: int
) -> Estimate | None:
    """Lower bound on I(Y; Z) from one z ~ e(z|x) per image: what `rdplane.evaluate.probe` reads, in nats.

    Args:
        images: (N, H, W[, 3]) as stored, levels of any type.
        labels: (N,) classes.
        folds, seed: of the cross-validation.

    Returns:
        Nats an image and standard error; None if the labels allow no cross-validation.
    """
    codes = model.encoder.draw(*encode(model, images)).z
    return of_codes(codes.cpu().double().numpy(), labels, folds, seed)


def of_codes(codes: NDArray[np.float64], labels: NDArray[np.int64], folds: int, seed: int) -> Estimate | None:
    """Mean of log q(y|z) - log p(y) over codes, each read by a classifier that was trained on the other folds.

    p(y) is the share of the class among all labels: H(Y) is then rather too low, so the bound keeps holding. The folds
    are those of the accuracy (`rdplane.evaluate.probe.cross_validated_accuracy`); the labels of a fold take no part in
    the classifier that reads it, nor in the choice of its penalty.

    Args:
        codes: (N, L).
        labels: (N,) classes.
        folds: of the cross-validation.
        seed: of the choice of folds.

    Returns:
        Nats an image, with s / sqrt(N) of the paired terms as standard error; None if codes have no dimensions, if
        there are fewer than two classes, or if one has fewer images than folds.
    """
    classes, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if not codes.shape[1] or len(classes) < 2 or counts.min() < folds:
        return None
    terms = -np.log(counts / len(labels))[places]
    with threadpool_limits(1):  # the problems are too small to gain from more
        for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(codes, places):
            scaler = StandardScaler().fit(codes[train])
            probe = _trained(scaler.transform(codes[train]), places[train], seed)
            terms[test] += _log_q(probe, scaler.transform(codes[test]), places[test])
    return average(torch.from_numpy(terms))


def entropy_of(labels: NDArray[np.int64]) -> float:
    """H(Y) of the shares of classes among labels (N,), nats."""
    shares = np.unique(labels, return_counts=True)[1] / len(labels)
    return float(-(shares * np.log(shares)).sum())


def _trained(codes: NDArray[np.float64], labels: NDArray[np.int64], seed: int) -> LogisticRegression:
    """A classifier of these codes (n, L), with the penalty of least log loss on inner folds of them."""
    chosen = _penalty(codes, labels, seed)
    return LogisticRegression(C=chosen, max_iter=1000).fit(codes, labels)


def _penalty(codes: NDArray[np.float64], labels: NDArray[np.int64], seed: int) -> float:
    """The chosen one of `PENALTIES`: weaker ones are tried for as long as the log loss falls.

    Each classifier begins where the last one ended, so that all together cost little more than one. Where a class is
    too rare to be held out, the strongest penalty is left.
    """
    inner = min(_INNER, int(np.unique(labels, return_counts=True)[1].min()))
    if inner < 2:
        return PENALTIES[0]
    splits = list(StratifiedKFold(inner, shuffle=True, random_state=seed).split(codes, labels))
    probes = [LogisticRegression(max_iter=1000, warm_start=True) for _ in splits]
    best, chosen = -np.inf, PENALTIES[0]
    for penalty in PENALTIES:
        found = 0.0
        for probe, (train, test) in zip(probes, splits, strict=True):
            probe.set_params(C=penalty).fit(codes[train], labels[train])
            found += _log_q(probe, codes[test], labels[test]).sum()
        if found <= best:
            break
        best, chosen = found, penalty
    return chosen


def _log_q(probe: LogisticRegression, codes: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """log q(y|z) (n,) of labels, numbered from 0 on, each among those that the classifier knows."""
    logits = probe.decision_function(codes)
    if logits.ndim == 1:  # of two classes: log q(1|z) / q(0|z)
        logits = np.column_stack((np.zeros_like(logits), logits))
    found: NDArray[np.float64] = log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    return found


def measure(given: Given) -> Numbers:
    """The bound, from the images and draws of the probe for the class, and the entropy of their labels."""
    assert given.labels is not None  # as the declaration asks for
    chosen = given.choose(given.settings["probe_images"])
    labels, folds = given.labels[chosen.numpy()], given.settings["probe_folds"]
    found = label_information(given.model, given.images[chosen], labels, folds, given.settings["seed"])
    return {"label_information": found, "label_entropy": None if found is None else entropy_of(labels)}
