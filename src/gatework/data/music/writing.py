"""Standard MIDI files, format 0: one track, every note closed, the tempo written down."""

import struct
from pathlib import Path
from typing import Final

from gatework.data.music.piece import Piece
from gatework.files import write_bytes

_META: Final = 0  # what comes first of all that happens at one tick
_OFF: Final = 1
_ON: Final = 2


def write_midi(path: Path, piece: Piece) -> None:
    """Write a piece as a MIDI file, all of it or nothing.

    Args:
        path: Where to.
        piece: The notes; tempo 120 and metre 4/4 where it says nothing else.
    """
    write_bytes(path, midi_bytes(piece))


def midi_bytes(piece: Piece) -> bytes:
    """Return a piece as the content of a MIDI file.

    Example:
        >>> from gatework.data.music import Note
        >>> data = midi_bytes(Piece((Note(0, 96, 60, 64),), 96))
        >>> data[:4], data[14:18], data[-12:].hex(" ")
        (b'MThd', b'MTrk', '00 90 3c 40 60 80 3c 00 00 ff 2f 00')
    """
    events: list[tuple[int, int, bytes]] = []
    if piece.name:
        events.append((0, _META, _meta(0x03, piece.name.encode("utf-8"))))
    for tempo in piece.tempos:
        microseconds = min(round(60_000_000 / tempo.quarters), 2**24 - 1)
        events.append((tempo.start, _META, _meta(0x51, microseconds.to_bytes(3, "big"))))
    for meter in piece.meters:
        # 24 clocks a click, 8 thirty-seconds a quarter.
        content = bytes([meter.beats, meter.unit.bit_length() - 1, 24, 8])
        events.append((meter.start, _META, _meta(0x58, content)))
    for start, length, pitch, velocity in piece.notes:
        events.append((start, _ON, bytes([0x90, pitch, velocity])))
        # Before any note that begins at this tick: it may be of the same pitch.
        events.append((start + length, _OFF, bytes([0x80, pitch, 0])))
    track, at = bytearray(), 0
    for tick, _, content in sorted(events):
        track += _number(tick - at) + content
        at = tick
    track += _number(max(piece.end - at, 0)) + _meta(0x2F, b"")
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, piece.ticks_per_quarter)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def _meta(kind: int, content: bytes) -> bytes:
    return bytes([0xFF, kind]) + _number(len(content)) + content


def _number(value: int) -> bytes:
    """A number in sevens of bits, the highest first; all but the last byte have their top bit."""
    sevens = [value & 0x7F]
    while value := value >> 7:
        sevens.append(value & 0x7F | 0x80)
    return bytes(reversed(sevens))
