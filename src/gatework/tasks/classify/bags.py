"""What a sequence holds, whatever the order: the input of the simple baselines.

Of texts, which words and pairs of neighbours occur; of recordings, a few figures a channel.
"""

import abc
from dataclasses import dataclass
from typing import Final, NamedTuple, final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gatework.data.labelled import Recordings
from gatework.data.ragged import Ragged
from gatework.data.text import UNKNOWN

_SAME: Final = 1e-9  # squared times apart under which they are one time
SUMMARIES: Final = ("mean", "min", "max", "first", "last", "deviation", "count")


class Bag(abc.ABC):
    """n rows of F features."""

    size: int

    @abc.abstractmethod
    def __len__(self) -> int:
        """Return n."""

    @abc.abstractmethod
    def times(self, weight: Tensor) -> Tensor:
        """Return (n, K): the rows times weights (F, K)."""

    @abc.abstractmethod
    def take(self, index: Tensor) -> "Bag":
        """Return the rows at `index`."""


@final
@dataclass(frozen=True, eq=False)
class PresenceBag(Bag):
    """Rows of zeros and ones, of which the places of the ones are kept.

    Args:
        ones: The sorted places of the ones of each row, as a ragged of int64.
        size: F.
    """

    ones: Ragged
    size: int

    def __len__(self) -> int:
        """Return n."""
        return len(self.ones)

    def times(self, weight: Tensor) -> Tensor:
        """Return (n, K): for each row the sum of the weights of its ones."""
        if not len(self.ones.values):
            return weight.new_zeros(len(self), weight.shape[1])
        return functional.embedding_bag(
            self.ones.values, weight, self.ones.offsets[:-1], mode="sum"
        )

    def take(self, index: Tensor) -> "PresenceBag":
        """Return the rows at `index`."""
        return PresenceBag(self.ones.take(index), self.size)


@final
@dataclass(frozen=True, eq=False)
class DenseBag(Bag):
    """Rows of numbers.

    Args:
        rows: (n, F).
    """

    rows: Tensor

    @property
    def size(self) -> int:  # type: ignore[override]
        """F."""
        return self.rows.shape[1]

    def __len__(self) -> int:
        """Return n."""
        return len(self.rows)

    def times(self, weight: Tensor) -> Tensor:
        """Return (n, K)."""
        return self.rows.to(weight.dtype) @ weight

    def take(self, index: Tensor) -> "DenseBag":
        """Return the rows at `index`."""
        return DenseBag(self.rows[index])


class Pairs(NamedTuple):
    """The neighbouring pairs that are known: (P,) int64 sorted, first * vocabulary + second."""

    keys: Tensor
    vocabulary: int

    @classmethod
    def of(cls, tokens: Ragged, vocabulary: int, *, most: int) -> "Pairs":
        """Take the pairs in some texts; where there are more than `most`, the frequent ones."""
        keys, _ = _pairs_in(tokens, vocabulary)
        known, counts = torch.unique(keys, return_counts=True)
        if len(known) > most:
            kept = counts.argsort(descending=True, stable=True)[:most]
            known = known[kept].sort().values
        return cls(known, vocabulary)

    def bag(self, tokens: Ragged) -> PresenceBag:
        """Return which known tokens and pairs each text holds."""
        size = self.vocabulary + len(self.keys)
        owners = torch.repeat_interleave(torch.arange(len(tokens)), tokens.lengths)
        singles = tokens.values != UNKNOWN
        keys, pair_owners = _pairs_in(tokens, self.vocabulary)
        places = torch.searchsorted(self.keys, keys)
        if len(self.keys):
            known = self.keys[places.clamp_max(len(self.keys) - 1)] == keys
        else:
            known = torch.zeros_like(keys, dtype=torch.bool)
        features = torch.cat([tokens.values[singles], self.vocabulary + places[known]])
        of = torch.cat([owners[singles], pair_owners[known]])
        unique = torch.unique(of * size + features)
        counts = torch.bincount(unique // size, minlength=len(tokens))
        offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        return PresenceBag(Ragged(unique % size, offsets), size)


def _pairs_in(tokens: Ragged, vocabulary: int) -> tuple[Tensor, Tensor]:
    """The key of each pair of neighbours without an unknown one, and which text it is in."""
    values = tokens.values
    owners = torch.repeat_interleave(torch.arange(len(tokens)), tokens.lengths)
    first, second = values[:-1], values[1:]
    whole = (owners[:-1] == owners[1:]) & (first != UNKNOWN) & (second != UNKNOWN)
    return (first * vocabulary + second)[whole], owners[:-1][whole]


def summarise(recordings: Recordings) -> np.ndarray:
    """Return (S, 7 V + K) for each recording the `SUMMARIES` of each feature, then the statics.

    NaN where there is nothing to take a figure of; the count is its logarithm.
    """
    values, count = recordings.values.astype(np.float64), len(recordings)
    width = values.shape[1]
    table = np.full((count, len(SUMMARIES), width), np.nan)
    table[:, -1] = 0.0
    full = np.flatnonzero(recordings.lengths)
    if len(full):
        starts = recordings.offsets[full]
        seen = np.isfinite(values)
        number = np.add.reduceat(seen, starts, axis=0).astype(np.float64)
        zeroed = np.where(seen, values, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.add.reduceat(zeroed, starts) / number
            square = np.add.reduceat(zeroed * zeroed, starts) / number
        table[full, 0] = mean
        table[full, 1] = np.fmin.reduceat(values, starts)
        table[full, 2] = np.fmax.reduceat(values, starts)
        table[full, 3] = _first(values, recordings, full)
        table[full, 4] = _first(values, recordings, full, back=True)
        table[full, 5] = np.sqrt(np.maximum(square - mean * mean, 0.0))
        table[full, 6] = np.log1p(number)
    flat = table.reshape(count, -1)
    return np.concatenate([flat, recordings.statics], 1) if recordings.static_names else flat


def slopes(recordings: Recordings) -> np.ndarray:
    """Return (S, V) how much each feature rises in a unit of time, or a step: the slope of the line
    of least squares through what was seen; NaN where that is not at two different times.
    """
    lengths, full = recordings.lengths, np.flatnonzero(recordings.lengths)
    found = np.full((len(recordings), recordings.values.shape[1]), np.nan)
    if not len(full):
        return found
    times = recordings.times
    if times is None:
        times = np.arange(lengths.sum()) - np.repeat(recordings.offsets[:-1], lengths)
    starts, seen = recordings.offsets[full], np.isfinite(recordings.values)
    number = np.maximum(np.add.reduceat(seen, starts, axis=0), 1, dtype=np.float64)
    mean = np.add.reduceat(seen * times[:, None], starts) / number
    apart = seen * (times[:, None] - np.repeat(mean, lengths[full], axis=0))
    values = np.where(seen, recordings.values, 0.0)
    spread = np.add.reduceat(apart * apart, starts)
    rise = np.add.reduceat(apart * values, starts)
    found[full] = np.divide(rise, spread, out=found[full], where=spread > _SAME)
    return found


def _first(
    values: np.ndarray, recordings: Recordings, full: np.ndarray, *, back: bool = False
) -> np.ndarray:
    """(S', V) the first value seen of each feature, or the last; NaN where there is none."""
    steps = np.arange(len(values), dtype=np.float64)[:, None]
    places = np.where(np.isfinite(values), steps, np.nan)
    pick = np.fmax if back else np.fmin
    found = pick.reduceat(places, recordings.offsets[full])
    known = np.isfinite(found)
    chosen = values[np.where(known, found, 0).astype(np.int64), np.arange(values.shape[1])]
    return np.where(known, chosen, np.nan)
