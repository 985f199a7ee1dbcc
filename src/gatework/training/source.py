"""Where batches come from, as the loop sees it."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from torch import Generator, Tensor

Batch = TypeVar("Batch", covariant=True)


class BatchSource(Protocol[Batch]):
    """Training examples that can be drawn by index.

    All randomness comes from the generator given to `plan`, and neither method keeps anything
    between calls: that is what lets a resumed run continue bit for bit.
    """

    def plan(self, generator: Generator) -> Sequence[Tensor]:
        """Return one epoch: an int64 tensor of example indices for each batch, in order."""
        ...

    def load(self, index: Tensor) -> Batch:
        """Return the batch of these examples, on the model's device; any value the loss takes."""
        ...
