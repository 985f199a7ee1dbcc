"""Which event may come next, so that what is written is music from the first word to the last."""

from typing import Final, final

import numpy as np

from gatework.data.music.events import PITCHES, Events
from gatework.errors import InputError

# Where the numbers of the words begin: after the border and the unknown, in the order of `words`.
BORDER: Final = 0
ON: Final = 2
OFF: Final = ON + PITCHES
WAIT: Final = OFF + PITCHES


@final
class EventGrammar:
    """One stream of events as it grows: what sounds, and what may follow.

    An end needs a note that sounds; nothing sounds longer than nearly all notes that were learnt
    from, nor is silent longer, nor begins beyond the lowest and the highest, or beside more others
    than there were; events of one time come in the one order that `Events` tells them in; the piece
    ends in silence, and in time: the last of the events allowed close what sounds.

    Args:
        events: The words.
        primer: Numbers of the events before.
        length: Events that may follow at most.
        ends: Whether the piece may end before.

    Attributes:
        is_over: Whether it has ended.

    Raises:
        InputError: The primer is no music, or has more to close than may follow.

    Example:
        >>> grammar = EventGrammar(Events(steps=1), [], length=3, ends=True)
        >>> for number in (ON + 60, WAIT):
        ...     grammar.take(number)
        >>> grammar.allowed().nonzero()[0].tolist() == [OFF + 60]
        True
    """

    def __init__(self, events: Events, primer: list[int], *, length: int, ends: bool) -> None:
        self._events, self._ends = events, ends
        self._loud = WAIT + events.longest_wait
        self._size = ON + len(events.words)
        self._now = self._silent_since = 0
        self._sounding: dict[int, int] = {}  # since when
        self._loudness = 0
        self._last = BORDER
        self._begin_instant()
        self._left, self._drawn = length + len(primer), False
        self.is_over = False
        for number in primer:
            if number >= ON:  # what is no event is read by the model alone
                self._check(number)
                self.take(number)
            else:
                self._left -= 1
        self._drawn = False
        if self._needed() > length:
            raise InputError(
                f"length is {length}; the prompt leaves {len(self._sounding)} notes to close"
            )

    def allowed(self) -> np.ndarray:
        """Return (V,) bool: what may come next; at least the end."""
        mask = np.zeros(self._size, bool)
        if not self.is_over:
            is_loud = self._last >= self._loud
            due = min((p for p, since in self._sounding.items() if self._is_due(since)), default=-1)
            if not self._has_begun and not is_loud:
                self._allow_ends(mask, due)
            if due < 0:
                self._allow_more(mask, is_loud=is_loud)
        if not mask.any():
            mask[BORDER] = True
        return mask

    def take(self, number: int) -> None:
        """Take the next event; after the end, nothing matters."""
        if self.is_over:
            return
        self._left -= 1
        self.is_over = number == BORDER or not self._left
        self._drawn, self._last = True, number
        if number >= self._loud:
            self._loudness = number - self._loud + 1
        elif number >= WAIT:
            self._now += number - WAIT + 1
            self._begin_instant()
        elif number >= OFF:
            self._last_off = number - OFF
            del self._sounding[self._last_off]
            if not self._sounding:
                self._silent_since = self._now
        elif number >= ON:
            self._last_on, self._has_begun = number - ON, True
            self._sounding[self._last_on] = self._now

    def _allow_ends(self, mask: np.ndarray, due: int) -> None:
        """Allow to close notes in the order of their pitch, up to the first that has to be."""
        # A lower note that is passed over needs one more wait to be closed.
        has_time = self._left > len(self._sounding)
        lowest = min(self._sounding, default=-1)
        for pitch, since in self._sounding.items():
            in_order = self._last_off < pitch and (due < 0 or pitch <= due)
            if in_order and since < self._now and (has_time or pitch == lowest):
                mask[OFF + pitch] = True

    def _begin_instant(self) -> None:
        self._last_off = self._last_on = -1
        self._has_begun = False

    def _allow_more(self, mask: np.ndarray, *, is_loud: bool) -> None:
        """Allow beginnings, loudness, waits and the end, where no note has to be closed first."""
        spare = self._left - 1
        pitches = range(max(self._last_on + 1, self._events.lowest), self._events.highest + 1)
        has_room = len(self._sounding) < self._events.voices
        higher = [pitch for pitch in pitches if has_room and pitch not in self._sounding]
        tells = self._events.loudnesses > 1
        # A note needs a wait and an end for itself, and each other one its end.
        if spare >= len(self._sounding) + 2 and (self._loudness or not tells):
            mask[[ON + pitch for pitch in higher]] = True
        if is_loud:
            return
        if tells and higher and spare >= len(self._sounding) + 3:
            mask[self._loud :] = True
            if self._loudness:
                mask[self._loud + self._loudness - 1] = False
        self._allow_wait(mask, spare)
        was_off = OFF <= self._last < WAIT
        if self._ends and self._drawn and was_off and not self._sounding and not self._has_begun:
            mask[BORDER] = True

    def _allow_wait(self, mask: np.ndarray, spare: int) -> None:
        if WAIT <= self._last < self._loud - 1 or spare < max(len(self._sounding), 1):
            return  # only after the longest wait comes another one
        begun = [*self._sounding.values()] or [self._silent_since]
        room = min(self._events.longest - (self._now - since) for since in begun)
        mask[WAIT : WAIT + max(0, min(room, self._events.longest_wait))] = True

    def _is_due(self, since: int) -> bool:
        return self._now - since >= self._events.longest

    def _needed(self) -> int:
        """Events that close all that sounds, and a wait where they cannot come at once."""
        lowest = min(self._sounding, default=PITCHES)
        can_end = not self._has_begun and self._last < self._loud and self._last_off < lowest
        return len(self._sounding) + (not can_end)

    def _check(self, number: int) -> None:
        word = self._events.words[number - ON]
        if ON <= number < OFF and number - ON in self._sounding:
            raise InputError(f"the prompt has {word} where that note sounds already")
        if OFF <= number < WAIT and number - OFF not in self._sounding:
            raise InputError(f"the prompt has {word} where that note does not sound")
