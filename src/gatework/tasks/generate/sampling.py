"""From what a network says of the next token to one token: the ways of drawing it.

Knows arrays of logits, and nothing of networks or text. All sums are in float64, so that the number
of threads that made them does not decide between two tokens.
"""

from collections.abc import Sequence
from typing import Final, final

import numpy as np

from gatework.tasks.generate.settings import Sampling

REPEAT_WINDOW: Final = 64  # tokens that a repetition is looked for in


@final
class Sampler:
    """Draws tokens for B streams.

    Args:
        sampling: How.
        streams: B.
        barred: Tokens that are never drawn.

    Example:
        >>> sampler = Sampler(Sampling(temperature=0), 2)
        >>> sampler.draw(np.array([[0.0, 0, 3, 1], [0, 0, 1, 2]])).tolist()
        [2, 3]
    """

    def __init__(self, sampling: Sampling, streams: int, barred: Sequence[int] = ()) -> None:
        self._how, self._barred = sampling, list(barred)
        self._rows = np.arange(streams)
        self._random = np.random.Generator(np.random.Philox(sampling.seed))
        self._recent = np.full((REPEAT_WINDOW, streams), -1)
        self._drawn = 0
        self._filters = not sampling.top_k == sampling.top_p == sampling.typical

    def draw(self, logits: np.ndarray) -> np.ndarray:
        """Return (B,) int64 tokens.

        Args:
            logits: (B, V) float64, which is overwritten.
        """
        how = self._how
        logits[:, self._barred] = -np.inf
        if how.repetition_penalty != 1:
            self._penalise(logits)
        if how.temperature == 0:
            return self._remember(logits.argmax(1))
        logits -= logits.max(1, keepdims=True)
        if how.temperature != 1:
            logits /= how.temperature
        chances = np.exp(logits, out=logits)
        if self._filters:
            chances /= chances.sum(1, keepdims=True)
            if how.top_k is not None:
                _keep_largest(chances, how.top_k)
            if how.top_p is not None:
                _keep_mass(chances, -chances, how.top_p)
            if how.typical is not None:
                _keep_mass(chances, _strangeness(chances), how.typical)
        edges = chances.cumsum(1, out=chances)
        aims = self._random.random(len(edges)) * edges[:, -1]
        if len(edges) == 1:
            drawn = edges[0].searchsorted(aims, "right")
        else:
            drawn = (edges <= aims[:, None]).sum(1)
        return self._remember(drawn)

    def _penalise(self, logits: np.ndarray) -> None:
        repeated = np.zeros(logits.shape, bool)
        steps, streams = (self._recent >= 0).nonzero()
        repeated[streams, self._recent[steps, streams]] = True
        penalty = self._how.repetition_penalty
        logits[repeated] *= np.where(logits[repeated] > 0, 1 / penalty, penalty)

    def _remember(self, drawn: np.ndarray) -> np.ndarray:
        self._recent[self._drawn % REPEAT_WINDOW] = drawn
        self._drawn += 1
        return drawn


def _keep_largest(chances: np.ndarray, count: int) -> None:
    """Leave the `count` largest of each row; of equals at the edge, all."""
    if count < chances.shape[1]:
        edge = np.partition(chances, -count, 1)[:, -count, None]
        chances[chances < edge] = 0


def _keep_mass(chances: np.ndarray, rank: np.ndarray, mass: float) -> None:
    """Leave of each row the first in order of `rank` that have `mass` of it together."""
    order = rank.argsort(1, kind="stable")
    before = np.take_along_axis(chances, order, 1).cumsum(1)
    limit = mass * before[:, -1:]
    cut = np.ones_like(before, bool)
    cut[:, 0] = False
    cut[:, 1:] = before[:, :-1] >= limit
    np.put_along_axis(chances, order, np.where(cut, 0, np.take_along_axis(chances, order, 1)), 1)


def _strangeness(chances: np.ndarray) -> np.ndarray:
    """How far the surprise of each token is from the expected one."""
    shares = chances / chances.sum(1, keepdims=True)
    surprise = -np.log(np.where(shares > 0, shares, 1))
    expected = (shares * surprise).sum(1, keepdims=True)
    return np.where(shares > 0, np.abs(surprise - expected), np.inf)
