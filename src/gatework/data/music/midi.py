"""Standard MIDI files as pieces: all tracks together, drums left out, every note closed.

Our own reader, as libraries drop a note that no file closes without a word: here it is repaired,
and counted. After the Standard MIDI Files 1.0 specification (MIDI Manufacturers Association 1996).
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, final

from gatework.data.music.piece import Meter, Note, Piece, Tempo, tidy
from gatework.errors import InputError

_DRUMS: Final = 9  # the channel that others count as 10
_SILENCE: Final = (120, 123)  # controllers that end all notes of a channel
_LONGEST: Final = 4  # quarter notes that a note which nothing ends is given


class MidiRead(NamedTuple):
    """What a file holds.

    Attributes:
        piece: Its notes.
        hanging: Notes that nothing ended: they end with their track, or after 4 quarters.
        drums: Notes of the drums, which were left out.
    """

    piece: Piece
    hanging: int
    drums: int


class _Event(NamedTuple):
    """A message with its two data bytes, or a meta event with its content."""

    tick: int
    status: int
    first: int
    second: int
    content: bytes = b""


def read_midi(path: Path) -> MidiRead:
    """Read a MIDI file; it may hold no notes.

    Raises:
        InputError: It is none, or is damaged; the message names it.
    """
    try:
        return parse_midi(path.read_bytes(), name=path.stem)
    except InputError as error:
        raise InputError(f"{path} {error}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def parse_midi(data: bytes, *, name: str = "") -> MidiRead:
    """Read the content of a MIDI file; see `read_midi`.

    Example:
        >>> from gatework.data.music.writing import midi_bytes
        >>> piece = Piece((Note(0, 96, 60, 64),), 96, (Tempo(0, 100.0),), name="a")
        >>> parse_midi(midi_bytes(piece), name="a") == MidiRead(piece, hanging=0, drums=0)
        True
    """
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        data = data[20:]
    division = _division(data)
    found = _Notes()
    tempos: dict[int, Tempo] = {}
    meters: dict[int, Meter] = {}
    for number, track in enumerate(_tracks(data), start=1):
        try:
            events = list(_events(track))
        except IndexError:
            raise InputError(f"is damaged: track {number} ends in the middle of an event") from None
        except InputError as error:
            raise InputError(f"is damaged: track {number} {error}") from None
        for event in events:
            found.take(event)
            if tempo := _tempo(event):
                tempos[tempo.start] = tempo
            elif meter := _meter(event):
                meters[meter.start] = meter
        found.finish(events[-1].tick if events else 0, _LONGEST * division)
    piece = Piece(
        tidy(found.notes),
        division,
        tuple(tempos[tick] for tick in sorted(tempos)),
        tuple(meters[tick] for tick in sorted(meters)),
        name,
    )
    return MidiRead(piece, found.hanging, found.drums)


def _division(data: bytes) -> int:
    """Ticks of a quarter note."""
    if not data:
        raise InputError("is empty")
    if len(data) < 14 or data[:4] != b"MThd":
        raise InputError("is no MIDI file: it does not begin with MThd")
    form, division = int.from_bytes(data[8:10], "big"), int.from_bytes(data[12:14], "big")
    if form > 1:
        raise InputError(f"is a MIDI file of format {form}; expected 0 or 1: one piece of music")
    if not 0 < division < 1 << 15:
        raise InputError("counts its time in frames of film; expected ticks of a quarter note")
    return division


def _tracks(data: bytes) -> Iterator[bytes]:
    at = 8 + int.from_bytes(data[4:8], "big")
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        if at + 8 + size > len(data):
            raise InputError(
                f"is damaged: a part of it should have {size:,} bytes, and the file ends after "
                f"{len(data) - at - 8:,}"
            )
        if data[at : at + 4] == b"MTrk":
            yield data[at + 8 : at + 8 + size]
        at += 8 + size


def _events(track: bytes) -> Iterator[_Event]:
    """The events of a track with their times; one that is cut off is an IndexError."""
    at = tick = status = 0
    while at < len(track):
        step, at = _number(track, at)
        tick += step
        if track[at] >= 0x80:
            status, at = track[at], at + 1
        elif not 0x80 <= status < 0xF0:  # a status that holds on is not written again
            raise InputError(f"has at byte {at:,} data without an event that they belong to")
        if status >= 0xF0:
            kind = 0
            if status == 0xFF:
                kind, at = track[at], at + 1
            elif status not in (0xF0, 0xF7):
                raise InputError(f"has at byte {at - 1:,} the event 0x{status:02x}; no file has it")
            size, at = _number(track, at)
            if at + size > len(track):
                raise IndexError
            yield _Event(tick, status, kind, 0, track[at : at + size])
            at += size
            if (status, kind) == (0xFF, 0x2F):
                return
            continue
        second = 0 if 0xC0 <= status < 0xE0 else track[at + 1]
        if track[at] >= 0x80 or second >= 0x80:
            raise InputError(f"has at byte {at:,} an event where data should be")
        yield _Event(tick, status, track[at], second)
        at += 1 if 0xC0 <= status < 0xE0 else 2


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number in sevens of bits, and where what follows it begins."""
    value = 0
    for place in range(at, at + 4):
        value = value << 7 | data[place] & 0x7F
        if data[place] < 0x80:
            return value, place + 1
    raise InputError(f"has at byte {at:,} a number of more than four bytes")


@final
class _Notes:
    """Pairs beginnings and ends; of two notes of one pitch, the first that began ends first."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.hanging = self.drums = 0
        self._sounding: defaultdict[tuple[int, int], deque[tuple[int, int]]] = defaultdict(deque)

    def take(self, event: _Event) -> None:
        """Take the next message of a track."""
        kind, channel = event.status & 0xF0, event.status & 0x0F
        if kind == 0x90 and event.second:
            if channel == _DRUMS:
                self.drums += 1
            else:
                self._sounding[channel, event.first].append((event.tick, event.second))
        elif kind in (0x80, 0x90):  # one of velocity 0 is an end
            self._close(channel, event.first, event.tick)
        elif kind == 0xB0 and event.first in _SILENCE:
            for pitch in range(128):
                while self._close(channel, pitch, event.tick):
                    pass

    def finish(self, end: int, longest: int) -> None:
        """Close what sounds on at the end of a track."""
        for (channel, pitch), begun in self._sounding.items():
            self.hanging += len(begun)
            while begun:
                start = begun[0][0]
                self._close(channel, pitch, min(max(end, start + 1), start + longest))
        self._sounding.clear()

    def _close(self, channel: int, pitch: int, tick: int) -> bool:
        begun = self._sounding.get((channel, pitch))
        if not begun:
            return False
        start, velocity = begun.popleft()
        if tick > start:
            self.notes.append(Note(start, tick - start, pitch, velocity))
        return True


def _tempo(event: _Event) -> Tempo | None:
    if (event.status, event.first) != (0xFF, 0x51) or len(event.content) != 3:
        return None
    microseconds = int.from_bytes(event.content, "big")
    # A file that says 0, or a minute for a quarter note, does not mean it.
    if not 6_001 <= microseconds < 15_000_000:
        return None
    return Tempo(event.tick, 60_000_000 / microseconds)


def _meter(event: _Event) -> Meter | None:
    if (event.status, event.first) != (0xFF, 0x58) or len(event.content) < 2:
        return None
    beats, power = event.content[:2]
    return Meter(event.tick, beats, 1 << power) if beats and power <= 6 else None
