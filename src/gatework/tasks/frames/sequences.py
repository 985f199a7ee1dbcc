"""Sequences of frames in the parts they come in, and what other data must agree with."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from gatework.data.music.picture import pitch_name
from gatework.data.music.piece import KEYS, LOWEST
from gatework.errors import InputError

WHOLE: Final = "all"  # the part of data that comes in one
PARTS: Final = ("train", "valid", "test")


@final
@dataclass(frozen=True)
class FrameSchema:
    """What the numbers of a frame are.

    Args:
        columns: A name for each.
        keys: Whether they are keys that are down (1) or not (0), rather than any numbers.
        steps_per_quarter: Frames of a quarter note, for keys.
    """

    columns: tuple[str, ...]
    keys: bool
    steps_per_quarter: int = 1

    @property
    def piano(self) -> bool:
        """Whether the keys are those of a piano, which can be played."""
        return self.keys and len(self.columns) == KEYS

    def __str__(self) -> str:
        count = len(self.columns)
        return f"{count} keys" if self.keys else f"{count} columns of numbers"


@final
@dataclass(frozen=True, eq=False)
class FrameData:
    """Sequences by part: "train", "valid" and "test", or "all".

    Args:
        parts: (T, D) float32 arrays.
        schema: What their numbers are.
        name: What the data is called.
        notes: What a reader must know, a line each.
    """

    parts: Mapping[str, tuple[np.ndarray, ...]]
    schema: FrameSchema
    name: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse sequences that are none."""
        size = len(self.schema.columns)
        for part, sequences in self.parts.items():
            if not sequences:
                raise InputError(f"{self.name} has no sequences" + _in(part))
            for place, frames in enumerate(sequences):
                if frames.ndim != 2 or frames.shape[1] != size:
                    raise InputError(
                        f"{self.name}, sequence {place}{_in(part)} has shape {frames.shape}; "
                        f"expected (frames, {size})"
                    )
                if not np.isfinite(frames).all():
                    step = int(np.argmin(np.isfinite(frames).all(1)))
                    raise InputError(
                        f"{self.name}, sequence {place}{_in(part)}, frame {step} (counting from 0) "
                        "holds a value that is no finite number"
                    )
                if self.schema.keys and not np.isin(frames, (0, 1)).all():
                    step = int(np.argmin(np.isin(frames, (0, 1)).all(1)))
                    raise InputError(
                        f"{self.name}, sequence {place}{_in(part)}, frame {step} (counting from 0) "
                        "holds a key that is neither 0 nor 1; for numbers, choose the head mdn"
                    )

    def first(self, *names: str) -> tuple[np.ndarray, ...]:
        """Return the first of these parts that there is.

        Raises:
            InputError: There is none of them.
        """
        for name in names:
            if name in self.parts:
                return self.parts[name]
        raise InputError(
            f"{self.name} has the parts {', '.join(self.parts)}; expected {' or '.join(names)}"
        )

    def digest(self) -> str:
        """Return SHA-256 of all of it."""
        found = hashlib.sha256(repr((self.schema, sorted(self.parts))).encode())
        for part in sorted(self.parts):
            for frames in self.parts[part]:
                found.update(str(frames.shape).encode())
                found.update(np.ascontiguousarray(frames).tobytes())
        return found.hexdigest()

    def agree(self, schema: FrameSchema) -> None:
        """Refuse data that is not like `schema`.

        Raises:
            InputError: It is not.
        """
        if (self.schema.columns, self.schema.keys) != (schema.columns, schema.keys):
            raise InputError(
                f"{self.name} holds {_named(self.schema)}; the model was fitted on {_named(schema)}"
            )


def key_names(keys: int) -> tuple[str, ...]:
    """Return names of keys: pitches for the 88 of a piano, else numbers.

    Example:
        >>> key_names(88)[39], key_names(2)
        ('C4', ('key 0', 'key 1'))
    """
    if keys == KEYS:
        return tuple(pitch_name(LOWEST + key) for key in range(KEYS))
    return tuple(f"key {key}" for key in range(keys))


def _in(part: str) -> str:
    return "" if part == WHOLE else f" in its part {part}"


def _named(schema: FrameSchema) -> str:
    return str(schema) if schema.keys else ", ".join(schema.columns)
