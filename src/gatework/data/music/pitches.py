"""Names of pitches: middle C, number 60, is C4; sharps are written #, flats b."""

import re
from typing import Final

from gatework.errors import InputError

_NAMES: Final = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
LETTERS: Final = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_NAME: Final = re.compile(r"([A-Ga-g])([#b]?)(-?\d)")


def pitch_name(pitch: int) -> str:
    """Return the name of a pitch.

    Example:
        >>> [pitch_name(pitch) for pitch in (60, 61, 57, 0)]
        ['C4', 'C#4', 'A3', 'C-1']
    """
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def pitch_of(name: str) -> int:
    """Return the pitch of a name, or of its number.

    Raises:
        InputError: It is none.

    Example:
        >>> [pitch_of(name) for name in ("60", "C#4", "Db4", "b3")]
        [60, 61, 61, 59]
    """
    if name.isascii() and name.isdigit():
        pitch = int(name)
    elif found := _NAME.fullmatch(name):
        letter, sign, octave = found.groups()
        pitch = LETTERS[letter.upper()] + {"": 0, "#": 1, "b": -1}[sign] + 12 * (int(octave) + 1)
    else:
        raise InputError(f"{name!r} is no pitch; expected a number such as 60, or a name as C#4")
    if not 0 <= pitch < 128:
        raise InputError(f"{name!r} is pitch {pitch}; expected 0 to 127")
    return pitch
