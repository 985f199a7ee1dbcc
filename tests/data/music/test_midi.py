"""MIDI files as they come: other programs' ways of writing, and damage."""

import struct
from pathlib import Path

import pytest

from gatework.data.music import Meter, Note, Tempo
from gatework.data.music.midi import MidiRead, parse_midi, read_midi
from gatework.errors import InputError

END = b"\x00\xff\x2f\x00"


def track(*events: bytes, end: bytes = END) -> bytes:
    content = b"".join(events) + end
    return struct.pack(">4sI", b"MTrk", len(content)) + content


def midi(*tracks: bytes, form: int = 1, division: int = 96) -> bytes:
    return struct.pack(">4sIHHH", b"MThd", 6, form, len(tracks), division) + b"".join(tracks)


def on(wait: int, pitch: int, velocity: int = 64, channel: int = 0) -> bytes:
    return bytes([wait, 0x90 | channel, pitch, velocity])


def off(wait: int, pitch: int, channel: int = 0) -> bytes:
    return bytes([wait, 0x80 | channel, pitch, 0])


def notes(*events: bytes, end: bytes = END) -> MidiRead:
    return parse_midi(midi(track(*events, end=end)))


def test_a_note_on_of_velocity_0_ends_a_note_and_a_status_may_hold_on() -> None:
    found = notes(on(0, 60), bytes([48, 60, 0]), bytes([0, 62, 50]), bytes([96, 62, 0]))
    assert found.piece.notes == (Note(0, 48, 60, 64), Note(48, 96, 62, 50))
    assert found.hanging == 0


def test_a_note_that_nothing_ends_is_ended_and_counted() -> None:
    found = notes(on(0, 60), on(96, 62), off(96, 62))
    assert found.piece.notes == (Note(0, 192, 60, 64), Note(96, 96, 62, 64))
    assert found.hanging == 1
    late = notes(on(0, 60), end=b"\x87\x68\xff\x2f\x00")  # the track goes on for 1,000 ticks
    assert late.piece.notes == (Note(0, 384, 60, 64),)
    struck = notes(on(0, 60), on(48, 60, 70), off(48, 60))
    assert struck.piece.notes == (Note(0, 48, 60, 64), Note(48, 48, 60, 70))
    assert struck.hanging == 1
    assert notes(on(0, 60), bytes([96, 0xB0, 123, 0])).hanging == 0


def test_an_end_without_a_beginning_and_a_note_of_no_length_are_nothing() -> None:
    assert notes(off(0, 61), on(10, 60), off(0, 60), on(0, 62), off(5, 62)).piece.notes == (
        Note(10, 5, 62, 64),
    )


def test_tracks_are_one_piece_and_drums_are_left_out() -> None:
    data = midi(
        track(bytes([0, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40]), bytes([0, 0xFF, 0x58, 4, 3, 3, 24, 8])),
        track(bytes([0, 0xC0, 5]), on(0, 72), off(96, 72)),
        track(on(0, 48, channel=3), off(96, 48, channel=3), bytes([0, 0xE3, 0, 64])),
        track(on(0, 36, channel=9), off(10, 36, channel=9)),
    )
    found = parse_midi(data, name="song")
    assert found.piece.notes == (Note(0, 96, 48, 64), Note(0, 96, 72, 64))
    assert found.piece.tempos == (Tempo(0, 60.0),)
    assert found.piece.meters == (Meter(0, 3, 8),)
    assert found.drums == 1


def test_what_else_there_may_be_is_passed_over() -> None:
    data = midi(
        struct.pack(">4sI", b"XFIH", 3) + b"abc",
        track(
            bytes([0, 0xF0, 2, 1, 0xF7]),  # for one maker's machine
            bytes([0, 0xFF, 0x51, 3, 0, 0, 0]),  # no tempo at all
            bytes([0, 0xFF, 0x03, 2]) + b"hi",
            on(0, 60),
            off(96, 60),
        ),
    )
    found = parse_midi(data)
    assert found.piece.notes == (Note(0, 96, 60, 64),)
    assert found.piece.tempos == ()
    riff = b"RIFF" + struct.pack("<I", len(data) + 12) + b"RMIDdata" + struct.pack("<I", len(data))
    assert parse_midi(riff + data) == found


WHOLE = midi(track(on(0, 60), off(96, 60)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"no music in here", "does not begin with MThd"),
        (WHOLE[:-3], "is damaged: a part of it should have 12 bytes, and the file ends after 9"),
        (midi(track(on(0, 60), bytes([5, 0x90]), end=b"")), "track 1 ends in the middle"),
        (midi(track(bytes([0, 60, 64]))), "track 1 has at byte 1 data without an event"),
        (midi(track(bytes([0, 0xF5, 0]))), "the event 0xf5; no file has it"),
        (midi(track(bytes([0, 0x90, 0x90, 64]))), "byte 2 an event where data should be"),
        (midi(track(b"\xff\xff\xff\xff\xff")), "a number of more than four bytes"),
        (midi(track(bytes([0, 0xFF, 1, 90]), end=b"")), "track 1 ends in the middle"),
        (midi(form=2), "of format 2"),
        (midi(division=0xE728), "frames of film"),
    ],
)
def test_damage_is_named(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "tune.mid"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        read_midi(path)
    assert str(caught.value).startswith(str(path))


def test_no_damage_escapes_as_another_error() -> None:
    data = bytearray(
        midi(track(bytes([0, 0xFF, 0x51, 3, 7, 1, 2]), on(0, 60), off(96, 60), on(2, 64)))
    )
    changed = [bytes(data[:at]) for at in range(len(data))] + [
        bytes(data[:at] + bytes([value]) + data[at + 1 :])
        for at in range(len(data))
        for value in (0x00, 0x7F, 0x80, 0x90, 0xF0, 0xFF)
    ]
    refused = 0
    for each in changed:
        try:
            parse_midi(each)
        except InputError:
            refused += 1
    assert len(data) < refused < len(changed)
