"""Zoneout and recurrent dropout: what a call asks for, and the masks that every backend draws.

A mask is a hash of (seed, stream, time, place in the batch, unit), not the next numbers of a
generator. So it needs no memory and no order: a kernel in any language, on any number of threads,
draws the same bits, and a backward pass draws them anew instead of keeping them.
"""

from dataclasses import dataclass
from typing import TypeVar, final

import torch
from torch import Tensor

from gatework.errors import InputError

SEEDS = 1 << 63  # a seed is one of 0, 1, ..., SEEDS - 1
RECURRENT_DROPOUT = 2  # its stream of masks; that of zoneout is the place of its state, 0 or 1
MASK = 0xFFFFFFFF
PHI = 0x9E3779B9  # 2^32 over the golden ratio: its multiples spread evenly over the words

Word = TypeVar("Word", int, Tensor)  # a 32-bit word, or an int64 tensor of them


def check_probability(name: str, value: float) -> None:
    """Raise InputError unless `value`, given for `name`, is at least 0 and below 1."""
    if not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise InputError(f"{name} is {value!r}; expected a probability, at least 0 and below 1.")


@final
@dataclass(frozen=True)
class Regularisation:
    """The noise of one scan.

    Args:
        zoneout: for each of the cell's states the probability that a unit keeps its old value
            (Krueger et al. 2017, arXiv:1606.01305). What a step shows of c, o * tanh(c), is made
            before c itself is zoned out.
        recurrent_dropout: the probability that a unit of the h which the recurrent weights read is
            zero, the same units at every step (Gal & Ghahramani 2016, arXiv:1512.05287). The
            others are scaled by 1 / (1 - p).
        seed: 0 to 2^63 - 1; it settles every mask.
        training: if False nothing is drawn: zoneout mixes the old and the new value by its
            probability, and recurrent dropout does nothing.

    Raises:
        InputError: a probability or the seed is out of range.
    """

    zoneout: tuple[float, ...]
    recurrent_dropout: float
    seed: int
    training: bool

    def __post_init__(self) -> None:
        for index, probability in enumerate(self.zoneout):
            check_probability(f"zoneout[{index}]", probability)
        check_probability("recurrent_dropout", self.recurrent_dropout)
        if not isinstance(self.seed, int) or not 0 <= self.seed < SEEDS:
            raise InputError(f"seed is {self.seed!r}; expected a whole number, 0 to 2^63 - 1.")

    @property
    def acts(self) -> bool:
        """Whether it changes anything."""
        return any(self.zoneout) or (self.training and self.recurrent_dropout > 0)


def hits(seed: Word, stream: int, probability: float, rows: Tensor, width: int) -> Tensor:
    """Draw which units are hit.

    Args:
        seed: that of the call, or a () int64 of it.
        stream: 0 for zoneout of h, 1 for zoneout of c, 2 for recurrent dropout, 3 for dropout.
        probability: of a hit.
        rows: (N,) int64, t * B + b for time t, not order of reading, and place b in the batch.
        width: the number of units.

    Returns:
        (N, width), bool.
    """
    threshold = min(int(probability * 2**32), MASK)
    key = _mix(_mix(((seed & MASK) + stream * PHI) & MASK) ^ (seed >> 32))
    row_words = _mix(_mix(rows & MASK) ^ key).unsqueeze(-1)
    units = torch.arange(width, device=rows.device) * PHI
    return _mix((row_words + units) & MASK) < threshold


def recurrent_scale(
    regularisation: Regularisation | None, batch: int, width: int, like: Tensor
) -> Tensor | None:
    """Return what recurrent dropout multiplies h with before the recurrent weights read it.

    Returns:
        (batch, width) of 0 and 1 / (1 - p), in the dtype and on the device of `like`; None where
        there is nothing to drop.
    """
    if regularisation is None or not regularisation.training:
        return None
    probability = regularisation.recurrent_dropout
    if probability == 0:
        return None
    rows = torch.arange(batch, device=like.device)  # those of t = 0, for all steps
    dropped = hits(regularisation.seed, RECURRENT_DROPOUT, probability, rows, width)
    return (~dropped).to(like.dtype) * (1 / (1 - probability))


def zoneout_masks(
    regularisation: Regularisation, rows: Tensor, widths: tuple[int, ...]
) -> tuple[Tensor | float, ...]:
    """Say, for each state, which units of these `rows` keep their old value.

    Returns:
        For each state (N, width), bool; or the probability itself where nothing is drawn.
    """
    return tuple(
        hits(regularisation.seed, stream, probability, rows, width)
        if regularisation.training and probability > 0
        else probability
        for stream, (probability, width) in enumerate(
            zip(regularisation.zoneout, widths, strict=True)
        )
    )


def zone_out(old: Tensor, new: Tensor, mask: Tensor | float) -> Tensor:
    """Keep `old` where `mask` hits, or as much of it as it says."""
    if isinstance(mask, Tensor):
        return torch.where(mask, old, new)
    return new if mask == 0 else mask * old + (1 - mask) * new


def _mix(word: Word) -> Word:
    """Scramble 32 bits (Wellons' lowbias32), in arithmetic modulo 2^32."""
    # The second factor less 2^32, which is the same: so neither product leaves an int64.
    word = ((word ^ (word >> 16)) * 0x7FEB352D) & MASK
    word = ((word ^ (word >> 15)) * (0x846CA68B - (1 << 32))) & MASK
    return word ^ (word >> 16)
