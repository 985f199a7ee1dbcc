"""A piece as words, one event each: notes on and off, steps of time, loudness.

After the event vocabulary of Performance RNN (Oore et al. 2018, arXiv:1808.03715), on a grid that
is chosen by the data. `C4+ E4+ >4 C4- E4-` is a third that lasts four steps.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, Final, final

from gatework.data.music.piece import LOUDNESS, Meter, Note, Piece, Tempo, tidy
from gatework.data.music.pitches import pitch_name, pitch_of
from gatework.data.text import Tokeniser
from gatework.errors import InputError

PITCHES: Final = 128
GRIDS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24)  # steps of a quarter note
_QUARTER: Final = 480  # ticks; a multiple of each of them
_BAR: Final = 4  # quarter notes that one word can wait
_WORD: Final = re.compile(r"\S+")
_EVENT: Final = re.compile(
    r"(?P<pitch>[A-G][#b]?-?\d+)(?P<sign>[+-])|>(?P<wait>\d+)|v(?P<loud>\d+)"
)


@final
@dataclass(frozen=True)
class Events(Tokeniser):
    """Which words there are, and how a piece is told in them.

    All that happens at one time is told in one order: the ends by pitch, then the beginnings by
    pitch, each after a word for its loudness if that changes. Waits are told in the longest words.

    Args:
        steps: Of a quarter note.
        loudnesses: How many are told apart; 1 tells none.
        longest: Steps that all but a few of the notes and rests do not exceed.
        voices: Notes that sound at once, nearly always, at most.
        lowest: The lowest pitch there, in the keys that the pieces are in.
        highest: And the highest.
        tempo: Quarter notes a minute of what is written.
        meter: Beats and unit of it, to be written in a file.

    Example:
        >>> events = Events(steps=2)
        >>> piece = Piece((Note(0, 480, 60), Note(0, 960, 64), Note(480, 480, 60)))
        >>> events.text(piece).split()
        ['C4+', 'E4+', '>2', 'C4-', 'C4+', '>2', 'C4-', 'E4-']
        >>> events.piece(events.text(piece)).notes == piece.notes
        True
    """

    kind = "events"
    steps: int = 4
    loudnesses: int = 1
    longest: int = 64
    voices: int = PITCHES
    lowest: int = 0
    highest: int = PITCHES - 1
    tempo: float = 120.0
    meter: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.steps not in GRIDS:
            raise InputError(f"{self.steps} steps a quarter note; expected one of {GRIDS}")
        if not 1 <= self.loudnesses < PITCHES:
            raise InputError(f"{self.loudnesses} kinds of loudness; expected 1 to 127")

    @property
    def longest_wait(self) -> int:
        """Steps of the longest word for time."""
        return _BAR * self.steps

    @cached_property
    def words(self) -> tuple[str, ...]:
        """All words there are: beginnings, ends, waits, kinds of loudness."""
        names = [pitch_name(pitch) for pitch in range(PITCHES)]
        louds = range(1, self.loudnesses + 1) if self.loudnesses > 1 else ()
        return (
            *(f"{name}+" for name in names),
            *(f"{name}-" for name in names),
            *(f">{wait}" for wait in range(1, self.longest_wait + 1)),
            *(f"v{loud}" for loud in louds),
        )

    def tokens(self, text: str) -> list[str]:
        """Return the words of a text."""
        return text.split()

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where each is."""
        return [match.span() for match in _WORD.finditer(text)]

    def plain(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "kind": self.kind,
            "steps": self.steps,
            "loudnesses": self.loudnesses,
            "longest": self.longest,
            "voices": self.voices,
            "lowest": self.lowest,
            "highest": self.highest,
            "tempo": self.tempo,
            "meter": self.meter,
        }

    @classmethod
    def of(cls, plain: dict[str, Any]) -> "Events":
        """Restore from `plain`."""
        values = {name: value for name, value in plain.items() if name != "kind"}
        if values["meter"] is not None:
            values["meter"] = tuple(values["meter"])
        return cls(**values)

    def snap(self, piece: Piece) -> Piece:
        """Return a piece with its notes on the grid and of the kinds of loudness there are."""
        scale, unit = self.steps, piece.ticks_per_quarter
        tick = _QUARTER // self.steps
        notes = []
        for start, length, pitch, velocity in piece.notes:
            begins, ends = nearest(start * scale, unit), nearest((start + length) * scale, unit)
            loud = self._velocity(self._loudness(velocity))
            notes.append(Note(begins * tick, max(ends - begins, 1) * tick, pitch, loud))
        tempos = tuple(Tempo(nearest(t * _QUARTER, unit), q) for t, q in piece.tempos)
        meters = tuple(Meter(nearest(t * _QUARTER, unit), *rest) for t, *rest in piece.meters)
        return Piece(tidy(notes), _QUARTER, tempos, meters, piece.name)

    def text(self, piece: Piece) -> str:
        """Return a piece, as it is after `snap`, as words; a line for each time."""
        return "".join(map(written, self._words(self.snap(piece))))

    def piece(self, text: str, *, name: str = "", tempo: float | None = None) -> Piece:
        """Return the piece that words tell; a note that sounds at their end, ends there.

        Args:
            text: The words.
            name: Of the piece.
            tempo: Quarter notes a minute; None is the usual one.

        Raises:
            InputError: A word is none, or does not fit to those before it.
        """
        notes: list[Note] = []
        sounding: dict[int, tuple[int, int]] = {}
        now, velocity = 0, LOUDNESS
        tick = _QUARTER // self.steps
        for number, word in enumerate(text.split(), start=1):
            event = _EVENT.fullmatch(word)
            if event is None:
                raise InputError(f"word {number}, {word!r}, is no event; expected C4+, C4-, >4 ...")
            if event["wait"]:
                now += int(event["wait"]) * tick
            elif event["loud"]:
                velocity = self._velocity(min(int(event["loud"]), self.loudnesses))
            else:
                pitch, begins = pitch_of(event["pitch"]), event["sign"] == "+"
                if begins == (pitch in sounding):
                    problem = "sounds already" if begins else "does not sound"
                    raise InputError(f"word {number}, {word}: {event['pitch']} {problem}")
                if begins:
                    sounding[pitch] = (now, velocity)
                else:
                    notes += _note(pitch, sounding.pop(pitch), now)
        for pitch, begun in sounding.items():
            notes += _note(pitch, begun, now)
        tempos = (Tempo(0, self.tempo if tempo is None else tempo),)
        meters = (Meter(0, *self.meter),) if self.meter else ()
        return Piece(tidy(notes), _QUARTER, tempos, meters, name)

    def _words(self, piece: Piece) -> Iterable[str]:
        """The words of a piece that is on the grid."""
        # At one time the ends come first.
        happens = sorted(
            [(note.start, 1, note.pitch, note.velocity) for note in piece.notes]
            + [(note.start + note.length, 0, note.pitch, 0) for note in piece.notes]
        )
        now, loud = 0, 0
        for time, group in groupby(happens, key=lambda each: each[0]):
            wait = (time - now) * self.steps // _QUARTER
            while wait > 0:
                yield f">{min(wait, self.longest_wait)}"
                wait -= self.longest_wait
            now = time
            for _, begins, pitch, velocity in group:
                if begins and self.loudnesses > 1 and (new := self._loudness(velocity)) != loud:
                    loud = new
                    yield f"v{loud}"
                yield f"{pitch_name(pitch)}{'+' if begins else '-'}"

    def _loudness(self, velocity: int) -> int:
        return 1 + (velocity - 1) * self.loudnesses // 127

    def _velocity(self, loudness: int) -> int:
        """The velocity in the middle of a kind of loudness."""
        if self.loudnesses == 1:
            return LOUDNESS
        return 1 + (2 * loudness - 1) * 127 // (2 * self.loudnesses)


def written(word: str) -> str:
    """Return how a word stands in a text: a wait ends the line.

    Example:
        >>> written("C4+"), written(">4")
        ('C4+ ', '>4\\n')
    """
    return f"{word}\n" if word[0] == ">" else f"{word} "


def _note(pitch: int, begun: tuple[int, int], now: int) -> list[Note]:
    start, velocity = begun
    return [Note(start, now - start, pitch, velocity)] if now > start else []


def nearest(value: int, unit: int) -> int:
    """value / unit rounded, halves upwards, so that notes of one length stay of one length."""
    return (2 * value + unit) // (2 * unit)
