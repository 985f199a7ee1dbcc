"""Keys seen from a key: what lies around it, and weights laid out around it."""

from typing import Final

import torch
from torch import Tensor

REACH: Final = 24  # keys up and down: two octaves
WINDOW: Final = 2 * REACH + 1


def around(rolls: Tensor, centre: Tensor) -> Tensor:
    """Return (N, WINDOW) of rolls, (N, D), what lies up to REACH keys from each centre, (N,).

    Example:
        >>> around(torch.eye(3)[:1], torch.tensor([2]))[0].nonzero().flatten() - REACH
        tensor([-2])
    """
    places = centre[:, None] + torch.arange(-REACH, REACH + 1, device=rolls.device)
    inside = (places >= 0) & (places < rolls.shape[1])
    return rolls.gather(1, places.clamp(0, rolls.shape[1] - 1)) * inside


def spread(weights: Tensor, centre: Tensor, keys: int) -> Tensor:
    """Lay weights of intervals, (N, WINDOW), around each centre, (N,): (N, keys), 0 out of reach.

    Example:
        >>> spread(torch.arange(49.0)[None], torch.tensor([1]), 3)
        tensor([[23., 24., 25.]])
    """
    places = torch.arange(keys, device=weights.device) - centre[:, None] + REACH
    inside = (places >= 0) & (places < WINDOW)
    return weights.gather(1, places.clamp(0, WINDOW - 1)) * inside
