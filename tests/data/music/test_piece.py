"""Pieces, rolls, MIDI files as they are written, and sound."""

import io
import wave
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from data_paths import shared_data
from gatework.data.music import Meter, Note, Piece, Tempo
from gatework.data.music.midi import parse_midi, read_midi
from gatework.data.music.piece import from_roll, tidy, to_roll
from gatework.data.music.pitches import pitch_name, pitch_of
from gatework.data.music.sound import render, wav_bytes, write_wav
from gatework.data.music.writing import midi_bytes, write_midi
from gatework.errors import InputError

NOTES = st.lists(
    st.builds(
        Note,
        st.integers(0, 2_000),
        st.integers(1, 900),
        st.integers(0, 127),
        st.integers(1, 127),
    ),
    max_size=40,
).map(tidy)


@given(NOTES, st.integers(1, 960))
def test_a_file_holds_the_piece(notes: tuple[Note, ...], quarter: int) -> None:
    tempos = (Tempo(0, 96.0), Tempo(400, 150.0))
    piece = Piece(notes, quarter, tempos, (Meter(0, 6, 8), Meter(700, 4, 4)), "a tune")
    found = parse_midi(midi_bytes(piece), name="a tune")
    assert (found.hanging, found.drums) == (0, 0)
    assert found.piece.notes == notes
    assert (found.piece.ticks_per_quarter, found.piece.meters) == (quarter, piece.meters)
    for ours, read in zip(tempos, found.piece.tempos, strict=True):
        assert read.quarters == pytest.approx(ours.quarters, rel=1e-5)  # whole microseconds


@given(NOTES)
def test_symusic_reads_the_same(notes: tuple[Note, ...]) -> None:
    symusic = pytest.importorskip("symusic")
    score = symusic.Score.from_midi(midi_bytes(Piece(notes, 480, (Tempo(0, 75.0),))))
    read = [(n.time, n.duration, n.pitch, n.velocity) for t in score.tracks for n in t.notes]
    assert sorted(read) == sorted(tuple(note) for note in notes)
    assert score.tempos[0].qpm == pytest.approx(75.0)


@given(NOTES)
def test_tidy_changes_nothing_twice_and_keeps_every_start(notes: tuple[Note, ...]) -> None:
    assert tidy(reversed(notes)) == notes
    longer = [note._replace(length=note.length + 500) for note in notes]
    cut = tidy(longer)
    assert [(n.start, n.pitch) for n in cut] == [(n.start, n.pitch) for n in notes]
    Piece(cut)  # which refuses a pitch that sounds twice


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ((Note(0, 0, 60),), "length 1 or more"),
        ((Note(0, 1, 128),), "pitch 0 to 127"),
        ((Note(0, 1, 60, 0),), "velocity 1 to 127"),
        ((Note(5, 1, 60), Note(0, 1, 60)), "out of order"),
        ((Note(0, 5, 60), Note(4, 1, 60)), "sounds twice"),
    ],
)
def test_what_is_no_piece(notes: tuple[Note, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Piece(notes)


@pytest.mark.parametrize(
    "values",
    [{"ticks_per_quarter": 0}, {"tempos": (Tempo(0, 0.0),)}, {"meters": (Meter(0, 3, 5),)}],
)
def test_what_no_file_can_say(values: dict) -> None:
    with pytest.raises(InputError, match="expected"):
        Piece((), **values)


def test_time_runs_by_the_tempo() -> None:
    piece = Piece((), 10, (Tempo(20, 60.0), Tempo(30, 240.0)))
    # A second of 120 quarters a minute, a second of 60, then a quarter of a second each.
    assert piece.seconds([0, 20, 30, 40]).tolist() == [0.0, 1.0, 2.0, 2.25]


def test_rolls_there_and_back() -> None:
    random = np.random.default_rng(0)
    roll = (random.random((50, 88)) < 0.2).astype(np.uint8)
    roll[-1, 5] = 1  # no roll says how long the silence at its end is
    piece = from_roll(roll, frames_per_quarter=4)
    assert (to_roll(piece, frames_per_quarter=4) == roll).all()
    assert len(piece.notes) == (np.diff(roll, axis=0, prepend=0).astype(np.int8) == 1).sum()
    assert from_roll(np.zeros((3, 88))).notes == ()
    assert to_roll(from_roll(np.zeros((3, 88)))).shape == (0, 88)
    with pytest.raises(InputError, match="expected \\(frames, 88\\)"):
        from_roll(np.zeros((3, 87)))
    with pytest.raises(InputError, match="pitch 20 is no key"):
        to_roll(Piece((Note(0, 1, 20),)))


def test_every_note_has_a_frame() -> None:
    piece = Piece((Note(0, 1, 60), Note(479, 2, 62), Note(1000, 480, 64)))
    assert to_roll(piece).sum(0)[[39, 41, 43]].tolist() == [1, 1, 1]


def test_real_chorales_as_files() -> None:
    with np.load(shared_data("music/jsb_chorales.npz")) as data:
        rolls = np.split(data["roll_test"], np.cumsum(data["lengths_test"])[:-1])
    for roll in rolls[:20]:
        piece = parse_midi(midi_bytes(from_roll(roll))).piece
        length = np.nonzero(roll.any(1))[0].max() + 1
        assert (to_roll(piece) == roll[:length]).all()


def test_files_are_written_whole(tmp_path: Path) -> None:
    piece = Piece((Note(0, 480, 60), Note(480, 480, 64)))
    write_midi(tmp_path / "a.mid", piece)
    write_wav(tmp_path / "a.wav", piece)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mid", "a.wav"]
    assert read_midi(tmp_path / "a.mid").piece.notes == piece.notes


def test_a_note_sounds_at_its_pitch_and_dies_away() -> None:
    rate = 22_050
    sound = render(Piece((Note(0, 960, 69),)), rate=rate)  # a second of A4, 440 Hz
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert spectrum.argmax() * rate / len(sound) == pytest.approx(440, abs=2)
    loud = [np.abs(part).max() for part in np.array_split(sound[: rate * 9 // 10], 5)]
    assert loud == sorted(loud, reverse=True)
    assert (sound[0], abs(float(sound[-1]))) == (0, pytest.approx(0, abs=1e-3))
    assert np.abs(np.diff(sound)).max() < 0.1  # no click


def test_sound_is_never_too_loud_and_may_be_cut() -> None:
    chord = tuple(Note(0, 4_800, pitch, 127) for pitch in range(40, 90))
    assert 0.5 < np.abs(render(Piece(chord), rate=8_000)).max() <= 0.95
    data = wav_bytes(Piece(chord), rate=8_000, most=2.0)
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8_000, 2, 1)
        assert file.getnframes() == pytest.approx(16_000, abs=2)
    end = render(Piece(chord), rate=8_000, most=2.0)[-80:]
    assert np.abs(end).max() < 0.02  # faded
    assert render(Piece(()), rate=8_000).max() == 0
    with pytest.raises(InputError, match="rate is 3"):
        render(Piece(()), rate=3)


def test_names_of_pitches() -> None:
    assert [pitch_of(pitch_name(pitch)) for pitch in range(128)] == list(range(128))
    for strange in ("H4", "C", "128", "G#9", "²"):
        with pytest.raises(InputError, match="pitch"):
            pitch_of(strange)
