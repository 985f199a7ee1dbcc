"""Folders of music: what is found, what is left out, and why."""

from pathlib import Path

import pytest

from data.music import tunes
from data.music.test_midi import midi, off, on, track
from gatework.data.music import Note, Piece
from gatework.data.music.folder import is_music, read_music, read_piece
from gatework.data.music.writing import write_midi
from gatework.errors import InputError

SCALE = Piece(tuple(Note(480 * step, 480, 60 + step) for step in range(8)), name="scale")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "melodies"
    (place / "deep").mkdir(parents=True)
    (place / ".hidden.mid").write_bytes(b"nothing")
    write_midi(place / "a scale.mid", SCALE)
    moved = [note._replace(pitch=note.pitch + 3) for note in SCALE.notes]
    write_midi(place / "b scale.MID", Piece(tuple(moved)))
    (place / "c cut.mid").write_bytes((place / "a scale.mid").read_bytes()[:-20])
    (place / "d empty.mid").write_bytes(b"")
    (place / "e silent.mid").write_bytes(midi(track()))
    drums = [on(1, 36, channel=9), off(1, 36, channel=9)] * 5
    (place / "f drums.mid").write_bytes(midi(track(*drums)))
    write_midi(place / "g short.mid", Piece(SCALE.notes[:3]))
    hanging = [on(9, 60), off(9, 60), on(9, 62), off(9, 62), on(9, 64), off(9, 64), on(9, 70)]
    (place / "h hanging.mid").write_bytes(midi(track(*hanging), track(*drums)))
    (place / "deep" / "tunes.abc").write_text(f"{tunes.ALL}\nX:9\nK:C\n§\n", encoding="utf-8")
    (place / "readme.txt").write_text("not music")
    return place


def test_what_can_be_used_is_and_the_rest_is_listed(folder: Path) -> None:
    music = read_music(folder)
    assert [piece.name for piece in music.pieces] == [
        "a scale", "Frère Jacques", "Twinkle", "Ode to Joy", "Greensleeves", "h hanging",
    ]  # fmt: skip
    assert [(Path(each.name).name, each.reason) for each in music.skipped] == [
        ("b scale.MID", f"the same notes as {folder / 'a scale.mid'}"),
        ("c cut.mid", "is damaged: a part of it should have 85 bytes, and the file ends after 65"),
        ("d empty.mid", "is empty"),
        ("tunes.abc, X:9", "line 41, column 1: '§' is no ABC notation here"),
        ("e silent.mid", "no notes"),
        ("f drums.mid", "only drums"),
        ("g short.mid", "too short: 3 notes"),
        ("readme.txt", "is no MIDI or ABC: its name ends in '.txt'"),
    ]
    assert music.notes == (
        "1 notes that nothing ends, in 1 files: they end with their track, or after four "
        "quarter notes",
        "10 notes of drums were left out, in 2 files",
    )


def test_the_same_music_has_the_same_digest(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "again"
    folder.rename(other)
    again = read_music(other)
    other.rename(folder)
    assert read_music(folder).digest == again.digest
    assert read_music([folder / "a scale.mid"]).digest != again.digest


def test_nothing_that_can_be_used_is_one_line(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / f"{name}.mid").write_bytes(b"")
    with pytest.raises(InputError, match="has no music that can be used") as caught:
        read_music(tmp_path)
    assert str(caught.value).endswith("; and 1 more")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"a\.mid: is empty$"):
        read_music(tmp_path / "a.mid")


def test_pieces_and_lists_of_paths(folder: Path) -> None:
    assert read_music([SCALE]).pieces == (SCALE,)
    music = read_music([folder / "deep", folder / "a scale.mid"])
    assert music.name == f"{folder / 'deep'} and 1 more"
    assert len(music.pieces) == 5
    for data in ([], 3, [SCALE, "text"], folder / "missing.mid"):
        with pytest.raises(InputError, match="expected"):
            read_music(data)


def test_a_piece_to_go_on_from(folder: Path) -> None:
    assert read_piece(folder / "a scale.mid").notes == SCALE.notes
    assert read_piece(folder / "deep" / "tunes.abc").name == "Frère Jacques"
    with pytest.raises(InputError, match=r"d empty\.mid is empty"):
        read_piece(folder / "d empty.mid")
    with pytest.raises(InputError, match="is not there"):
        read_piece(folder / "none.mid")


def test_names_tell_music(folder: Path, tmp_path: Path) -> None:
    assert is_music(folder)
    assert is_music([folder / "a scale.mid", folder / "deep"])
    assert not is_music([folder / "a scale.mid", folder / "readme.txt"])
    (tmp_path / "texts").mkdir()
    assert not is_music(tmp_path / "texts")
    (tmp_path / "texts" / "a.txt").write_text("a")
    (tmp_path / "texts" / "b.abc").write_text("X:1")
    assert not is_music(tmp_path / "texts")
    assert not is_music(["X:1"])
