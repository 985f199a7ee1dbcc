"""What the headers of ABC notation mean: keys and modes, metres, tempos, lengths, tuplets.

After the abc music standard 2.1 (abcnotation.com, 2011).
"""

import re
from fractions import Fraction
from typing import Final

from gatework.errors import InputError

_FIFTHS: Final = "FCGDAEB"  # each a fifth above the one before; also the order of the sharps
# How many fifths the tonic of a mode is above that of the major key with its signs.
_MODES: Final = {
    "": 0, "maj": 0, "ion": 0, "m": 3, "min": 3, "aeo": 3, "mix": 1, "dor": 2, "phr": 4, "lyd": -1,
    "loc": 5,
}  # fmt: skip
ALTERED: Final = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2, "": 0}
_KEY: Final = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)")
_SIGN: Final = re.compile(r"(?<![A-Za-z=])(\^\^|\^|__|_|=)([A-Ga-g])(?![A-Za-z])")
_BEAT: Final = re.compile(r"(\d+)/(\d+)")
_QUOTED: Final = re.compile(r'"[^"]*"')
_LENGTH: Final = re.compile(r"(\d*)(/*)(\d*)")


def key_signs(text: str) -> dict[str, int]:
    """Return by letter how many semitones a key signature raises it by.

    Raises:
        InputError: It is no key.

    Example:
        >>> key_signs("D"), key_signs("Ador"), key_signs("E minor"), key_signs("D Phr ^f")
        ({'F': 1, 'C': 1}, {'F': 1}, {'F': 1}, {'B': -1, 'E': -1, 'F': 1})
    """
    text = text.strip()
    added = {letter.upper(): ALTERED[sign] for sign, letter in _SIGN.findall(text)}
    if text[:2] in ("HP", "Hp"):  # the highland pipes
        return {"F": 1, "C": 1} | added
    found = _KEY.match(text)
    if found is None:
        word = text.split("=")[0].split(" ")[0].lower()
        known = ("", "none", "exp", "clef", "treble", "bass", "alto", "tenor", "perc")
        if word in known or text[:1] in "^_=":
            return added
        raise InputError(f"the key {text!r} is none; expected one such as G, Am or D mix")
    letter, sign, mode = found.groups()
    word = mode.lower() if mode.lower() in ("", "m") else mode.lower()[:3]
    if word in ("exp", "cle", "tre", "bas", "alt", "ten", "oct", "tra", "sta", "mid", "non"):
        word = ""  # of the clef, or explicit signs alone
        if mode.lower()[:3] == "exp":
            return added
    if word not in _MODES:
        raise InputError(f"the key {text!r} has no mode that is known; expected one as in D mix")
    place = _FIFTHS.index(letter) - 1 + 7 * {"#": 1, "b": -1, "": 0}[sign] - _MODES[word]
    if not -7 <= place <= 7:
        raise InputError(f"the key {text!r} would have more than seven signs")
    letters = _FIFTHS[:place] if place > 0 else _FIFTHS[::-1][:-place]
    return dict.fromkeys(letters, 1 if place > 0 else -1) | added


def meter_of(text: str) -> tuple[int, int] | None:
    """Return beats and unit of a metre; None where it is free.

    Raises:
        InputError: It is none.

    Example:
        >>> meter_of("6/8"), meter_of("C|"), meter_of("2+3/8"), meter_of("none")
        ((6, 8), (2, 2), (5, 8), None)
    """
    text = text.strip()
    if text in ("C", "C|"):
        return (4, 4) if text == "C" else (2, 2)
    if text in ("", "none"):
        return None
    found = re.fullmatch(r"\(?(\d+(?:\s*\+\s*\d+)*)\)?\s*/\s*(\d+)", text)
    if found is None or int(found[2]) not in (1, 2, 4, 8, 16, 32, 64):
        raise InputError(f"the metre {text!r} is none; expected one such as 3/4")
    beats = sum(map(int, found[1].split("+")))
    if not 0 < beats < 256:
        raise InputError(f"the metre {text!r} has {beats} beats in a bar")
    return beats, int(found[2])


def tempo_of(text: str, unit: Fraction) -> float | None:
    """Return the quarter notes a minute of a tempo; None where it is told in words alone.

    Args:
        text: Such as 1/4=120, "Allegro" 3/8=60, or 120.
        unit: The length that a bare number counts.

    Raises:
        InputError: It is none, or not from 4 to 10,000 quarters a minute.

    Example:
        >>> tempo_of('"Lively" 3/8=60', Fraction(1, 8)), tempo_of("240", Fraction(1, 8))
        (90.0, 120.0)
    """
    bare = _QUOTED.sub("", text).strip()
    if not bare:
        return None
    beat, equals, number = bare.rpartition("=")
    beats = [Fraction(int(n), int(d)) for n, d in _BEAT.findall(beat) if int(d)]
    if not number.strip().isdecimal() or (
        equals and not beats and not beat.strip().startswith("C")
    ):
        raise InputError(f"the tempo {text!r} is none; expected one such as 1/4=120")
    quarters = float(4 * (sum(beats, Fraction(0)) if beats else unit) * int(number))
    if not 4 <= quarters < 10_000:
        raise InputError(f"the tempo {text!r} is {quarters:g} quarter notes a minute")
    return quarters


def length_of(text: str) -> Fraction:
    """Return what a note's length multiplies the unit by: 2, 3/2, /2, //.

    Raises:
        InputError: It is of no length.

    Example:
        >>> [str(length_of(text)) for text in ("", "2", "3/2", "/", "//", "/4")]
        ['1', '2', '3/2', '1/2', '1/4', '1/4']
    """
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise InputError(f"{text!r} is no length")
    above, slashes, below = found.groups()
    divisor = int(below) if below else 2 ** len(slashes)
    if not divisor or (above and not int(above)):
        raise InputError(f"{text!r} is no length")
    return Fraction(int(above or 1), divisor)


def tuplet_of(notes: int, meter: tuple[int, int] | None) -> int:
    """Return in the time of how many the notes of a tuplet are played, where nothing says it."""
    is_compound = meter is not None and meter[1] == 8 and meter[0] in (6, 9, 12)
    known = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
    return known.get(notes, 3 if is_compound else 2)
