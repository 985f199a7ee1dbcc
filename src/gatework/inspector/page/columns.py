"""The columns of a page: the steps of the sequences it shows, or blocks of many steps."""

from dataclasses import dataclass
from typing import final

import numpy as np

from gatework.inspector.trace import Array, PassTrace, Recording


@final
@dataclass(frozen=True)
class Columns:
    """Which sequences of a recording are shown, and how many steps share a column.

    Attributes:
        sequences: their numbers in the trace.
        pool: steps in a column; the last column of a sequence may have fewer.
        lengths: the steps of each shown sequence.
    """

    sequences: tuple[int, ...]
    pool: int
    lengths: tuple[int, ...]

    @property
    def counts(self) -> list[int]:
        """The columns of each shown sequence."""
        return [-(-length // self.pool) for length in self.lengths]

    def means(self, recording: Recording, array: Array) -> Array:
        """The mean over the steps of each column of an array (N, ...)."""
        parts = []
        for number, count in zip(self.sequences, self.counts, strict=True):
            rows = array[recording.rows(number)]
            if self.pool == 1 or not count:
                parts.append(rows)
                continue
            starts = np.arange(count) * self.pool
            widths = np.diff(np.append(starts, len(rows)))
            sums = np.add.reduceat(rows.astype(np.float64), starts, axis=0)
            parts.append(sums / widths.reshape(-1, *(1,) * (rows.ndim - 1)))
        return np.concatenate(parts) if parts else array[:0]

    def ends(self, recording: Recording, one: PassTrace, array: Array) -> Array:
        """A state as each column leaves it: at its last step in the order of the scan."""
        parts = [array[:0]]
        for number, count in zip(self.sequences, self.counts, strict=True):
            rows = array[recording.rows(number)]
            starts = np.arange(count) * self.pool
            last = starts if one.reverse else np.minimum(starts + self.pool, len(rows)) - 1
            parts.append(rows[last])
        return np.concatenate(parts)

    def kept(self, recording: Recording, one: PassTrace) -> Array:
        """How much of the memory from before a column its steps have kept: the product of keep."""
        keep = np.asarray(one.roles.keep)
        parts = [keep[:0]]
        for number, count in zip(self.sequences, self.counts, strict=True):
            rows = keep[recording.rows(number)]
            starts = np.arange(count) * self.pool
            parts.append(np.multiply.reduceat(rows, starts, axis=0) if count else rows)
        return np.concatenate(parts)

    def written(self, recording: Recording, one: PassTrace) -> Array:
        """What the steps of a column wrote that was still there at its end.

        The ledger of the column itself: the sum over its steps of what each wrote, times what the
        later ones kept.
        """
        share = np.asarray(one.roles.write) * one.values[one.cell.candidate]
        keep = np.asarray(one.roles.keep)
        parts = [share[:0]]
        for number, length in zip(self.sequences, self.lengths, strict=True):
            rows = recording.rows(number)
            kept, wrote = keep[rows], share[rows]
            sums = []
            for start in range(0, length, self.pool):
                stop = min(start + self.pool, length)
                order = range(start, stop) if not one.reverse else range(stop - 1, start - 1, -1)
                total = np.zeros(share.shape[1], np.float64)
                for t in order:
                    total = kept[t] * total + wrote[t]
                sums.append(total)
            parts.append(np.array(sums).reshape(-1, share.shape[1]))
        return np.concatenate(parts)


def choose(recording: Recording, wanted: tuple[int, ...] | None, most: int) -> Columns:
    """The sequences that fit on a page of `most` values; the first is pooled if it alone does not.

    Args:
        recording: what is shown.
        wanted: numbers of sequences, or None for all.
        most: values of gates and states over all steps.
    """
    width = sum(value.shape[1] for one in recording.passes for value in one.values.values())
    room = max(most // max(width, 1), 1)
    lengths = recording.lengths
    candidates = range(len(lengths)) if wanted is None else wanted
    chosen: list[int] = []
    used = 0
    for number in candidates:
        if number >= len(lengths):
            continue
        if chosen and used + int(lengths[number]) > room:
            break
        chosen.append(number)
        used += int(lengths[number])
    return Columns(tuple(chosen), max(-(-used // room), 1), tuple(int(lengths[n]) for n in chosen))
