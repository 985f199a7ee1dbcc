"""What a fit leaves behind for people to read: the input of the report and of the summary."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gatework.tasks.frames.scores import Scores
from gatework.tasks.frames.sequences import FrameSchema
from gatework.tasks.settings import Choice
from gatework.training.history import Curve


class Sample(NamedTuple):
    """A sequence that the model drew of its own: (T, D) frames, at a temperature."""

    temperature: float
    frames: np.ndarray


class Surprise(NamedTuple):
    """A frame that came unexpected.

    Attributes:
        sequence: Which of the judged part, from 0.
        frame: Which of it, from 0.
        before: The frame before, in words.
        came: The frame, in words.
        nats: Its loss.
    """

    sequence: int
    frame: int
    before: str
    came: str
    nats: float


@dataclass(frozen=True)
class Outcome:
    """A finished fit.

    Args:
        settings: Every setting by name.
        choices: Settings chosen from the data, with the reason.
        schema: What the numbers of a frame are.
        scores: Of the judged part.
        real: The beginning of a judged sequence, (T, D), to hold samples against.
        samples: What it draws.
        surprises: Where it was wrong most.
        curves: The training: (step, training loss, validation loss or None).
        data: Facts about the data, as pairs of a name and a value to read.
        training: Facts about the training, likewise.
        notes: What a reader must know about the data, one line each.
    """

    settings: Mapping[str, Any]
    choices: tuple[Choice, ...]
    schema: FrameSchema
    scores: Scores
    real: np.ndarray
    samples: tuple[Sample, ...]
    surprises: tuple[Surprise, ...]
    curves: tuple[Curve, ...]
    data: tuple[tuple[str, str], ...]
    training: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def frame_name(frame: np.ndarray, schema: FrameSchema, *, most: int = 6) -> str:
    """Return a frame in words: the keys that are down, or the numbers.

    Example:
        >>> schema = FrameSchema(("C", "E", "G"), keys=True)
        >>> frame_name(np.array([1, 0, 1]), schema), frame_name(np.zeros(3), schema)
        ('C G', '(silence)')
        >>> frame_name(np.array([0.125, -3.0]), FrameSchema(("dx", "dy"), keys=False))
        'dx 0.125, dy -3'
    """
    if schema.keys:
        down = [name for name, value in zip(schema.columns, frame, strict=True) if value]
        return " ".join(down) or "(silence)"
    told = [f"{name} {value:.3g}" for name, value in zip(schema.columns, frame, strict=True)]
    return ", ".join(told[:most]) + (", …" if len(told) > most else "")
