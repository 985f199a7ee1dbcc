"""From what a network says of the next token to one token: the ways of drawing it.

Knows arrays of logits, and nothing of networks or text. A draw is the largest of the logits, each
with noise of Gumbel's distribution added (Gumbel 1954; Maddison et al. 2014, "A* sampling"), which
is a draw by their softmax. The noise is a function of seed and place alone, so that a state of the
draws is two numbers.
"""

import math
from collections.abc import Sequence
from typing import Final, final

import numpy as np

from gatework.tasks.generate.settings import Sampling

REPEAT_WINDOW: Final = 64  # tokens that a repetition is looked for in
_BLOCK: Final = 1 << 15  # numbers of noise made at once, about
_COLD: Final = 1e-6  # a temperature below which a draw is the likeliest token


@final
class Sampler:
    """Draws tokens for B streams.

    Args:
        sampling: How.
        streams: B.
        barred: Tokens that are never drawn.

    Attributes:
        drawn: How many tokens each stream has been given.
        recent: (64, B) the last of them, -1 where there were none yet; draw n is in row n mod 64.

    Example:
        >>> sampler = Sampler(Sampling(temperature=0), 2)
        >>> sampler.draw(np.array([[0.0, 0, 3, 1], [0, 0, 1, 2]])).tolist()
        [2, 3]
    """

    def __init__(self, sampling: Sampling, streams: int, barred: Sequence[int] = ()) -> None:
        self.sampling, self._barred = sampling, list(barred)
        self.drawn = 0
        self.recent = np.full((REPEAT_WINDOW, streams), -1)
        self._filters = not sampling.top_k == sampling.top_p == sampling.typical
        self._noise = np.empty((0, 0, 0))
        self._block = -1  # which the noise is of

    def draw(self, logits: np.ndarray) -> np.ndarray:
        """Return (B,) int64 tokens.

        Args:
            logits: (B, V) float64, which is overwritten.
        """
        how = self.sampling
        logits[:, self._barred] = -np.inf
        if how.repetition_penalty != 1:
            self._penalise(logits)
        if how.temperature > _COLD:
            if how.temperature != 1:
                logits /= how.temperature
            if self._filters:
                self._filter(logits)
            logits += self._fresh_noise(logits.shape)
        tokens = logits.argmax(1)
        self.recent[self.drawn % REPEAT_WINDOW] = tokens
        self.drawn += 1
        return tokens

    def _fresh_noise(self, shape: tuple[int, ...]) -> np.ndarray:
        """(B, V) of draw number `drawn`."""
        draws = max(1, _BLOCK // math.prod(shape))
        block, place = divmod(self.drawn, draws)
        if block != self._block:
            # Blocks lie 2**192 steps of the generator apart.
            counted = np.random.Philox(key=self.sampling.seed, counter=[0, 0, 0, block])
            self._noise = -np.log(
                np.random.Generator(counted).standard_exponential((draws, *shape))
            )
            self._block = block
        return self._noise[place]

    def _penalise(self, logits: np.ndarray) -> None:
        repeated = np.zeros(logits.shape, bool)
        steps, streams = (self.recent >= 0).nonzero()
        repeated[streams, self.recent[steps, streams]] = True
        penalty = self.sampling.repetition_penalty
        logits[repeated] *= np.where(logits[repeated] > 0, 1 / penalty, penalty)

    def _filter(self, logits: np.ndarray) -> None:
        how = self.sampling
        chances = np.exp(logits - logits.max(1, keepdims=True))
        if how.top_k is not None:
            _keep_largest(chances, how.top_k)
        if how.top_p is not None:
            _keep_mass(chances, -chances, how.top_p)
        if how.typical is not None:
            _keep_mass(chances, _strangeness(chances), how.typical)
        logits[chances == 0] = -np.inf


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
