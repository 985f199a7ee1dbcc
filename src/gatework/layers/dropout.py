"""Masks of dropout, drawn several times faster than torch draws them on a processor."""

import torch
from torch import Tensor

from gatework.errors import InputError

_VALUES = 1 << 16  # that a mask's random numbers can take: four of them are cut from each 64 bits
_LEAST = -(1 << 63)


def dropout_mask(like: Tensor, rate: float) -> Tensor:
    """Return a mask of the shape of `like`: zero with probability `rate`, else 1 / (1 - rate).

    To multiply with, in training (Srivastava et al. 2014). The rate is met to 1 in 65,536. Draws
    come from torch's generator of the device, so that a seed repeats them.

    Args:
        like: A tensor of the shape, type and device wanted; of its first step alone, the mask
            holds for a whole sequence (Gal & Ghahramani 2016).
        rate: Part to drop, from 0 to below 1.

    Raises:
        InputError: The rate is out of its range.

    Example:
        >>> x = torch.ones(1_000, 100)
        >>> mask = dropout_mask(x, 0.25)
        >>> 0.24 < float((mask == 0).float().mean()) < 0.26, round(float(mask.max()), 4)
        (True, 1.3333)
    """
    if not 0 <= rate < 1:
        raise InputError(f"dropout rate is {rate}; expected from 0 to below 1.")
    # All 64 bits, as random_(least, None) draws them, which torch.compile cannot trace.
    words = torch.randint(_LEAST, -(_LEAST + 1), (-(-like.numel() // 4),), device=like.device)
    words = words ^ _LEAST
    draws = words.view(torch.int16)[: like.numel()].view(like.shape)
    return (draws >= round(rate * _VALUES) - _VALUES // 2).to(like.dtype).mul_(1 / (1 - rate))
