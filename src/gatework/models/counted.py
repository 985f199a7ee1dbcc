"""What n-grams say of every token that may come next: where a network may begin from.

A network that corrects the log chances of n-grams learns what counting cannot know, and need not
learn what it can (after Mikolov et al. 2011, "Strategies for training large scale neural network
language models", where both are trained together). Knows numbers only.
"""

from collections.abc import Iterator
from typing import Final, final

import numpy as np
from torch import Tensor, from_numpy

from gatework.models.ngrams import NGrams

_DENSE: Final = 1 << 20  # numbers kept of all contexts of one length, at most
_KEPT: Final = 1 << 14  # rows of longer contexts that are kept
_FEW: Final = 16  # readers, for whom one after the other is quicker than all at once
BEGINNING: Final = 0  # the place of one who has read nothing


@final
class CountedChances:
    """The chances of an interpolated n-gram, of all tokens at once, for many readers.

    Where a reader is, its place, is the longest context before the next token that was ever seen: a
    number. The chances after short contexts, which are few, are made once.

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
        self.ngrams, self.reach = ngrams, ngrams.order - 1
        sizes = [len(table.totals) for table in ngrams.tables]
        self._offsets = np.cumsum([0, *sizes[:-1]])  # of the places of each length of context
        shorter = list(_shorter_contexts(ngrams))
        self._shorter = np.concatenate(
            [s + self._offsets[max(n - 1, 0)] for n, s in enumerate(shorter)]
        )
        # Where the tokens after each context begin among the keys, which are sorted.
        self._starts = [np.cumsum(table.kinds) - table.kinds for table in ngrams.tables]
        self._dense: list[np.ndarray] = []
        self._children: list[np.ndarray] = []  # of each context and token the n-gram, or -1
        rows = np.full((1, ngrams.vocabulary), 1 / ngrams.vocabulary, np.float32)
        for length, (places, table) in enumerate(zip(shorter, ngrams.tables, strict=True)):
            if len(places) * ngrams.vocabulary > _DENSE:
                break
            rows = self._mix(length, np.arange(len(places)), rows[places])
            children = np.full(rows.size, -1, np.int32)
            children[table.keys] = np.arange(len(table.keys))
            self._dense.append(rows)
            self._children.append(children)
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
        return from_numpy(rows.reshape(*asked.shape, self.ngrams.vocabulary)), after[-1]

    def walk(self, ids: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Return (N, B) where readers are after each of (N, B) ids, from places, (B,), on."""
        after, found = np.zeros_like(ids), np.zeros_like(ids)
        for length, before in enumerate(list(self._lengths(places))[: self.reach]):
            found = self._find(length, np.concatenate([before[None], found[:-1]]), ids)
            after = np.where(found >= 0, self._offsets[length + 1] + found, after)
        return after

    def rows(self, places: np.ndarray) -> np.ndarray:
        """Return (M, V) log chances at (M,) places."""
        return self._chances(list(self._lengths(places)))

    def follow(self, place: int, token: int) -> int:
        """Return where a reader is after one more token."""
        length = int(self._offsets.searchsorted(place, "right")) - 1
        if length == self.reach:
            place, length = int(self._shorter[place]), length - 1
        while length >= 0:
            table = self.ngrams.tables[length]
            key = (place - int(self._offsets[length])) * self.ngrams.vocabulary + token
            at = int(table.keys.searchsorted(key))
            if at < len(table.keys) and table.keys[at] == key:
                return int(self._offsets[length + 1]) + at
            place, length = int(self._shorter[place]), length - 1
        return BEGINNING

    def row(self, place: int) -> np.ndarray:
        """Return (V,) log chances at a place; those asked for lately are remembered."""
        found = self._rows.get(place)
        if found is None:
            if len(self._rows) >= _KEPT:
                self._rows.clear()
            found = self._rows[place] = np.log(self._chances_at(place))
        return found

    def step(self, tokens: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (B, V) log chances after one more token of each reader, (B,), and their places."""
        if len(tokens) > _FEW:
            rows, after = self.read(tokens[None], places)
            return rows[0].numpy(), after
        after = [self.follow(*each) for each in zip(places.tolist(), tokens.tolist(), strict=True)]
        return np.stack([self.row(place) for place in after]), np.array(after)

    def _chances_at(self, place: int) -> np.ndarray:
        """(V,) chances at a place: `_mix` of one context, without the work around many."""
        length = int(self._offsets.searchsorted(place, "right")) - 1
        context, table = place - int(self._offsets[length]), self.ngrams.tables[length]
        if length < len(self._dense):
            return self._dense[length][context]
        chances = self._chances_at(int(self._shorter[place])).copy()
        kinds, start = int(table.kinds[context]), int(self._starts[length][context])
        if kinds:
            whole = float(np.float32(table.totals[context] + kinds))
            chances *= np.float32(kinds / whole)
            entries = slice(start, start + kinds)
            chances[table.keys[entries] % self.ngrams.vocabulary] += table.counts[entries] / whole
        return chances

    def _lengths(self, places: np.ndarray) -> Iterator[np.ndarray]:
        """For each length of context, which one (B,) places end with; -1 where none was seen."""
        lengths = self._offsets.searchsorted(places, "right") - 1
        found = []
        for length in reversed(range(self.reach + 1)):
            found.append(np.where(lengths >= length, places - self._offsets[length], -1))
            places = np.where(lengths >= length, self._shorter[places], places)
        return reversed(found)

    def _find(self, length: int, contexts: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Return which n-gram each context and token are, -1 where they were never seen."""
        keys = contexts * self.ngrams.vocabulary + tokens
        if length < len(self._children):
            found = self._children[length][keys]
        else:
            known, places = self.ngrams.tables[length].find(keys)
            found = np.where(known, places, -1)
        return np.where(contexts >= 0, found, -1)

    def _chances(self, contexts: list[np.ndarray]) -> np.ndarray:
        """(M, V) log chances after contexts of each length, (M,), -1 for none."""
        rows = np.empty((len(contexts[0]), self.ngrams.vocabulary), np.float32)
        left = np.arange(len(rows))
        for length in reversed(range(len(self._dense))):
            known = contexts[length][left] >= 0
            rows[left[known]] = self._dense[length][contexts[length][left[known]]]
            left = left[~known]
        for length in range(len(self._dense), len(contexts)):
            self._mix(length, contexts[length], rows)
        return np.log(rows, out=rows)

    def _mix(self, length: int, contexts: np.ndarray, chances: np.ndarray) -> np.ndarray:
        """Mix what was counted after (M,) contexts into (M, V) chances after shorter ones.

        Where there is none, or nothing followed it, at the end of all, these stay.
        """
        table = self.ngrams.tables[length]
        kinds = np.where(contexts >= 0, table.kinds[contexts], 0)
        within = np.arange(kinds.sum()) - np.repeat(np.cumsum(kinds) - kinds, kinds)
        rows = np.repeat(np.arange(len(contexts)), kinds)
        entries = self._starts[length][contexts[rows]] + within
        whole = np.where(kinds, table.totals[contexts] + kinds, 1).astype(np.float32)
        chances *= (np.maximum(kinds, 1) / whole).astype(np.float32)[:, None]
        where = rows * self.ngrams.vocabulary + table.keys[entries] % self.ngrams.vocabulary
        chances.reshape(-1)[where] += table.counts[entries] / whole[rows]
        return chances


def _shorter_contexts(ngrams: NGrams) -> Iterator[np.ndarray]:
    """For each length of context, where each is among the shorter ones without its first token."""
    shorter = np.zeros(1, np.int64)
    yield shorter
    before = None
    for table in ngrams.tables[:-1]:
        contexts, tokens = np.divmod(table.keys, ngrams.vocabulary)
        if before is None:
            shorter = np.zeros(len(tokens), np.int64)
        else:
            _, shorter = before.find(shorter[contexts] * ngrams.vocabulary + tokens)
        before = table
        yield shorter
