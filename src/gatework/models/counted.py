"""What n-grams say of every token that may come next: where a network may begin from.

A network that corrects the log chances of n-grams learns what counting cannot know, and need not
learn what it can (after Mikolov et al. 2011, "Strategies for training large scale neural network
language models", where both are trained together). Knows numbers only.
"""

import itertools
from typing import Final, final

import numpy as np
from torch import Tensor, from_numpy

from gatework.models.ngrams import NGrams

_DENSE: Final = 1 << 20  # numbers made once, at most
_KEPT: Final = 1 << 14  # rows of longer contexts that are kept
_FEW: Final = 16  # readers, for whom one after the other is quicker than all at once
BEGINNING: Final = 0  # the place of one who has read nothing


@final
class CountedChances:
    """The chances of an interpolated n-gram, of all tokens at once, for many readers.

    Where a reader is, its place, is the longest context before the next token that was ever seen: a
    number. All n-grams of all orders are in one row, and a context is an n-gram too: its place is
    one more than where it is in the row, and 0 is the empty one. The chances after short contexts,
    which are few, are made once.

    Args:
        ngrams: Whose.

    Attributes:
        ngrams: The same.
        reach: How many tokens before the next one matter.

    Example:
        >>> chances = CountedChances(NGrams.learn(np.array([0, 1, 2, 1, 2, 1]), 3, order=2))
        >>> rows, places = chances.read(np.array([[0], [1]]), np.array([BEGINNING]))
        >>> [[f"{chance:.2f}" for chance in row[0].exp()] for row in rows]
        [['0.11', '0.72', '0.17'], ['0.07', '0.15', '0.78']]
        >>> place = chances.follow(int(places[0]), 2)
        >>> [f"{chance:.2f}" for chance in np.exp(chances.row(place))]
        ['0.07', '0.81', '0.11']
    """

    def __init__(self, ngrams: NGrams) -> None:
        tables, self._vocabulary = ngrams.tables, ngrams.vocabulary
        self.ngrams, self.reach = ngrams, ngrams.order - 1
        sizes = [len(table.totals) for table in tables]
        self._firsts = np.cumsum([0, *sizes])  # place of each length of context
        self._keys = np.concatenate(
            [
                table.keys + first * self._vocabulary
                for table, first in zip(tables, self._firsts[:-1], strict=True)
            ]
        )
        self._tokens = (self._keys % self._vocabulary).astype(np.int32)
        self._counts = np.concatenate([table.counts for table in tables])
        self._totals = np.concatenate([table.totals for table in tables])
        self._kinds = np.concatenate([table.kinds for table in tables])
        self._starts = np.cumsum(self._kinds) - self._kinds
        self._shorter = self._without_the_first()
        self._dense = self._short_contexts()
        self._rows: dict[int, np.ndarray] = {}

    def read(
        self, ids: np.ndarray, places: np.ndarray, *, last: int | None = None
    ) -> tuple[Tensor, np.ndarray]:
        """Return (T, B, V) log chances of what comes after each of (N, B) ids, and the places then.

        Args:
            ids: (N, B) int64.
            places: (B,) int64, where each reader is.
            last: T, of how many of the ids, at the end; None is all.
        """
        after = self.walk(ids, places)
        asked = after[len(ids) - (len(ids) if last is None else last) :]
        rows = self.rows(asked.ravel())
        return from_numpy(rows.reshape(*asked.shape, self._vocabulary)), after[-1]

    def walk(self, ids: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return (N, B) where readers are after each of (N, B) ids, from places, (B,), on."""
        befores = []  # of each length the context at the beginning, -1 where none was seen
        for first in self._firsts[self.reach :: -1]:
            befores.append(np.where(places >= first, places, -1))
            places = np.where(places >= first, self._shorter[places], places)
        after, found = np.zeros_like(ids), np.zeros_like(ids)
        for before in befores[:0:-1]:
            found = self._find(np.concatenate([before[None], found[:-1]]), ids)
            after = np.where(found > 0, found, after)
        return after

    def rows(self, places: np.ndarray) -> np.ndarray:
        """Return (M, V) log chances at (M,) places."""
        chain = [places]
        while (is_long := chain[-1] >= len(self._dense)).any():
            chain.append(np.where(is_long, self._shorter[chain[-1]], chain[-1]))
        chances = self._dense[chain.pop()]
        for longer in reversed(chain):
            which = np.flatnonzero(longer >= len(self._dense))
            chances[which] = self._mix(longer[which], chances[which])
        return np.log(chances, out=chances)

    def step(self, tokens: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (B, V) log chances after one more token of each reader, (B,), and their places."""
        if len(tokens) <= _FEW:
            pairs = zip(places.tolist(), tokens.tolist(), strict=True)
            after = [self.follow(place, token) for place, token in pairs]
            return np.stack([self.row(place) for place in after]), np.array(after)
        contexts = np.where(places >= self._firsts[self.reach], self._shorter[places], places)
        after, left = np.zeros_like(places), np.arange(len(places) if self.reach else 0)
        while len(left):
            after[left] = found = self._find(contexts, tokens[left])
            unseen = (found < 0) & (contexts > BEGINNING)
            left, contexts = left[unseen], self._shorter[contexts[unseen]]
        after = np.maximum(after, BEGINNING)
        return self.rows(after), after

    def follow(self, place: int, token: int) -> int:
        """Return where one reader is after one more token."""
        if place >= self._firsts[self.reach]:  # as long as contexts get
            place = int(self._shorter[place]) if self.reach else -1
        while place >= BEGINNING:
            key = place * self._vocabulary + token
            at = int(self._keys.searchsorted(key))
            if at < len(self._keys) and self._keys[at] == key:
                return at + 1
            place = int(self._shorter[place]) if place > BEGINNING else -1
        return BEGINNING

    def row(self, place: int) -> np.ndarray:
        """Return (V,) log chances at a place; those asked for lately are remembered."""
        found = self._rows.get(place)
        if found is None:
            if len(self._rows) >= _KEPT:
                self._rows.clear()
            found = self._rows[place] = np.log(self._chances_at(place))
        return found

    def _find(self, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Return the place of each context and token; -1 where they were never seen."""
        keys = contexts * self._vocabulary + tokens
        at = np.minimum(self._keys.searchsorted(keys), len(self._keys) - 1)
        return np.where(self._keys[at] == keys, at + 1, -1)

    def _chances_at(self, place: int) -> np.ndarray:
        """(V,) chances at a place: `_mix` of one context, without the work around many."""
        if place < len(self._dense):
            return self._dense[place]
        chances = self._chances_at(int(self._shorter[place])).copy()
        kinds, start = int(self._kinds[place]), int(self._starts[place])
        if kinds:
            whole = float(np.float32(self._totals[place] + kinds))
            chances *= np.float32(kinds / whole)
            entries = slice(start, start + kinds)
            chances[self._tokens[entries]] += self._counts[entries] / whole
        return chances

    def _mix(self, places: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """Mix what was counted at (M,) places into (M, V) chances after shorter contexts.

        Where nothing followed, at the end of all, these stay.
        """
        kinds = self._kinds[places]
        rows = np.repeat(np.arange(len(places)), kinds)
        entries = np.arange(len(rows)) + np.repeat(
            self._starts[places] - np.cumsum(kinds) + kinds, kinds
        )
        whole = np.where(kinds, self._totals[places] + kinds, 1).astype(np.float32)
        chances *= (np.maximum(kinds, 1) / whole).astype(np.float32)[:, None]
        where = rows * self._vocabulary + self._tokens[entries]
        chances.reshape(-1)[where] += self._counts[entries] / whole[rows]
        return chances

    def _without_the_first(self) -> np.ndarray:
        """Of each place, that of its context without the first token; of the shortest, 0."""
        shorter = np.zeros(self._firsts[-1], np.int64)
        for start, stop in itertools.pairwise(self._firsts[2:]):
            ngrams = slice(start - 1, stop - 1)
            contexts = self._keys[ngrams] // self._vocabulary
            shorter[start:stop] = self._find(shorter[contexts], self._tokens[ngrams])
        return shorter

    def _short_contexts(self) -> np.ndarray:
        """(D, V) chances at the first places, of all contexts up to a length."""
        fitting = [first for first in self._firsts if first * self._vocabulary <= _DENSE]
        dense = np.full((max(1, fitting[-1]), self._vocabulary), 1 / self._vocabulary, np.float32)
        for start, stop in itertools.pairwise(self._firsts[self._firsts <= len(dense)]):
            shorter = self._shorter[start:stop]
            before = dense[shorter] if start else dense[:1].copy()
            dense[start:stop] = self._mix(np.arange(start, stop), before)
        return dense
