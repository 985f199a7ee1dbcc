"""A few notes typed by hand, for a model to go on from."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Final

from gatework.data.music.folder import SUFFIXES, read_piece
from gatework.data.music.piece import Note, Piece
from gatework.data.music.pitches import pitch_of
from gatework.errors import InputError

_QUARTER: Final = 480
_SOUND: Final = re.compile(r"(?P<pitches>r|[^*/\s]+)(?P<length>\*\d+)?(?P<part>/\d+)?")


def read_primer(text: str) -> Piece:
    """Return the notes of a text, or those of the file that it names.

    Args:
        text: A path that ends as MIDI or ABC does; or notes apart by blanks, each a pitch as a
            number or a name, with its length in quarter notes after * and /: `60 62*2 64/2`.
            Pitches joined by + sound together, r is a rest.

    Raises:
        InputError: It is neither; the message names the word, or the file.

    Example:
        >>> [tuple(note)[:3] for note in read_primer("C4 r/2 60+E4*3/2").notes]
        [(0, 480, 60), (720, 720, 60), (720, 720, 64)]
    """
    path = Path(text)
    if path.suffix.lower() in SUFFIXES:
        return read_piece(path)
    notes: list[Note] = []
    now = Fraction(0)
    for word in text.replace(",", " ").split():
        found = _SOUND.fullmatch(word)
        length = _length(found) if found else 0
        if found is None or not length:
            raise InputError(
                f"{word!r} in the primer is no note; expected one such as 60, C4*2, C#4/2, "
                "60+64+67 or r, or the name of a MIDI or ABC file"
            )
        if found["pitches"] != "r":
            start, end = (round(time * _QUARTER) for time in (now, now + length))
            for pitch in sorted({pitch_of(each) for each in found["pitches"].split("+")}):
                notes.append(Note(start, max(end - start, 1), pitch))
        now += length
    if not notes:
        raise InputError(f"the primer {text!r} has no notes")
    return Piece(tuple(notes), _QUARTER)


def _length(found: re.Match[str]) -> Fraction:
    """In quarter notes; 0 where it is none."""
    part = int((found["part"] or "/1")[1:])
    return Fraction(int((found["length"] or "*1")[1:]), part) if part else Fraction(0)
