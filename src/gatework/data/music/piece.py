"""A piece of music: notes in ticks, with the tempo and the metre they are meant in."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, final

import numpy as np

from gatework.errors import InputError

KEYS: Final = 88  # of a piano
LOWEST: Final = 21  # pitch of its lowest key, A0
LOUDNESS: Final = 80  # velocity where none is given
_FRAME: Final = 120  # ticks of a frame of a roll, so that any program can show it


class Note(NamedTuple):
    """One note.

    Attributes:
        start: Ticks from the beginning of the piece.
        length: Ticks, 1 or more.
        pitch: As MIDI numbers it: 60 is middle C, 127 the highest.
        velocity: From 1 to 127.
    """

    start: int
    length: int
    pitch: int
    velocity: int = LOUDNESS


class Tempo(NamedTuple):
    """From `start` in ticks on, so many quarter notes a minute."""

    start: int
    quarters: float


class Meter(NamedTuple):
    """From `start` in ticks on, bars of `beats` notes of 1 / `unit`."""

    start: int
    beats: int
    unit: int


@final
@dataclass(frozen=True)
class Piece:
    """Notes in the order of their starts, then pitches; no pitch sounds twice at once.

    `tidy` brings notes into that order.

    Args:
        notes: The notes.
        ticks_per_quarter: Ticks of a quarter note.
        tempos: In order; before the first of them, 120 quarters a minute.
        meters: In order; before the first of them, 4/4.
        name: Of the tune, or the file.

    Raises:
        InputError: A value is out of its range, or the notes are not in order.

    Example:
        >>> piece = Piece((Note(0, 4, 60), Note(4, 2, 64)), 4, (Tempo(0, 60.0),))
        >>> piece.end, piece.seconds([0, 4, 6]).tolist()
        (6, [0.0, 1.0, 1.5])
    """

    notes: tuple[Note, ...]
    ticks_per_quarter: int = 480
    tempos: tuple[Tempo, ...] = ()
    meters: tuple[Meter, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse what no file could hold."""
        if not 1 <= self.ticks_per_quarter < 2**15:
            raise InputError(f"ticks_per_quarter is {self.ticks_per_quarter}; expected 1 to 32,767")
        for tempo in self.tempos:
            if not 4 <= tempo.quarters < 10_000:
                raise InputError(f"{tempo}: expected 4 to 10,000 quarters a minute")
        for meter in self.meters:
            if not 1 <= meter.beats < 256 or meter.unit not in (1, 2, 4, 8, 16, 32, 64):
                raise InputError(f"{meter}: expected 1 to 255 beats of 1, 1/2, 1/4 ... 1/64")
        ends, before = dict[int, int](), (0, -1)
        for note in self.notes:
            start, length, pitch, velocity = note
            if length < 1 or not 0 <= pitch < 128 or not 1 <= velocity < 128:
                raise InputError(
                    f"{note}: expected length 1 or more, pitch 0 to 127, velocity 1 to 127"
                )
            if (start, pitch) <= before or start < ends.get(pitch, 0):
                raise InputError(f"{note} is out of order, or sounds twice at once; see `tidy`")
            ends[pitch], before = start + length, (start, pitch)

    @property
    def end(self) -> int:
        """The tick at which the last note has ended; 0 without notes."""
        return max((note.start + note.length for note in self.notes), default=0)

    def seconds(self, ticks: Iterable[int]) -> np.ndarray:
        """Return (N,) float64: when each of the ticks is."""
        tempos = [Tempo(0, 120.0), *self.tempos]
        starts = np.array([tempo.start for tempo in tempos], np.float64)
        pace = np.array([60 / tempo.quarters / self.ticks_per_quarter for tempo in tempos])
        begun = np.concatenate([[0.0], np.cumsum(np.diff(starts) * pace[:-1])])
        at = np.asarray(list(ticks), np.float64)
        which = np.searchsorted(starts, at, side="right") - 1
        return begun[which] + (at - starts[which]) * pace[which]


def tidy(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Sort notes, and let each end where its own pitch begins again; of two at once, the longer.

    Example:
        >>> [tuple(note) for note in tidy([Note(2, 9, 60, 70), Note(0, 5, 60, 80)])]
        [(0, 2, 60, 80), (2, 9, 60, 70)]
    """
    kept: list[Note] = []
    latest: dict[int, int] = {}  # where in `kept` the last note of a pitch is
    for note in sorted(notes, key=lambda note: (note.start, note.pitch, -note.length)):
        place = latest.get(note.pitch)
        if place is not None:
            before = kept[place]
            if before.start == note.start:
                continue
            kept[place] = before._replace(length=min(before.length, note.start - before.start))
        latest[note.pitch] = len(kept)
        kept.append(note)
    return tuple(kept)


def from_roll(
    roll: np.ndarray,
    *,
    frames_per_quarter: int = 1,
    quarters: float = 90.0,
    velocity: int = LOUDNESS,
    name: str = "",
) -> Piece:
    """Make a piece of frames of 88 keys; a key held through several frames is one long note.

    Args:
        roll: (T, 88), anything but 0 a key that is down; column k is pitch 21 + k.
        frames_per_quarter: Frames of a quarter note.
        quarters: Tempo, quarter notes a minute.
        velocity: Of all notes.
        name: Of the piece.

    Raises:
        InputError: The roll has another shape.

    Example:
        >>> roll = np.zeros((3, 88))
        >>> roll[:2, 39] = 1
        >>> [tuple(note) for note in from_roll(roll).notes]
        [(0, 240, 60, 80)]
    """
    if roll.ndim != 2 or roll.shape[1] != KEYS:
        raise InputError(f"the roll has shape {roll.shape}; expected (frames, {KEYS})")
    down = np.pad(np.asarray(roll) != 0, ((1, 1), (0, 0))).astype(np.int8)
    change = np.diff(down, axis=0).T  # by key, so that the n-th start and the n-th end belong
    keys, starts = np.nonzero(change == 1)
    _, ends = np.nonzero(change == -1)
    notes = (
        Note(int(start) * _FRAME, int(end - start) * _FRAME, LOWEST + int(key), velocity)
        for key, start, end in zip(keys, starts, ends, strict=True)
    )
    return Piece(tidy(notes), frames_per_quarter * _FRAME, (Tempo(0, quarters),), (), name)


def to_roll(piece: Piece, *, frames_per_quarter: int = 1) -> np.ndarray:
    """Return (T, 88) uint8: which keys are down in each frame; every note has a frame at least.

    Raises:
        InputError: A pitch is no key of a piano.

    Example:
        >>> to_roll(Piece((Note(0, 480, 60), Note(480, 100, 64)))).sum(0).nonzero()
        (array([39, 43]),)
    """
    strange = [note.pitch for note in piece.notes if not LOWEST <= note.pitch < LOWEST + KEYS]
    if strange:
        raise InputError(f"pitch {strange[0]} is no key of a piano; expected {LOWEST} to 108")
    # Halves upwards, so that notes of one length stay of one length.
    bounds = [(note.start, note.start + note.length) for note in piece.notes]
    ticks = np.array(bounds, np.int64).reshape(-1, 2)
    unit = 2 * piece.ticks_per_quarter
    frames = (2 * ticks * frames_per_quarter + piece.ticks_per_quarter) // unit
    frames[:, 1] = np.maximum(frames[:, 1], frames[:, 0] + 1)
    roll = np.zeros((frames[:, 1].max(initial=0), KEYS), np.uint8)
    for note, (start, end) in zip(piece.notes, frames, strict=True):
        roll[start:end, note.pitch - LOWEST] = 1
    return roll
