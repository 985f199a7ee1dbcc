"""The symbols of a voice in ABC notation, and the order in which repeats have them played.

A repeat without a beginning goes back to the last double bar, repeat or beginning, as abc2midi and
the abc standard have it; each colon more is a turn more.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple, final


class Sound(NamedTuple):
    """Notes that begin together, or a rest.

    Attributes:
        pitches: Of the notes; none is a rest.
        length: In whole notes.
        tied: The pitches that sound on into the next.
    """

    pitches: tuple[int, ...]
    length: Fraction
    tied: tuple[int, ...] = ()


class Change(NamedTuple):
    """A tempo in quarters a minute, or a metre, that holds from here on."""

    tempo: float | None
    meter: tuple[int, int] | None


class Bar(NamedTuple):
    """A bar line.

    Attributes:
        begins: Whether a repeat begins here.
        again: How often what is before it is played again.
        is_double: Whether a part ends here.
    """

    begins: bool = False
    again: int = 0
    is_double: bool = False


class Ending(NamedTuple):
    """What follows is played in these turns alone."""

    turns: tuple[int, ...]


Symbol = Sound | Change | Bar | Ending
Played = Sound | Change


@final
class _Section:
    """What is played in every turn, and its endings."""

    def __init__(self, *, is_marked: bool) -> None:
        self.is_marked = is_marked  # begun by a sign of its own, so that no double bar ends it
        self.turns = 1
        self.body: list[Played] = []
        self.endings: list[tuple[tuple[int, ...], list[Played]]] = []

    def add(self, symbol: Played) -> None:
        (self.endings[-1][1] if self.endings else self.body).append(symbol)

    def play(self) -> Iterator[Played]:
        turns = max([self.turns, *(turn for each, _ in self.endings for turn in each)])
        for turn in range(1, turns + 1):
            yield from self.body
            for which, ending in self.endings:
                if turn in which:
                    yield from ending


def unfold(symbols: Iterable[Symbol]) -> Iterator[Played]:
    """Give what is played, in the order in which it is.

    Example:
        >>> a, b, c = (Sound((pitch,), Fraction(1)) for pitch in (60, 62, 64))
        >>> tune = [a, Ending((1,)), b, Bar(again=1), Ending((2,)), c, Bar(is_double=True)]
        >>> [sound.pitches[0] for sound in unfold(tune)]
        [60, 62, 60, 64]
    """
    section = _Section(is_marked=False)
    for symbol, after in pairwise([*symbols, None]):
        if isinstance(symbol, Ending):
            section.endings.append((symbol.turns, []))
        elif isinstance(symbol, Bar):
            section.turns = max(section.turns, 1 + symbol.again)
            goes_on = isinstance(after, Ending)
            is_over = symbol.again or (
                symbol.is_double and (section.endings or not section.is_marked)
            )
            if symbol.begins or (is_over and not goes_on):
                yield from section.play()
                section = _Section(is_marked=symbol.begins)
        elif symbol is not None:
            section.add(symbol)
    yield from section.play()
