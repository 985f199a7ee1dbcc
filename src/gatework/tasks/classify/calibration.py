"""From scores to probabilities that hold, and from those to labels.

The network's scores are scaled by one number (temperature; Guo et al. 2017, arXiv:1706.04599), and
those of the simple baseline are added, weighed by another. Both numbers are the likeliest on the
validation part, which neither was fitted on; the likelihood has one peak, so Newton finds it.
"""

from typing import Final, NamedTuple, final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gatework.tasks.classify import metrics

_ROUNDS: Final = 50
_PRIOR: Final = 1.0  # as strong as one sequence: few sequences move the numbers little
_LEAST: Final = 0.02


@final
class Calibration(NamedTuple):
    """How scores become probabilities and labels.

    Args:
        network: Factor on the network's scores.
        baseline: Factor on the baseline's; 0 leaves it out.
        alone: Factor on the network's scores where no baseline is mixed in.
        several: Whether each class has a probability of its own.
        thresholds: (K,) from which probability each class is said, where that is not simply the
            likeliest one (or, of several, above one half).
    """

    network: float = 1.0
    baseline: float = 0.0
    alone: float = 1.0
    several: bool = False
    thresholds: tuple[float, ...] | None = None

    def probabilities(self, network: Tensor, baseline: Tensor | None) -> np.ndarray:
        """Return (n, K) float64 from scores (n, K)."""
        scores = self.network * network.double()
        if baseline is not None and self.baseline:
            scores = scores + self.baseline * baseline.double()
        return (torch.sigmoid(scores) if self.several else torch.softmax(scores, 1)).numpy()

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Return (n,) classes, or of several at once (n, K) zeros and ones."""
        if self.several:
            return (probabilities >= np.array(self.thresholds or 0.5)).astype(np.int64)
        if self.thresholds is None:
            return probabilities.argmax(1)
        # The class that passes its own threshold by the largest factor.
        return (probabilities / np.array(self.thresholds)).argmax(1)


def fit_factors(parts: list[Tensor], targets: Tensor) -> list[float]:
    """Return the factors, none below 0, under which the sum of scores is likeliest.

    Args:
        parts: Scores (n, K) each; the first is kept near 1 and the others near 0 by a weak prior.
        targets: (n,) classes, or (n, K) zeros and ones.
    """
    features = torch.stack(parts, -1).double()
    prior = torch.zeros(len(parts), dtype=torch.float64)
    prior[0] = 1.0
    lowest = torch.zeros_like(prior)
    lowest[0] = _LEAST
    factors = prior.clone()
    best = _cost(features, targets, factors, prior)
    for _ in range(_ROUNDS):
        gradient, curvature = _slopes(features, targets, factors, prior)
        # A factor at its bound that would go below it is left out of the step.
        free = (factors > lowest) | (gradient < 0)
        if not free.any():
            break
        move = torch.zeros_like(factors)
        move[free] = torch.linalg.solve(curvature[free][:, free], gradient[free])
        length = 1.0
        while length > 1e-6:
            tried = torch.maximum(factors - length * move, lowest)
            cost = _cost(features, targets, tried, prior)
            if cost < best:
                break
            length /= 2
        else:
            break
        gained, best, factors = best - cost, cost, tried
        if gained < 1e-10:
            break
    return factors.tolist()


def _cost(features: Tensor, targets: Tensor, factors: Tensor, prior: Tensor) -> float:
    scores = features @ factors
    if targets.dim() == 1:
        total = functional.cross_entropy(scores, targets, reduction="sum")
    else:
        total = functional.binary_cross_entropy_with_logits(
            scores, targets.double(), reduction="sum"
        )
    return float(total + 0.5 * _PRIOR * (factors - prior).square().sum())


def _slopes(
    features: Tensor, targets: Tensor, factors: Tensor, prior: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradient (P,) and curvature (P, P) of the cost."""
    scores = features @ factors
    eye = _PRIOR * torch.eye(len(factors), dtype=torch.float64)
    if targets.dim() == 1:
        share = torch.softmax(scores, 1)
        wanted = functional.one_hot(targets, scores.shape[1])
        mean = (share[..., None] * features).sum(1)
        spread = torch.einsum("nk,nkp,nkq->pq", share, features, features) - mean.T @ mean
    else:
        share, wanted = torch.sigmoid(scores), targets
        spread = torch.einsum("nk,nkp,nkq->pq", share * (1 - share), features, features)
    gradient = torch.einsum("nk,nkp->p", share - wanted, features) + _PRIOR * (factors - prior)
    return gradient, spread + eye


def f1_threshold(score: np.ndarray, positive: np.ndarray) -> float:
    """Return the threshold on a probability at which F1 is best; one half if nothing is positive.

    It lies half way to the next lower score, so that it is no score itself.

    Example:
        >>> f1_threshold(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 0, 1, 1])).__round__(2)
        0.25
    """
    if not positive.astype(bool).any():
        return 0.5
    curve = metrics.precision_recall(score, positive)
    with np.errstate(invalid="ignore"):
        f1 = np.nan_to_num(2 * curve.x * curve.y / (curve.x + curve.y))
    levels = np.unique(score)[::-1]
    best = int(f1.argmax())
    below = levels[best + 1] if best + 1 < len(levels) else 0.0
    return float(np.clip((levels[best] + below) / 2, 1e-6, 1 - 1e-6))
