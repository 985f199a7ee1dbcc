"""Batches of sequences of like length: full, but never with more steps than the memory is for."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar, final

import torch
from torch import Generator, Tensor

from gatework.errors import InputError

Batch = TypeVar("Batch")

_POOL: Final = 50  # batches drawn together, of which the sequences are sorted by length


@final
class LengthBatches(Generic[Batch]):
    """A source of training batches: each epoch has every sequence once, in an order drawn anew.

    A batch ends at `batch_size` sequences, or before it would hold more than `most_steps` steps;
    a sequence that is longer by itself is a batch by itself. Which sequences meet is random but for
    their lengths: pools of fifty batches are sorted, cut, and the batches shuffled. All randomness
    comes from the generator given to `plan`, so a resumed run sees the same batches.

    Args:
        lengths: (S,) int64 the steps of each sequence.
        load: Makes the batch of the sequences at some indices (B,).
        batch_size: Sequences a batch, at most.
        most_steps: Steps a batch, at most; None is no limit.
        pool: The sequences of an epoch, as indices into lengths; None is all.

    Raises:
        InputError: A number is below 1.

    Example:
        >>> source = LengthBatches(torch.tensor([5, 1, 4, 9]), lambda index: index,
        ...                        batch_size=2, most_steps=9)
        >>> [part.tolist() for part in source.plan(Generator().manual_seed(0))]
        [[1, 2], [3], [0]]
    """

    def __init__(
        self,
        lengths: Tensor,
        load: Callable[[Tensor], Batch],
        *,
        batch_size: int,
        most_steps: int | None = None,
        pool: Tensor | None = None,
    ) -> None:
        for name, value in (("batch_size", batch_size), ("most_steps", most_steps)):
            if value is not None and value < 1:
                raise InputError(f"{name} is {value}; expected 1 or more")
        self.lengths, self.batch_size, self.most_steps = lengths, batch_size, most_steps
        self.pool = torch.arange(len(lengths)) if pool is None else pool
        self._load = load

    def plan(self, generator: Generator) -> list[Tensor]:
        """Return one epoch of batches, as indices."""
        order = self.pool[torch.randperm(len(self.pool), generator=generator)]
        batches: list[Tensor] = []
        for part in order.split(self.batch_size * _POOL):
            # Stable: among equals the drawn order stays.
            ranked = part[self.lengths[part].argsort(stable=True)]
            batches += cut(ranked, self.lengths, self.batch_size, self.most_steps)
        shuffled = torch.randperm(len(batches), generator=generator)
        return [batches[place] for place in shuffled.tolist()]

    def load(self, index: Tensor) -> Batch:
        """Return the batch of these sequences."""
        return self._load(index)


def cut(order: Tensor, lengths: Tensor, batch_size: int, most_steps: int | None) -> list[Tensor]:
    """Cut `order`, indices into `lengths`, into batches that keep to both limits, in that order.

    Example:
        >>> cut(torch.arange(3), torch.tensor([2, 2, 9]), 8, most_steps=5)
        [tensor([0, 1]), tensor([2])]
    """
    if most_steps is None:
        return list(order.split(batch_size)) if len(order) else []
    sizes, steps, count = [], 0, 0
    for length in lengths[order].tolist():
        if count and (count == batch_size or steps + length > most_steps):
            sizes.append(count)
            steps = count = 0
        steps, count = steps + length, count + 1
    return list(order.split([*sizes, count])) if count else []


def in_order_of_length(
    lengths: Tensor, *, batch_size: int, most_steps: int | None = None
) -> list[Tensor]:
    """Return batches of all sequences, shortest first, for prediction: nothing is random."""
    return cut(lengths.argsort(stable=True), lengths, batch_size, most_steps)
