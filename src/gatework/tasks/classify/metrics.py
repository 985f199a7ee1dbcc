"""How good labels and probabilities are. Probabilities (n, K); targets (n,), -1 never right."""

from typing import NamedTuple

import numpy as np

TINY = 1e-12


class Curve(NamedTuple):
    """Points of a curve, (m,) each."""

    x: np.ndarray
    y: np.ndarray


class Reliability(NamedTuple):
    """By bin of confidence: mean confidence, share that was right, and how many; (bins,) each."""

    confidence: np.ndarray
    right: np.ndarray
    count: np.ndarray


def accuracy(predicted: np.ndarray, targets: np.ndarray) -> float:
    """Return the share of sequences whose label, or whole set of labels, is right.

    Example:
        >>> accuracy(np.array([0, 1, 1]), np.array([0, 1, 0]))
        0.6666666666666666
    """
    if targets.ndim == 2:
        return float((predicted == targets).all(1).mean())
    return float((predicted == targets).mean())


def confusion(predicted: np.ndarray, targets: np.ndarray, classes: int) -> np.ndarray:
    """Return (K, K) counts: rows are the true class, columns the predicted one; -1 is left out."""
    known = targets >= 0
    flat = targets[known] * classes + predicted[known]
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


class ClassScores(NamedTuple):
    """Of each class, (K,) each: precision, recall, F1 and how many there are. NaN is undefined."""

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    count: np.ndarray


def by_class(predicted: np.ndarray, targets: np.ndarray, classes: int) -> ClassScores:
    """Score each class for itself.

    Example:
        >>> by_class(np.array([0, 1, 1]), np.array([0, 1, 0]), 2).recall.tolist()
        [0.5, 1.0]
    """
    if targets.ndim == 1:
        said = np.stack([predicted == k for k in range(classes)], 1)
        true = np.stack([targets == k for k in range(classes)], 1)
    else:
        said, true = predicted.astype(bool), targets.astype(bool)
    hits = (said & true).sum(0).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = hits / said.sum(0)
        recall = hits / true.sum(0)
        f1 = 2 * hits / (said.sum(0) + true.sum(0))
    return ClassScores(precision, recall, f1, true.sum(0))


def macro_f1(predicted: np.ndarray, targets: np.ndarray, classes: int) -> float:
    """Return the mean F1 of the classes that are there or were predicted."""
    f1 = by_class(predicted, targets, classes).f1
    return float(np.nanmean(f1)) if np.isfinite(f1).any() else float("nan")


def log_loss(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean negative log probability of what is true, in nats; of (n, K), a class."""
    p = np.clip(probabilities, TINY, 1.0)
    if targets.ndim == 1:
        known = targets >= 0
        if not known.any():
            return float("nan")
        return float(-np.log(p[known, targets[known]]).mean())
    q = np.clip(1.0 - probabilities, TINY, 1.0)
    return float(-(targets * np.log(p) + (1 - targets) * np.log(q)).mean())


def auroc(score: np.ndarray, positive: np.ndarray) -> float:
    """Return the chance that a positive has a higher score than a negative; ties count half.

    Example:
        >>> auroc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
        0.75
    """
    positive = positive.astype(bool)
    ups, downs = int(positive.sum()), int((~positive).sum())
    if not ups or not downs:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[positive].sum() - ups * (ups + 1) / 2) / (ups * downs))


def roc(score: np.ndarray, positive: np.ndarray) -> Curve:
    """Return the false and true positive rates as the threshold falls."""
    hits, falls = _counts(score, positive)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Curve(
            np.concatenate([[0.0], falls / falls[-1]]), np.concatenate([[0.0], hits / hits[-1]])
        )


def precision_recall(score: np.ndarray, positive: np.ndarray) -> Curve:
    """Return recall and precision as the threshold falls."""
    hits, falls = _counts(score, positive)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Curve(hits / hits[-1], hits / (hits + falls))


def average_precision(score: np.ndarray, positive: np.ndarray) -> float:
    """Return the area under the precision-recall curve, as the sum of steps (AUPRC).

    Example:
        >>> round(average_precision(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1])), 4)
        0.8333
    """
    if not positive.astype(bool).any():
        return float("nan")
    curve = precision_recall(score, positive)
    return float((np.diff(curve.x, prepend=0.0) * curve.y).sum())


def _counts(score: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many positives and negatives score at least each score, the highest score first."""
    order = np.argsort(-score, kind="stable")
    ranked = positive.astype(bool)[order]
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    return np.cumsum(ranked)[ends].astype(float), np.cumsum(~ranked)[ends].astype(float)


def reliability(probabilities: np.ndarray, targets: np.ndarray, *, bins: int = 10) -> Reliability:
    """Sort answers into bins of their confidence and see how many were right in each.

    Of one label a sequence, the confidence is that in the likeliest class; of several at once,
    every class of every sequence is an answer.
    """
    if targets.ndim == 1:
        sure, right = probabilities.max(1), probabilities.argmax(1) == targets
    else:
        sure = np.maximum(probabilities, 1 - probabilities).ravel()
        right = ((probabilities > 0.5) == (targets > 0.5)).ravel()
    place = np.minimum((sure * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        confidence = np.bincount(place, sure, bins) / count
        share = np.bincount(place, right, bins) / count
    return Reliability(confidence, share, count)


def calibration_error(probabilities: np.ndarray, targets: np.ndarray, *, bins: int = 10) -> float:
    """Return the mean distance of confidence and correctness over the bins (Guo et al. 2017)."""
    found = reliability(probabilities, targets, bins=bins)
    full = found.count > 0
    if not full.any():
        return float("nan")
    gaps = np.abs(found.confidence[full] - found.right[full])
    return float((gaps * found.count[full]).sum() / found.count.sum())


def brier(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean squared distance of the probabilities from what is true (Brier 1950)."""
    if targets.ndim == 1:
        truth = np.zeros_like(probabilities)
        known = targets >= 0
        truth[np.flatnonzero(known), targets[known]] = 1
        return float(((probabilities - truth) ** 2).sum(1).mean())
    return float(((probabilities - targets) ** 2).mean())
