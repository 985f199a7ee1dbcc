"""A voice in ABC notation, line by line, as symbols: pitches and lengths are settled here."""

import re
from fractions import Fraction
from typing import Final, final

from gatework.data.music.abc_repeats import Bar, Change, Ending, Sound, Symbol
from gatework.data.music.abc_signs import (
    ALTERED,
    key_signs,
    length_of,
    meter_of,
    tempo_of,
    tuplet_of,
)
from gatework.data.music.pitches import LETTERS
from gatework.errors import InputError

_LENGTH: Final = r"\d*/*\d*"
_NOTE: Final = r"(?P<sign>\^\^|\^|__|_|=)?(?P<letter>[A-Ga-g])(?P<octave>[,']*)"
_TOKEN: Final = re.compile(
    rf"""
      (?P<field>\[[A-Za-z]:[^\]]*\])
    | \[(?P<ending>\d[\d,-]*)
    | (?P<bar>:*\[?\|[|\]:]*|:{{2,}})(?P<turns>\d[\d,-]*)?
    | \[(?P<chord>[^\[\]|:]+)\](?P<chord_length>{_LENGTH})
    | {_NOTE}(?P<length>{_LENGTH})
    | [zx](?P<rest>{_LENGTH})
    | [ZX](?P<bars>\d*)
    | \((?P<tuplet>\d)(:(?P<time>\d?)(:(?P<count>\d?))?)?
    | (?P<broken>>+|<+)
    | (?P<tie>-)
    # Chord names, decorations, grace notes, slurs, blanks; and what the standard keeps for later.
    | "[^"]*" | ![^!]*! | ! | \+[^+]*\+ | \{{[^}}]*\}} | [\s`.~H-Wh-wy()\\*;?@\#$]
    """,
    re.VERBOSE,
)
_CHORD: Final = re.compile(
    rf"{_NOTE}(?P<length>{_LENGTH})(?P<tie>-?) | [\s.~H-Wh-w] | ![^!]*! | \"[^\"]*\"", re.VERBOSE
)


@final
class Voice:
    """Reads the lines of one voice.

    Args:
        key: By letter, what the signature raises it by.
        unit: The length of a note without one, in whole notes.
        meter: Beats and unit, if it is known.

    Attributes:
        symbols: What was read.

    Example:
        >>> voice = Voice(key_signs("D"), Fraction(1, 8), (4, 4))
        >>> voice.read("F2 (3ABc|")
        >>> [(each.pitches, str(each.length)) for each in voice.symbols[:2]]
        [((66,), '1/4'), ((69,), '1/12')]
    """

    def __init__(self, key: dict[str, int], unit: Fraction, meter: tuple[int, int] | None) -> None:
        self.symbols: list[Symbol] = []
        self._key, self._unit, self._meter = key, unit, meter
        self._signs: dict[str, int] = {}  # those that hold for the rest of the bar
        self._tied: dict[tuple[str, str], int] = {}  # how far each note that sounds on is raised
        self._sounded: dict[tuple[str, str], int] = {}  # the same of the last sound
        self._last = -1  # where that is
        self._shortened = Fraction(1)  # what a broken rhythm does to the next sound
        self._tuplet, self._of_tuplet = Fraction(1), 0  # and a tuplet to so many

    def read(self, line: str) -> None:
        """Read a line of music.

        Raises:
            InputError: It has something that is no music; the message tells the column.
        """
        at = 0
        while at < len(line):
            token = _TOKEN.match(line, at)
            try:
                if token is None:
                    raise InputError(f"{line[at]!r} is no ABC notation here")
                self._take(token)
            except InputError as error:
                raise InputError(f"column {at + 1}: {error}") from None
            at = token.end()

    def change(self, field: str, value: str) -> None:
        """Take a field in the midst of the music; those that are not about notes change nothing."""
        match field:
            case "K":
                self._key, self._signs = key_signs(value), {}
            case "L":
                self._unit = length_of(value.strip())
            case "M":
                self._meter = meter_of(value)
                self.symbols.append(Change(None, self._meter))
            case "Q":
                self.symbols.append(Change(tempo_of(value, self._unit), None))

    def _take(self, token: re.Match[str]) -> None:
        found = token.groupdict()
        if found["letter"]:
            name = (found["letter"], found["octave"])
            self._sound({name: self._raised(found["sign"], *name)}, found["length"])
        elif found["chord"]:
            self._chord(found["chord"], found["chord_length"])
        elif found["rest"] is not None:
            self._sound({}, found["rest"])
        elif found["bars"] is not None:
            beats, unit = self._meter or (4, 4)
            self.symbols.append(Sound((), Fraction(beats, unit) * int(found["bars"] or 1)))
        elif found["bar"]:
            self._bar(found["bar"], found["turns"])
        elif found["ending"]:
            self.symbols.append(Ending(_turns(found["ending"])))
        elif found["field"]:
            self.change(found["field"][1], found["field"][3:-1])
        else:
            self._rhythm(found)

    def _rhythm(self, found: dict[str, str | None]) -> None:
        """Take what changes the length of sounds."""
        if tuplet := found["tuplet"]:
            notes = int(tuplet)
            if notes < 2:
                raise InputError(f"a tuplet of {notes}; expected 2 to 9")
            time = int(found["time"] or tuplet_of(notes, self._meter))
            self._tuplet, self._of_tuplet = Fraction(time, notes), int(found["count"] or notes)
        elif broken := found["broken"]:
            short = Fraction(1, 2 ** len(broken))
            before, self._shortened = (2 - short, short) if broken[0] == ">" else (short, 2 - short)
            last = self._last_sound()
            self.symbols[self._last] = last._replace(length=last.length * before)
        elif found["tie"]:
            last = self._last_sound()
            self.symbols[self._last] = last._replace(tied=last.pitches)
            self._tied = self._sounded

    def _last_sound(self) -> Sound:
        last = self.symbols[self._last] if self._last >= 0 else None
        if not isinstance(last, Sound):
            raise InputError("nothing is before it that it could belong to")
        return last

    def _raised(self, sign: str | None, letter: str, octave: str) -> int:
        """How many semitones a letter is raised by.

        An accidental holds to the end of the bar, in all octaves; over the bar line for the note
        that is tied to it.
        """
        name = letter.upper()
        if sign:
            self._signs[name] = ALTERED[sign]
        elif (letter, octave) in self._tied:
            return self._tied[letter, octave]
        return self._signs.get(name, self._key.get(name, 0))

    def _chord(self, text: str, length: str) -> None:
        notes: dict[tuple[str, str], int] = {}
        lengths: list[str] = []
        tied: set[tuple[str, str]] = set()
        at = 0
        while at < len(text):
            token = _CHORD.match(text, at)
            if token is None:
                raise InputError(f"the chord [{text}] has {text[at]!r}; expected notes")
            if token["letter"]:
                name = (token["letter"], token["octave"])
                notes[name] = self._raised(token["sign"], *name)
                lengths.append(token["length"])
                if token["tie"]:
                    tied.add(name)
            at = token.end()
        if not notes:
            raise InputError(f"the chord [{text}] has no notes")
        self._sound(notes, length, length_of(lengths[0]))
        last = self._last_sound()
        self._tied = {name: notes[name] for name in tied}
        kept = tuple(_pitch(*name, notes[name]) for name in notes if name in tied)
        self.symbols[self._last] = last._replace(tied=kept)

    def _sound(
        self, notes: dict[tuple[str, str], int], length: str, factor: Fraction = Fraction(1)
    ) -> None:
        whole = self._unit * length_of(length) * factor * self._shortened
        self._shortened = Fraction(1)
        if self._of_tuplet:
            whole *= self._tuplet
            self._of_tuplet -= 1
        self._sounded, self._tied = notes, {}
        self._last = len(self.symbols)
        self.symbols.append(
            Sound(tuple(_pitch(*name, raised) for name, raised in notes.items()), whole)
        )

    def _bar(self, signs: str, turns: str | None) -> None:
        self._signs = {}
        if set(signs) == {":"}:  # :: is :|:
            again, begins = max(1, len(signs) // 2), True
        else:
            again = len(signs) - len(signs.lstrip(":"))
            begins = signs.endswith(":")
        is_double = signs.count("|") > 1 or "]" in signs or "[" in signs
        self.symbols.append(Bar(begins, again, is_double))
        if turns:
            self.symbols.append(Ending(_turns(turns)))


def _pitch(letter: str, octave: str, raised: int) -> int:
    pitch = 60 + LETTERS[letter.upper()] + 12 * letter.islower() + raised
    pitch += 12 * (octave.count("'") - octave.count(","))
    if not 0 <= pitch < 128:
        raise InputError(f"{letter}{octave} is too high or too low for any instrument")
    return pitch


def _turns(text: str) -> tuple[int, ...]:
    """1,3 or 1-3 as numbers."""
    turns: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        turns += range(int(first), int(last or first) + 1)
    return tuple(turns)
