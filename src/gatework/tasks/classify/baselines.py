"""The simple rules that a network has to beat: all are linear in a bag, and quick to fit.

The majority says the most frequent class. Naive Bayes counts words and pairs (Wang & Manning 2012:
with pairs it is hard to beat on short texts). Logistic regression weighs them, or the summaries.
"""

from typing import Final, NamedTuple, final

import torch
from torch import Tensor
from torch.nn import functional

from gatework.tasks.classify.bags import Bag, PresenceBag

PENALTIES: Final = (1e-3, 1e-2, 1e-1)
USUAL: Final = 1e-2
_STEPS: Final = 200


@final
class Baseline(NamedTuple):
    """Scores that are linear in a bag: as logarithms of probabilities, up to a constant.

    weight is (F, K) and bias (K,), float32; F is 0 for the majority.
    """

    name: str
    weight: Tensor
    bias: Tensor

    def scores(self, bag: Bag) -> Tensor:
        """Return (n, K)."""
        if not len(self.weight):
            return self.bias.expand(len(bag), -1)
        return bag.times(self.weight) + self.bias


def majority(targets: Tensor, classes: int) -> Baseline:
    """Fit the rule that knows the shares of the classes and nothing else."""
    return Baseline("majority", torch.zeros(0, classes), _prior(targets, classes))


def naive_bayes(bag: PresenceBag, targets: Tensor, classes: int) -> Baseline:
    """Fit multinomial naive Bayes on which features are there, each count begun at one.

    For several classes at once, each class is told from its absence.
    """
    if targets.dim() == 1:
        logs = _log_shares(bag, functional.one_hot(targets, classes).float())
        return Baseline("naive-bayes", logs, _prior(targets, classes))
    ratio = _log_shares(bag, targets) - _log_shares(bag, 1 - targets)
    return Baseline("naive-bayes", ratio, _prior(targets, classes))


def _log_shares(bag: PresenceBag, members: Tensor) -> Tensor:
    """(F, K) log share of each feature among all those of the rows of each class."""
    owners = torch.repeat_interleave(torch.arange(len(bag)), bag.ones.lengths)
    counts = torch.ones(bag.size, members.shape[1])
    counts.index_add_(0, bag.ones.values, members[owners])
    return torch.log(counts / counts.sum(0))


def _prior(targets: Tensor, classes: int) -> Tensor:
    if targets.dim() == 2:
        share = (targets.sum(0) + 1) / (len(targets) + 2)
        return torch.log(share / (1 - share))
    counts = torch.bincount(targets, minlength=classes).float() + 1
    return torch.log(counts / counts.sum())


def logistic(bag: Bag, targets: Tensor, classes: int, penalty: float) -> Baseline:
    """Fit logistic regression: multinomial, or one a class where a row can be of several.

    The penalty is on the mean loss, times half the squared weights. By accelerated gradient descent
    (Nesterov 1983), with steps as long as the curvature allows.
    """
    weight, bias = torch.zeros(bag.size, classes), _prior(targets, classes)
    several = targets.dim() == 2
    wanted = targets if several else functional.one_hot(targets, classes).float()
    step = 1 / (_curvature(bag, wanted) + penalty)
    ahead, ahead_bias, before, before_bias = weight, bias, weight, bias
    for number in range(_STEPS):
        scores = bag.times(ahead) + ahead_bias
        share = torch.sigmoid(scores) if several else torch.softmax(scores, 1)
        error = (share - wanted) / len(wanted)
        weight = ahead - step * (_transposed(bag, error) + penalty * ahead)
        bias = ahead_bias - step * error.sum(0)
        momentum = number / (number + 3)
        ahead = weight + momentum * (weight - before)
        ahead_bias = bias + momentum * (bias - before_bias)
        before, before_bias = weight, bias
    return Baseline("logistic", weight, bias)


def loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the mean negative log likelihood of (n,) classes, or of (n, K) zeros and ones."""
    if targets.dim() == 1:
        return functional.cross_entropy(scores, targets)
    return functional.binary_cross_entropy_with_logits(scores, targets.to(scores.dtype))


def _transposed(bag: Bag, error: Tensor) -> Tensor:
    """(F, K) the transposed bag times (n, K)."""
    if isinstance(bag, PresenceBag):
        owners = torch.repeat_interleave(torch.arange(len(bag)), bag.ones.lengths)
        out = error.new_zeros(bag.size, error.shape[1])
        return out.index_add_(0, bag.ones.values, error[owners])
    return bag.rows.T.to(error.dtype) @ error  # type: ignore[attr-defined]


def _curvature(bag: Bag, like: Tensor) -> float:
    """Bound the largest curvature of the loss: half the largest eigenvalue of X'X / n, bias too."""
    generator = torch.Generator().manual_seed(0)
    vector = torch.rand(bag.size, 1, generator=generator)
    value = 1.0
    for _ in range(20):
        vector = vector / vector.norm().clamp_min(1e-12)
        vector = _transposed(bag, bag.times(vector)) / len(like)
        value = float(vector.norm())
    return 0.5 * (1.1 * value + 1.0)
