"""Primers as people type them."""

from pathlib import Path

import pytest

from gatework.data.music import Note, Piece
from gatework.data.music.primers import read_primer
from gatework.data.music.writing import write_midi
from gatework.errors import InputError


def test_pitches_lengths_chords_and_rests() -> None:
    piece = read_primer("60 62*2 r/2, F#4/3 60+64+67*3/2")
    assert [tuple(note)[:3] for note in piece.notes] == [
        (0, 480, 60),
        (480, 960, 62),
        (1680, 160, 66),
        (1840, 720, 60),
        (1840, 720, 64),
        (1840, 720, 67),
    ]


def test_a_file(tmp_path: Path) -> None:
    notes = tuple(Note(480 * step, 480, 60 + step) for step in range(3))
    write_midi(tmp_path / "a primer.mid", Piece(notes))
    assert read_primer(str(tmp_path / "a primer.mid")).notes == notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no notes"),
        ("r r", "has no notes"),
        ("60 H4", "'H4' is no pitch"),
        ("60*0", "'60[*]0' in the primer is no note"),
        ("60/0", "'60/0' in the primer is no note"),
        ("60**2", "is no note"),
        ("60+", "'' is no pitch"),
        ("128", "expected 0 to 127"),
        ("none.mid", "is not there"),
    ],
)
def test_what_is_none(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_primer(text)
