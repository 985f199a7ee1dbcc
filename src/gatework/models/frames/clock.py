"""Where in its sequence a frame stands: hands of a clock, for music that goes by beats and bars."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def clock(periods: Sequence[int], start: int, steps: int) -> Tensor:
    """Return (T, 2P): sine and cosine of each period, in frames, for frames from `start` on.

    Example:
        >>> clock([4], 0, 3).round().abs().tolist()
        [[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    """
    at = torch.arange(start, start + steps)[:, None] % torch.tensor(periods)
    angle = math.tau * at / torch.tensor(periods)
    return torch.stack([angle.sin(), angle.cos()], 2).flatten(1)
