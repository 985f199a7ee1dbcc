"""Sequences of any length end to end in one tensor, and boxes of them for a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from torch import Tensor


class Padded(NamedTuple):
    """B sequences, time first: values (T, B, ...), zero past each length, and lengths (B,) int64.

    T is the longest of them, at least 1.
    """

    values: Tensor
    lengths: Tensor


@final
@dataclass(frozen=True, eq=False)
class Ragged:
    """S sequences of steps: nothing is padded, nothing copied until a batch is asked for.

    Args:
        values: (N, ...) all steps of all sequences, one sequence after the other.
        offsets: (S + 1,) int64 where each sequence begins, and the end of the last.

    Example:
        >>> ragged = Ragged.of([torch.tensor([1, 2, 3]), torch.tensor([7])])
        >>> ragged.padded(torch.tensor([1, 0])).values.T.tolist()
        [[7, 0, 0], [1, 2, 3]]
    """

    values: Tensor
    offsets: Tensor

    @classmethod
    def of(cls, sequences: Sequence[Tensor]) -> "Ragged":
        """Join sequences (T_s, ...) of one dtype; at least one."""
        lengths = torch.tensor([0, *(len(sequence) for sequence in sequences)])
        return cls(torch.cat(list(sequences)), lengths.cumsum(0))

    @classmethod
    def of_ids(cls, sequences: Sequence[Sequence[int]]) -> "Ragged":
        """Join lists of token numbers."""
        lengths = torch.tensor([0, *(len(sequence) for sequence in sequences)])
        flat = [number for sequence in sequences for number in sequence]
        return cls(torch.tensor(flat, dtype=torch.int64), lengths.cumsum(0))

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Tensor:
        """(S,) int64 the steps of each sequence."""
        return self.offsets.diff()

    def __getitem__(self, index: int) -> Tensor:
        """Return one sequence, (T, ...), as a view."""
        return self.values[int(self.offsets[index]) : int(self.offsets[index + 1])]

    def take(self, index: Tensor) -> "Ragged":
        """Return the sequences at `index` (B,), in that order."""
        places, inside = self._places(index)
        offsets = torch.cat([index.new_zeros(1), inside.sum(0).cumsum(0)])
        return Ragged(self.values[places.T[inside.T]], offsets)

    def padded(self, index: Tensor) -> Padded:
        """Return the sequences at `index` (B,) as a box."""
        places, inside = self._places(index)
        lengths = inside.sum(0)
        if not len(self.values):  # every sequence is empty
            return Padded(self.values.new_zeros((*places.shape, *self.values.shape[1:])), lengths)
        box = self.values[places]
        mask = inside.view(*inside.shape, *(1,) * (box.dim() - 2))
        return Padded(torch.where(mask, box, box.new_zeros(())), lengths)

    def _places(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """(T, B) where each step is in `values`, and whether it is one of the sequence."""
        starts = self.offsets[index]
        lengths = self.offsets[index + 1] - starts
        longest = max(1, int(lengths.max())) if len(index) else 1
        steps = torch.arange(longest)[:, None]
        inside = steps < lengths
        return torch.where(inside, starts + steps, 0), inside
