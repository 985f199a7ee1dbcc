"""What weights are chosen and probabilities calibrated on: sequences not trained on.

Either a part of their own, or, with several networks, for each network another tenth that it never
sees: then the networks together still learn from everything, as in the forecaster.
"""

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from gatework.models.classifier import ClassifierEnsemble
from gatework.tasks.classify import splits
from gatework.tasks.classify.bags import Bag
from gatework.tasks.classify.baselines import Baseline
from gatework.tasks.classify.encoding import Encoded
from gatework.tasks.classify.fitted import network_scores

Fit = Callable[[Tensor], Baseline]  # from the places of sequences to a rule fitted on them


class Checks(abc.ABC):
    """m sequences, of which scores can be had from networks and rules that did not see them."""

    truth: Tensor

    @abc.abstractmethod
    def network(self, model: ClassifierEnsemble) -> Tensor:
        """Return (m, K) the scores of networks that did not see the sequences."""

    @abc.abstractmethod
    def rule(self, fit: Fit, count: int) -> Tensor:
        """Return (m, K) the scores of a rule fitted to those of `count` sequences it may see."""

    @abc.abstractmethod
    def first(self, fit: Fit, count: int) -> tuple[Tensor, Tensor]:
        """Return scores of a rule on a part of the sequences, fitted but once, and the truth."""


@final
@dataclass(frozen=True, eq=False)
class Apart(Checks):
    """Sequences of their own.

    Args:
        encoded: The sequences.
        truth: (m,) their classes, or (m, K).
    """

    encoded: Encoded
    truth: Tensor

    def network(self, model: ClassifierEnsemble) -> Tensor:
        """Return (m, K)."""
        return network_scores(model, self.encoded)

    def rule(self, fit: Fit, count: int) -> Tensor:
        """Return (m, K)."""
        return fit(torch.arange(count)).scores(self.encoded.bag)

    def first(self, fit: Fit, count: int) -> tuple[Tensor, Tensor]:
        """Return (m, K) and the truth."""
        return self.rule(fit, count), self.truth


@final
@dataclass(frozen=True, eq=False)
class LeftOut(Checks):
    """Of the sequences trained on, those that each network leaves out.

    Args:
        encoded: All sequences.
        targets: Their classes.
        held: For each network the places of those it leaves out.
    """

    encoded: Encoded
    targets: Tensor
    held: tuple[Tensor, ...]

    @property
    def truth(self) -> Tensor:  # type: ignore[override]
        """(m,) or (m, K)."""
        return self.targets[torch.cat(self.held)]

    @property
    def trains(self) -> Tensor:
        """(members, n) bool which sequences each network is trained on."""
        mask = torch.ones(len(self.held), len(self.targets), dtype=torch.bool)
        for row, held in zip(mask, self.held, strict=True):
            row[held] = False
        return mask

    def network(self, model: ClassifierEnsemble) -> Tensor:
        """Return (m, K)."""
        pairs = zip(model.members, self.held, strict=True)
        return torch.cat([network_scores(member, self.encoded, held) for member, held in pairs])

    def rule(self, fit: Fit, count: int) -> Tensor:
        """Return (m, K)."""
        return torch.cat([self._scores(fit, place) for place in range(len(self.held))])

    def first(self, fit: Fit, count: int) -> tuple[Tensor, Tensor]:
        """Return the scores on what the first network leaves out, and the truth of those."""
        return self._scores(fit, 0), self.targets[self.held[0]]

    def _scores(self, fit: Fit, place: int) -> Tensor:
        seen = self.trains[place].nonzero().flatten()
        return fit(seen).scores(self._bag.take(self.held[place]))

    @property
    def _bag(self) -> Bag:
        return self.encoded.bag


def left_out(
    encoded: Encoded,
    targets: Tensor,
    groups: np.ndarray,
    *,
    members: int,
    share: float,
    seed: int,
) -> LeftOut:
    """Choose for each of several networks another part, stratified, of about `share`."""
    count = min(max(round(1 / share), members), len(groups))
    generator = np.random.default_rng(seed)
    parts = [torch.from_numpy(held) for _, held in splits.folds(groups, count, generator)]
    return LeftOut(encoded, targets, tuple(parts[:members]))
