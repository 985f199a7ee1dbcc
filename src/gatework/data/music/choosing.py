"""The grid and the words that pieces are told in, as the pieces themselves ask for them."""

import heapq
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from gatework.data.music.events import GRIDS, Events, nearest
from gatework.data.music.piece import Piece, Tempo

_ON_GRID: Final = 0.995  # part of the starts
_NEARLY_ALL: Final = 0.99  # of the notes: what is beyond, is not written
_NEAR: Final = 1 / 96  # of a quarter note: as good as on it
_LOUDNESSES: Final = 8  # words for it, where it differs


class Grid(NamedTuple):
    """What the pieces are told in, and why: pairs of a setting's name and the reason."""

    events: Events
    reasons: dict[str, str]


def choose_events(
    pieces: Sequence[Piece], *, steps: int | None = None, loudnesses: int | None = None
) -> Grid:
    """Choose the words by pieces to learn from.

    Args:
        pieces: The training part.
        steps: Of a quarter note; None is the fewest that nearly all notes begin on.
        loudnesses: How many are told apart; None is 8, or 1 where all notes are equally loud.
    """
    reasons: dict[str, str] = {}
    if steps is None:
        places = np.array(
            [note.start / piece.ticks_per_quarter for piece in pieces for note in piece.notes]
        )
        shares = [(grid, _share_on(places, grid)) for grid in GRIDS]
        steps, share = next((each for each in shares if each[1] >= _ON_GRID), shares[-1])
        reasons["steps_per_quarter"] = f"{share:.1%} of the notes begin on one"
    if loudnesses is None:
        velocities = {note.velocity for piece in pieces for note in piece.notes}
        differs = len(velocities) > 1
        loudnesses = _LOUDNESSES if differs else 1
        reasons["loudnesses"] = (
            f"{len(velocities)} different velocities" if differs else "all notes are equally loud"
        )
    tempos = sorted(_usual_tempo(piece) for piece in pieces)
    meters = [piece.meters[0] for piece in pieces if piece.meters]
    counted = {(each.beats, each.unit): 0 for each in meters}
    for each in meters:
        counted[each.beats, each.unit] += 1
    pitches = [note.pitch for piece in pieces for note in piece.notes]
    events = Events(
        steps,
        loudnesses,
        _usual_longest(pieces, steps),
        _usual_voices(pieces),
        min(pitches),
        max(pitches),
        round(tempos[len(tempos) // 2], 3),
        max(counted, key=lambda meter: counted[meter]) if counted else None,
    )
    return Grid(events, reasons)


def _share_on(places: np.ndarray, grid: int) -> float:
    """Which part of places in quarter notes, (N,), are steps of a grid."""
    return float((np.abs(places - np.round(places * grid) / grid) <= _NEAR).mean())


def _usual_longest(pieces: Sequence[Piece], steps: int) -> int:
    """Steps that nearly all notes, and the silences between them, do not exceed."""
    lengths: list[int] = []
    for piece in pieces:
        end = 0
        for note in piece.notes:
            lengths.append(nearest(note.length * steps, piece.ticks_per_quarter))
            if note.start > end:
                lengths.append(nearest((note.start - end) * steps, piece.ticks_per_quarter))
            end = max(end, note.start + note.length)
    return max(1, int(np.quantile(lengths, _NEARLY_ALL, method="higher")))


def _usual_voices(pieces: Sequence[Piece]) -> int:
    """How many notes sound at once where nearly any note begins, itself counted."""
    counts: list[int] = []
    for piece in pieces:
        ends: list[int] = []  # a heap
        for note in piece.notes:
            while ends and ends[0] <= note.start:
                heapq.heappop(ends)
            heapq.heappush(ends, note.start + note.length)
            counts.append(len(ends))
    return int(np.quantile(counts, _NEARLY_ALL, method="higher"))


def _usual_tempo(piece: Piece) -> float:
    """The tempo that most of a piece is in."""
    lasts: dict[float, int] = {}
    tempos = [Tempo(0, 120.0), *piece.tempos]
    ends = [*(tempo.start for tempo in tempos[1:]), max(piece.end, tempos[-1].start + 1)]
    for tempo, end in zip(tempos, ends, strict=True):
        lasts[tempo.quarters] = lasts.get(tempo.quarters, 0) + end - tempo.start
    return max(lasts, key=lambda quarters: lasts[quarters])
