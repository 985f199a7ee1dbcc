"""A piano roll: a bar for each note, time from left to right, pitch from below."""

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection

from gatework.data.music.piece import Piece
from gatework.data.music.pitches import pitch_name

_LEAST: Final = 14  # semitones that are shown at least
_THICK: Final = 0.84  # of the height of a semitone


def draw_roll(axes: Axes, piece: Piece, *, colour: str, most: float | None = None) -> None:
    """Draw a piece into axes: louder notes stronger, a line for each octave.

    Args:
        axes: Where to; its ticks and limits are set.
        piece: The notes.
        colour: Of the notes.
        most: Quarter notes that are shown at most, from the beginning; None is all.
    """
    quarter = piece.ticks_per_quarter
    shown = [note for note in piece.notes if most is None or note.start < most * quarter]
    bars = [
        _bar(note.start / quarter, (note.start + note.length) / quarter, note.pitch)
        for note in shown
    ]
    strength = [0.35 + 0.65 * note.velocity / 127 for note in shown]
    axes.add_collection(
        PolyCollection(bars, facecolors=[(colour, each) for each in strength], linewidths=0)
    )
    pitches = [note.pitch for note in shown] or [60]
    middle, span = (min(pitches) + max(pitches)) / 2, max(pitches) - min(pitches) + 3
    half = max(span, _LEAST) / 2
    axes.set_ylim(middle - half, middle + half)
    octaves = [pitch for pitch in range(0, 128, 12) if middle - half < pitch < middle + half]
    axes.set_yticks(octaves, [pitch_name(pitch) for pitch in octaves])
    end = piece.end / quarter
    axes.set_xlim(0, max(end if most is None else min(end, most), 1))


def _bar(start: float, end: float, pitch: int) -> np.ndarray:
    gap = min(0.06, (end - start) / 5)  # so that two notes of a pitch are two bars
    low, high = pitch - _THICK / 2, pitch + _THICK / 2
    return np.array([(start, low), (start, high), (end - gap, high), (end - gap, low)])
