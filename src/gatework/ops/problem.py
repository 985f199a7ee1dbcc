"""What one pass of the native core reads. The core checks it."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor


class Problem(NamedTuple):
    """One scan in one direction. Float32 on the CPU; the core refuses what does not fit.

    Attributes:
        kernel: gw_cell, its options, which of PARAMETERS there are as bits, training, and whether
            products may be made of operands that are rounded to bfloat16.
        limits: zoneout of h and of c, the clip of c or 0.
        params: those there are, in the order of PARAMETERS.
        x: (T, B, I).
        lengths: (B,) int64, or None.
        state: h0 (B, P) and, where the cell has a c, c0 (B, H); empty for zeros.
        scale: (B, P), what the recurrent weights read of h is multiplied by; or None.
        seed: of zoneout's masks.
        reverse: each sequence is read from its own last step to its first.
        first_step: when x[0] is, for the masks.
    """

    kernel: Sequence[int]
    limits: Sequence[float]
    params: Sequence[Tensor]
    x: Tensor
    lengths: Tensor | None
    state: Sequence[Tensor]
    scale: Tensor | None
    seed: int
    reverse: bool
    first_step: int = 0


def shares(values: Sequence[Tensor], count: int) -> list[Sequence[Tensor]]:
    """What belongs to each of `count` directions."""
    if count == 1:
        return [values]
    size = len(values) // count
    return [values[index * size : (index + 1) * size] for index in range(count)]
