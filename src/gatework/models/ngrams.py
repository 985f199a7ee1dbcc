"""What counting does: n-grams by interpolated Witten-Bell, the baseline of every sequence.

Witten & Bell 1991: of C times that a context was seen, followed by D different tokens, D in C + D
parts are left to the shorter context. Knows numbers only, whatever they stand for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, final

import numpy as np
from torch import Tensor, from_numpy

from gatework.errors import InputError

_STRETCH: Final = 1 << 20  # numbers that are scored at once
MOST_COUNTED: Final = 10_000_000  # tokens; the last of a longer sequence


class Table(NamedTuple):
    """The n-grams of one order.

    Attributes:
        keys: (K,) sorted: place of the context among the shorter n-grams * vocabulary + token.
        counts: (K,) of each.
        totals: (C,) how often each context was followed by something.
        kinds: (C,) by how many different tokens.
    """

    keys: np.ndarray
    counts: np.ndarray
    totals: np.ndarray
    kinds: np.ndarray

    def find(self, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether each number is one of the keys, and where."""
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return self.keys[places] == wanted, places


@final
@dataclass(frozen=True, eq=False)
class NGrams:
    """Counts of 1-grams to n-grams of a sequence.

    Args:
        vocabulary: Numbers that a token can be.
        tables: One an order, from 1.

    Example:
        >>> counted = NGrams.learn(np.array([0, 1, 2, 1, 2, 1]), vocabulary=3, order=2)
        >>> np.exp(-counted.losses(np.array([1, 2]))).round(2).tolist()
        [[0.33], [0.78]]
    """

    vocabulary: int
    tables: tuple[Table, ...]

    @property
    def order(self) -> int:
        """The longest n."""
        return len(self.tables)

    @classmethod
    def learn(cls, ids: np.ndarray, vocabulary: int, order: int) -> "NGrams":
        """Count (N,) numbers."""
        ids = ids[-MOST_COUNTED:].astype(np.int64)
        context, contexts = np.zeros(len(ids), np.int64), 1
        tables = []
        for n in range(1, min(order, len(ids)) + 1):
            keys, places, counts = np.unique(
                context * vocabulary + ids[n - 1 :], return_inverse=True, return_counts=True
            )
            tables.append(
                Table(
                    keys,
                    counts,
                    np.bincount(context, minlength=contexts),
                    np.bincount(keys // vocabulary, minlength=contexts),
                )
            )
            context, contexts = places[:-1], len(keys)
        return cls(vocabulary, tuple(tables))

    def losses(self, ids: np.ndarray) -> np.ndarray:
        """Return (order, N - 1) nats of each of (N,) numbers but the first, order by order.

        Where a context is cut off by the beginning, or was never seen, the shorter one decides.
        """
        ids = ids.astype(np.int64)
        chance = np.full(len(ids), 1 / self.vocabulary)
        context = np.zeros(len(ids), np.int64)  # -1: never seen
        found = []
        for n, table in enumerate(self.tables, start=1):
            known, places = table.find(context * self.vocabulary + ids[n - 1 :])
            known &= context >= 0
            seen = np.where(known, table.counts[places], 0)
            at = np.maximum(context, 0)
            kinds, totals = table.kinds[at], table.totals[at]
            before = chance[n - 1 :]
            mixed = (seen + kinds * before) / np.maximum(totals + kinds, 1)
            chance[n - 1 :] = np.where((context >= 0) & (totals > 0), mixed, before)
            found.append(-np.log(chance[1:]))
            context = np.where(known, places, -1)[:-1]
        return np.stack(found)

    def totals(self, ids: np.ndarray) -> np.ndarray:
        """Return (order,) summed nats of (N,) numbers but the first, a stretch at a time."""
        sums = np.zeros(self.order)
        for start in range(1, len(ids), _STRETCH):
            before = max(0, start - self.order + 1)
            part = self.losses(ids[before : start + _STRETCH])
            sums += part[:, start - before - 1 :].sum(1)
        return sums

    def shortened(self, order: int) -> "NGrams":
        """Return the counts up to an order."""
        return NGrams(self.vocabulary, self.tables[:order])

    def tensors(self) -> dict[str, Tensor]:
        """Return the counts by name, to save."""
        return {
            f"{n}.{name}": from_numpy(np.ascontiguousarray(value))
            for n, table in enumerate(self.tables, start=1)
            for name, value in table._asdict().items()
        }

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], vocabulary: int) -> "NGrams":
        """Restore from `tensors`.

        Raises:
            InputError: They are damaged.
        """
        orders = range(1, len(tensors) // len(Table._fields) + 1)
        try:
            tables = (
                Table(*(tensors[f"{n}.{name}"].numpy() for name in Table._fields)) for n in orders
            )
            return cls(vocabulary, tuple(tables))
        except KeyError as error:
            raise InputError(f"the saved n-grams are damaged: {error} is missing") from error
