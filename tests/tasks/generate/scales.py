"""Small pieces with a rule: scales up and down in thirds, in some keys, then the tonic, held."""

from typing import Any, Final

from gatework.data.music import Note, Piece, Tempo
from gatework.data.music.piece import tidy

MAJOR: Final = (0, 2, 4, 5, 7, 9, 11, 12)
SMALL: Final[dict[str, Any]] = {
    "hidden_size": 48,
    "window": 24,
    "batch_size": 8,
    "epochs": 12,
    "dropout": 0.0,
    "learning_rate": 0.02,
    "validation_share": 0.1,
}


def scale(tonic: int, turn: int) -> Piece:
    """Up to the degree `turn`, down again, and the tonic for a bar."""
    degrees = [*range(turn), *range(turn, -1, -1)]
    notes = [
        Note(240 * step, 240, tonic + MAJOR[degree] + third)
        for step, degree in enumerate(degrees)
        for third in (0, 12)
    ]
    end = 240 * len(degrees)
    notes.append(Note(end, 960, tonic - 12))
    return Piece(tidy(notes), 480, (Tempo(0, 100.0),), name=f"{tonic} {turn}")


def in_key(piece: Piece, pitch: int) -> Piece:
    """Move a piece so that its first note has this pitch."""
    by = pitch - piece.notes[0].pitch
    moved = tuple(note._replace(pitch=note.pitch + by) for note in piece.notes)
    return Piece(moved, piece.ticks_per_quarter, piece.tempos, name=piece.name)


def pieces() -> list[Piece]:
    """Forty of them; none is another one in another key."""
    found = [scale(48 + 5 * turn % 12, turn) for turn in range(2, 8)]
    for number in range(34):
        turns = (2 + number % 6, 2 + number // 6)
        first, second = scale(50 + number % 7, turns[0]), scale(50 + number % 7, turns[1])
        moved = [note._replace(start=note.start + first.end) for note in second.notes]
        found.append(Piece(tidy([*first.notes, *moved]), 480, first.tempos, name=f"{number}"))
    return found
