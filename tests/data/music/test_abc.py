"""ABC notation: each sign by itself, and whole tunes."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from data.music import tunes
from gatework.data.music import Meter, Note, Piece, Tempo
from gatework.data.music.abc_signs import key_signs
from gatework.data.music.abc_tunes import read_abc, read_tune, split_tunes
from gatework.data.music.pitches import pitch_name
from gatework.errors import InputError


def read(body: str, *, key: str = "C", unit: str = "1/4", meter: str = "4/4") -> Piece:
    (tune,) = split_tunes(f"X:1\nM:{meter}\nL:{unit}\nK:{key}\n{body}\n")
    return read_tune(tune)


def heard(body: str, **header: str) -> str:
    """The notes as words: the pitch, and the length in quarters where it is not 1."""
    words = []
    for note in read(body, **header).notes:
        length = Fraction(note.length, 480)
        words.append(pitch_name(note.pitch) + ("" if length == 1 else f":{length}"))
    return " ".join(words)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # Pitches and lengths.
        ("C,, C, C c c' c'',", "C2 C3 C4 C5 C6 C6"),
        ("C2 C/2 C/ C// C3/2 C/4", "C4:2 C4:1/2 C4:1/2 C4:1/4 C4:3/2 C4:1/4"),
        # Accidentals hold for the bar, in all octaves, and no further.
        ("^F f F|F", "F#4 F#5 F#4 F4"),
        ("_B =B ^^C __D", "Bb4 B4 D4 C4"),
        # Chords: notes together, of one length, each tied or not.
        ("[CEG]2 [C2E2]", "C4:2 E4:2 G4:2 C4:2 E4:2"),
        ("[C-E]E C", "C4 E4 E4 C4"),
        ("[CE]-|[CE]", "C4:2 E4:2"),
        # Ties, over a bar line with the accidental.
        ("^F-|F F", "F#4:2 F4"),
        ("C-C-C", "C4:3"),
        ("C-D", "C4 D4"),
        ("^F-|=F", "F#4 F4"),
        # Broken rhythm and tuplets.
        ("C>D", "C4:3/2 D4:1/2"),
        ("C<D", "C4:1/2 D4:3/2"),
        ("C>>D C < D", "C4:7/4 D4:1/4 C4:1/2 D4:3/2"),
        ("(3CDE F", "C4:2/3 D4:2/3 E4:2/3 F4"),
        ("(3:2:2C2D E", "C4:4/3 D4:2/3 E4"),
        ("(2CD", "C4:3/2 D4:3/2"),
        # What is left out.
        ('"Am7"{gag}C !trill!D .E ~F (GA) u B y +fermata+c', "C4 D4 E4 F4 G4 A4 B4 C5"),
        ("C `D\\", "C4 D4"),
        ("C!\nD", "C4 D4"),
        ('["A"!f!CE]', "C4 E4"),
        ("C\n+: more words\nw: la la\nD", "C4 D4"),
        ("C D % E F", "C4 D4"),
        # Fields in the midst.
        ("F [K:G] F [L:1/8] F", "F4 F#4 F#4:1/2"),
    ],
)
def test_signs(body: str, expected: str) -> None:
    assert heard(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("C|D:|E", "CDCDE"),
        ("C|:D:|E", "CDDE"),
        ("|:C:||:D:|", "CCDD"),
        ("|:C::D:|E", "CCDDE"),
        ("|:C:|:D:|E", "CCDDE"),
        ("|::C::|D", "CCCD"),
        ("|:C|1D:|2E|]F", "CDCEF"),
        ("|:C|[1D:|[2E||F:|", "CDCEFF"),
        ("C|1D:|2E||F|", "CDCEF"),
        ("|:C|1,3D:|2E:|", "CDCECD"),
        ("|:C|1-2D:|3E|]", "CDCDCE"),
        ("C||D:|", "CDD"),
        ("|:C||D:|", "CDCD"),
        ("C|D", "CD"),
        ("|:C|1D:|2E:|F|1G:|2A|]", "CDCEFGFA"),
    ],
)
def test_repeats(body: str, expected: str) -> None:
    assert "".join(pitch_name(note.pitch)[0] for note in read(body).notes) == expected


@pytest.mark.parametrize(
    ("key", "signs"),
    [
        ("C", ""), ("G", "F#"), ("F", "Bb"), ("Bb", "Bb Eb"), ("F#", "F# C# G# D# A# E#"),
        ("Am", ""), ("Em", "F#"), ("C minor", "Bb Eb Ab"), ("G#min", "F# C# G# D# A#"),
        ("Ddor", ""), ("D Mixolydian", "F#"), ("Aphr", "Bb"), ("Flyd", ""), ("Bloc", ""),
        ("G maj", "F#"), ("HP", "F# C#"), ("none", ""), ("D =c", "F#"), ("D exp _b", "Bb"),
        ("G clef=treble", "F#"), ("clef=bass", ""), ("Am octave=-1", ""),
    ],
)  # fmt: skip
def test_keys(key: str, signs: str) -> None:
    shown = {1: "#", -1: "b"}
    found = [letter + shown[raised] for letter, raised in key_signs(key).items() if raised]
    assert found == signs.split()


def test_rests_and_bars_of_rest() -> None:
    assert [note.start // 480 for note in read("C z2 D x E|Z2|F").notes] == [0, 3, 5, 14]


def test_headers() -> None:
    (tune,) = split_tunes("X:7\nT:One\nT:Other\nM:3/8\nQ:3/8=80\nK:D\nFA[M:2/4]d\n[Q:60]f")
    piece = read_tune(tune)
    assert piece.name == "One"
    assert piece.meters == (Meter(0, 3, 8), Meter(240, 2, 4))
    # Without L, in a metre under 3/4, a note is a sixteenth: which a bare tempo counts.
    assert piece.tempos == (Tempo(0, 120.0), Tempo(360, 15.0))
    assert piece.notes[0] == Note(0, 120, 66)


def test_history_may_be_long() -> None:
    (tune,) = split_tunes("X:1\nH:It was\nlong ago.\nT:a\nK:C\nCD")
    assert len(read_tune(tune).notes) == 2


def test_no_damage_escapes_as_another_error() -> None:
    random = np.random.default_rng(0)
    signs = list("ABCdefgz|:[]()123/<>-^_={}\"!&KLMQVX \n%,'x+~")
    read_well = 0
    for _ in range(400):
        text = list(tunes.ALL)
        for place in random.integers(0, len(text), 3):
            text[place] = str(random.choice(signs))
        for tune in split_tunes("".join(text)):
            try:
                read_well += bool(read_tune(tune).notes)
            except InputError as error:
                assert str(error).startswith("line ")  # noqa: PT017
    assert read_well > 800


def test_voices_sound_together() -> None:
    body = "V:1\n[V:1]CD|[V:2]E2|\nV:1\nF\n[V:2] G"
    assert [(n.start // 480, pitch_name(n.pitch)) for n in read(body).notes] == [
        (0, "C4"), (0, "E4"), (1, "D4"), (2, "F4"), (2, "G4"),
    ]  # fmt: skip


def test_several_tunes_and_what_is_around_them(tmp_path: Path) -> None:
    path = tmp_path / "tunes.abc"
    text = f"%abc-2.1\nL:1/2\nSome words.\n\n{tunes.ALL}\nX:9\nT:bad\nK:C\nCD§\n\nX:10\nK:C\nC|"
    path.write_text(text, encoding="utf-8")
    found = read_abc(path)
    pieces = [piece for _, piece in found if isinstance(piece, Piece)]
    assert [p.name for p in pieces] == [
        "Frère Jacques", "Twinkle", "Ode to Joy", "Greensleeves", "tunes",
    ]  # fmt: skip
    assert pieces[-1].notes == (Note(0, 960, 60),)  # the file's own L
    (wrong,) = (str(piece) for _, piece in found if not isinstance(piece, Piece))
    assert wrong.startswith(f"{path}, X:9, line 46, column 3: '§' is no ABC notation")


def test_known_tunes() -> None:
    frere, twinkle, ode, green = map(read_tune, split_tunes(tunes.ALL))
    assert len(frere.notes) == 2 * (4 + 3 + 6 + 3)
    assert frere.end == 32 * 480
    assert [pitch_name(note.pitch) for note in frere.notes[:4]] == ["F4", "G4", "A4", "F4"]
    assert len(twinkle.notes) == 14 * 3
    assert twinkle.end == 2 * 24 * 480
    assert ode.end == 16 * 4 * 480
    held = next(note for note in ode.notes if note.start == 47 * 480)
    assert (held.pitch, held.length) == (64, 960)  # tied over the bar
    assert green.tempos == (Tempo(0, 90.0),)
    assert green.end == (1 + 8 * 6 - 1) * 240
    assert pitch_name(green.notes[4].pitch) == "F#5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no tune"),
        ("T:no number\nK:C\nCDEF", "has no tune"),
        ("X:1\nT:a\nCDEF", "line 3: the tune has no key"),
        ("X:1\nCDEF\nK:C\nC", "line 2: 'CDEF' in the header is no field"),
        ("X:1\nM:4/5\nK:C\nC", "metre '4/5' is none"),
        ("X:1\nQ:fast\nK:C\nC", "tempo 'fast' is none"),
        ("X:1\nL:x\nK:C\nC", "'x' is no length"),
        ("X:1\nK:Q\nC", "key 'Q' is none"),
        ("X:1\nK:C\nCD/0", "line 3, column 2: '/0' is no length"),
        ("X:1\nK:C\n>C", "line 3, column 1: nothing is before it"),
        ("X:1\nK:C\nC [C5!]", r"line 3, column 3: the chord \[C5!\] has '!'"),
        ("X:1\nK:C\nc''''''", "too high"),
        ("X:1\nK:C\n(1C", "tuplet of 1"),
        ("X:1\nK:C\n[K:H]C", "key 'H' is none"),
        ("X:1\nK:C\nC[V:2]D&", "line 3, column 8: '&' is no ABC notation"),
    ],
)
def test_damage_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.abc"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        _read_all(path)
    assert str(path) in str(caught.value)


def _read_all(path: Path) -> None:
    for _, found in read_abc(path):
        if isinstance(found, InputError):
            raise found
