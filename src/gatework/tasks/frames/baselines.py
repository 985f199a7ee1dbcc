"""What needs no network: how often a key is down, at all and after itself; how numbers change."""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import torch
from torch import Tensor

from gatework.errors import InputError

ALONE: Final = "each on its own"
AFTER: Final = "each after its last value"
_SMOOTH: Final = 0.5  # counts added: an event that never came is not impossible (Krichevsky)
_LEAST: Final = 1e-3  # deviation


class Baselines(NamedTuple):
    """Two models of each column for itself, of standardised frames.

    Attributes:
        binary: (D,) whether a column is 0 or 1.
        rate: (D,) how often it is 1.
        rate_after: (2, D) the same after a 0 and after a 1.
        normal: (2, D) mean and deviation of other columns.
        change: (2, D) mean and deviation of their changes.
    """

    binary: Tensor
    rate: Tensor
    rate_after: Tensor
    normal: Tensor
    change: Tensor

    @classmethod
    def learn(cls, pieces: Sequence[Tensor], binary: Sequence[int]) -> "Baselines":
        """Count and measure (T, D) pieces.

        Example:
            >>> rules = Baselines.learn([torch.tensor([[1.0], [1], [0]])], binary=[0])
            >>> rules.rate_after.T.tolist()
            [[0.5, 0.5]]
        """
        every = torch.cat(list(pieces)).double()
        before = torch.cat([piece[:-1] for piece in pieces]).double()
        after = torch.cat([piece[1:] for piece in pieces]).double()
        mask = torch.zeros(every.shape[1], dtype=torch.bool)
        mask[list(binary)] = True
        change = after - before

        def share(ones: Tensor, count: Tensor) -> Tensor:
            return (ones + _SMOOTH) / (count + 2 * _SMOOTH)

        whole = torch.full((every.shape[1],), float(len(every)), dtype=torch.float64)
        ones_after = torch.stack([((1 - before) * after).sum(0), (before * after).sum(0)])
        counts = torch.stack([(1 - before).sum(0), before.sum(0)])
        return cls(
            mask,
            share(every.sum(0), whole),
            share(ones_after, counts),
            torch.stack([every.mean(0), every.std(0, correction=0).clamp_min(_LEAST)]),
            torch.stack([change.mean(0), change.std(0, correction=0).clamp_min(_LEAST)]),
        )

    def nats(self, piece: Tensor) -> dict[str, Tensor]:
        """Return (T - 1,) the nats of each frame of (T, D) but the first, by the name of a rule."""
        before, after = piece[:-1].double(), piece[1:].double()
        rate = torch.where(before > 0.5, self.rate_after[1], self.rate_after[0])
        alone = torch.where(self.binary, _bits(after, self.rate), _gauss(after, self.normal))
        follows = torch.where(self.binary, _bits(after, rate), _gauss(after - before, self.change))
        return {ALONE: alone.sum(1), AFTER: follows.sum(1)}

    def tensors(self) -> dict[str, Tensor]:
        """Return all of it by name, for a file."""
        return {name: value.contiguous() for name, value in self._asdict().items()}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], size: int) -> "Baselines":
        """Rebuild from `tensors`.

        Raises:
            InputError: They are not those of frames of this size.
        """
        if tensors.keys() != set(cls._fields) or tensors["rate"].shape != (size,):
            raise InputError(f"the saved rules do not fit frames of {size} numbers")
        return cls(**tensors)


def _bits(values: Tensor, rate: Tensor) -> Tensor:
    return -torch.where(values > 0.5, rate.log(), (1 - rate).log())


def _gauss(values: Tensor, normal: Tensor) -> Tensor:
    mean, deviation = normal
    return 0.5 * ((values - mean) / deviation).square() + (
        deviation.log() + 0.5 * math.log(math.tau)
    )
