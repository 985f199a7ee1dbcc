"""Frames that go on: from a primer or from nothing, frame by frame, several sequences at once."""

import math
from typing import Final

import numpy as np
import torch

from gatework.data.music.piece import Piece, from_roll
from gatework.errors import InputError
from gatework.tasks.frames.fitted import Fitted
from gatework.tasks.frames.sequences import FrameSchema

_SEEDS: Final = 2**63


@torch.inference_mode()
def write(
    fitted: Fitted,
    primer: np.ndarray | None,
    *,
    length: int,
    count: int = 1,
    temperature: float = 1.0,
    seed: int = 0,
) -> np.ndarray:
    """Draw `count` sequences that go on from a primer.

    Args:
        fitted: The model.
        primer: (P, D) first frames of each, which are not given back; None begins anew.
        length: Frames to draw.
        count: Sequences, drawn all at once as one batch.
        temperature: Below 1 keeps to what is likely, 0 takes the likeliest.
        seed: The same seed, the same frames.

    Returns:
        (count, length, D) float32.

    Raises:
        InputError: A value is out of its range.
    """
    for name, value in (("length", length), ("count", count)):
        if value < 1:
            raise InputError(f"{name} is {value}; expected 1 or more")
    if not 0 <= temperature < math.inf:
        raise InputError(f"temperature is {temperature}; expected 0 or above")
    if not 0 <= seed < _SEEDS:
        raise InputError(f"seed is {seed}; expected 0 to 2**63 - 1")
    network, generator = fitted.network, torch.Generator().manual_seed(seed)
    states, last, state = network.begin(count)
    if primer is not None and len(primer):
        read = torch.from_numpy(np.ascontiguousarray(primer, np.float32))
        outputs, state = network.read(read[:, None].expand(-1, count, -1), state)
        states, last = outputs[-1], read[-1].expand(count, -1)
    drawn = []
    for _ in range(length):
        last = network.draw(states, last, temperature, generator)
        drawn.append(last)
        outputs, state = network.read(last[None], state)
        states = outputs[-1]
    return torch.stack(drawn, 1).numpy()


def to_piece(frames: np.ndarray, schema: FrameSchema, *, name: str = "") -> Piece:
    """Return (T, 88) frames of keys as a piece of music.

    Raises:
        InputError: They are no keys of a piano.
    """
    if not schema.piano:
        raise InputError(f"{schema} are no piano's: they cannot be played; write .csv or .npz")
    return from_roll(frames, frames_per_quarter=schema.steps_per_quarter, name=name)
