"""The simple rules beside a network, and how its scores, with theirs, become probabilities."""

from typing import Final, NamedTuple

import torch
from torch import Tensor

from gatework.data.labels import Classes
from gatework.models.classifier import ClassifierEnsemble
from gatework.tasks.classify import baselines
from gatework.tasks.classify.bags import Bag, PresenceBag
from gatework.tasks.classify.baselines import Baseline
from gatework.tasks.classify.calibration import Calibration, f1_threshold, fit_factors
from gatework.tasks.classify.checks import Checks
from gatework.tasks.classify.settings import ClassifySettings
from gatework.tasks.settings import Choice

_RARE: Final = 0.2
_GAIN: Final = 1.92  # nats that one more number gains by chance in one of twenty cases


class Rule(NamedTuple):
    """A simple rule fitted to everything, and its scores (m, K) on what it did not see, if any."""

    baseline: Baseline
    checked: Tensor | None


def fit_rules(bag: Bag, targets: Tensor, classes: int, checks: Checks | None) -> list[Rule]:
    """Fit the simple rules to the sequences trained on; the majority is last."""
    count = len(targets)
    everything = torch.arange(count)

    def majority(index: Tensor) -> Baseline:
        return baselines.majority(targets[index], classes)

    def naive_bayes(index: Tensor) -> Baseline:
        part = bag.take(index)
        assert isinstance(part, PresenceBag)
        return baselines.naive_bayes(part, targets[index], classes)

    def logistic(index: Tensor) -> Baseline:
        return baselines.logistic(bag.take(index), targets[index], classes, penalty)

    penalty = _choose_penalty(bag, targets, classes, checks)
    fits = [logistic, majority]
    if isinstance(bag, PresenceBag):
        fits.insert(0, naive_bayes)
    return [
        Rule(fit(everything), None if checks is None else checks.rule(fit, count)) for fit in fits
    ]


def _choose_penalty(bag: Bag, targets: Tensor, classes: int, checks: Checks | None) -> float:
    if checks is None:
        return baselines.USUAL

    def loss(penalty: float) -> float:
        def fit(index: Tensor) -> Baseline:
            return baselines.logistic(bag.take(index), targets[index], classes, penalty)

        return float(baselines.loss(*checks.first(fit, len(targets))))

    return min(baselines.PENALTIES, key=loss)


def calibrated_loss(scores: Tensor, targets: Tensor) -> float:
    """Return the loss at the best temperature: how good the order is, however sure they are."""
    (factor,) = fit_factors([scores], targets)
    return float(baselines.loss(factor * scores.double(), targets))


def calibrate(
    model: ClassifierEnsemble,
    rules: list[Rule],
    checks: Checks | None,
    classes: Classes,
    targets: Tensor,
    settings: ClassifySettings,
) -> tuple[Calibration, tuple[Baseline, ...], list[Choice]]:
    """Fit factors and thresholds on what was not trained on.

    Returns:
        The calibration; the rules, of which the one that is mixed in comes first; and why.
    """
    fitted = [rule.baseline for rule in rules]
    if checks is None:
        return Calibration(several=classes.several), tuple(fitted), []
    truth, network = checks.truth, checks.network(model)
    (factor,) = fit_factors([network], truth)
    found = Calibration(factor, 0.0, factor, classes.several)
    choices, mixed = [], factor * network.double()
    if settings.blend:
        alone = float(baselines.loss(mixed, truth))
        tried = []
        for place, rule in enumerate(rules[:-1]):
            assert rule.checked is not None
            first, second = fit_factors([network, rule.checked], truth)
            scores = first * network.double() + second * rule.checked.double()
            tried.append((float(baselines.loss(scores, truth)), place, first, second, scores))
        low, place, first, second, scores = min(tried, key=lambda each: each[0])
        name = "nothing"
        if second > 0 and (alone - low) * truth.numel() > _GAIN:
            name, mixed = fitted[place].name, scores
            found = found._replace(network=first, baseline=second)
            fitted = [fitted[place], *fitted[:place], *fitted[place + 1 :]]
        reason = f"log loss of what was not trained on {low:.3f}, of the network alone {alone:.3f}"
        choices.append(Choice("mixed in", name, reason))
    found, more = _with_thresholds(found, mixed, truth, targets, settings)
    return found, tuple(fitted), choices + more


def _with_thresholds(
    calibration: Calibration,
    scores: Tensor,
    truth: Tensor,
    targets: Tensor,
    settings: ClassifySettings,
) -> tuple[Calibration, list[Choice]]:
    several, classes = calibration.several, scores.shape[1]
    if not several and classes != 2:
        return calibration, []
    share = targets.mean(0) if several else torch.bincount(targets, minlength=2) / len(targets)
    wanted, choices = settings.threshold, []
    rarest = float(share.min())
    if wanted is None:
        wanted = "f1" if rarest < _RARE else "half"
        choices.append(Choice("threshold", wanted, f"the rarest class is {rarest:.1%} of all"))
    if wanted == "half":
        return calibration, choices
    if several:
        p = torch.sigmoid(scores).numpy()
        each = [f1_threshold(p[:, k], truth[:, k].numpy()) for k in range(classes)]
        return calibration._replace(thresholds=tuple(each)), choices
    rare = int(share.argmin())
    p = torch.softmax(scores, 1).numpy()
    at = f1_threshold(p[:, rare], (truth == rare).numpy())
    thresholds = (at, 1 - at) if rare == 0 else (1 - at, at)
    return calibration._replace(thresholds=thresholds), choices
