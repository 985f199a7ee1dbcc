"""Events there and back, and the grammar that they are written by."""

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from data.music import tunes
from gatework.data.music import Meter, Note, Piece, Tempo
from gatework.data.music.abc_tunes import read_tune, split_tunes
from gatework.data.music.choosing import choose_events
from gatework.data.music.events import GRIDS, Events
from gatework.data.music.grammar import BORDER, OFF, ON, WAIT, EventGrammar
from gatework.data.music.piece import tidy
from gatework.errors import InputError

EVENTS = st.builds(Events, st.sampled_from(GRIDS), st.sampled_from([1, 2, 8, 127]))
PIECES = st.builds(
    lambda notes, quarter: Piece(tidy(notes), quarter),
    st.lists(
        st.builds(
            Note,
            st.integers(0, 3_000),
            st.integers(1, 900),
            st.integers(0, 127),
            st.integers(1, 127),
        ),
        max_size=25,
    ),
    st.sampled_from([96, 120, 480]),
)


def numbers(events: Events, text: str) -> list[int]:
    known = {word: number for number, word in enumerate(events.words, start=ON)}
    return [known[word] for word in text.split()]


@given(PIECES, EVENTS)
def test_there_and_back_is_exact_on_the_grid(piece: Piece, events: Events) -> None:
    snapped = events.snap(piece)
    assert events.piece(events.text(piece)).notes == snapped.notes
    assert events.snap(snapped) == snapped
    assert len(snapped.notes) <= len(piece.notes)


@given(PIECES, EVENTS)
def test_every_piece_follows_the_grammar(piece: Piece, events: Events) -> None:
    told = numbers(events, events.text(piece))
    quarters = piece.end // piece.ticks_per_quarter + 2
    longest = Events(events.steps, events.loudnesses, longest=quarters * events.steps)
    grammar = EventGrammar(longest, [], length=len(told) + 2, ends=True)
    for number in told:
        assert grammar.allowed()[number]
        grammar.take(number)
    assert grammar.allowed()[BORDER] == bool(told)


@given(
    st.integers(0, 2**32 - 1),
    EVENTS,
    st.integers(1, 120),
    PIECES,
    st.integers(1, 30),
)
def test_whatever_is_drawn_is_music(
    seed: int,
    events: Events,
    length: int,
    primer: Piece,
    longest: int,
) -> None:
    """Any choice among what is allowed: no dead end, no note left open, none too long."""
    events, ends = Events(events.steps, events.loudnesses, longest, 5, 20, 100), bool(seed % 2)
    random = np.random.default_rng(seed)
    before = numbers(events, events.text(primer))
    grammar = EventGrammar(events, before, length=length, ends=ends)
    words = [events.words[number - ON] for number in before]
    for drawn in range(length):
        number = int(random.choice(np.nonzero(grammar.allowed())[0]))
        if number == BORDER:
            assert drawn > 0 or length < 4
            break
        words.append(events.words[number - ON])
        grammar.take(number)
    text = " ".join(words)
    assert sum(word[-1] == "+" for word in words) == sum(word[-1] == "-" for word in words)
    piece = events.piece(text)
    assert events.text(piece).split() == _without_last_waits(words)
    tick = 480 // events.steps
    ours = [note for note in piece.notes if note.start >= primer.end * 480 / 96 + 480]
    assert all(note.length <= longest * tick for note in ours)
    assert all(20 <= note.pitch <= 100 for note in ours)
    for note in ours:
        ends = [each for each in piece.notes if each.start <= note.start < each.start + each.length]
        assert len(ends) <= 5


def _without_last_waits(words: list[str]) -> list[str]:
    while words and words[-1][0] == ">":
        words = words[:-1]
    return words


def test_at_the_end_what_sounds_is_closed() -> None:
    events = Events(steps=1)
    before = numbers(events, "C4+ E4+ G4+ >1")
    grammar = EventGrammar(events, before, length=3, ends=True)
    for pitch in (60, 64, 67):
        assert np.nonzero(grammar.allowed())[0].tolist() == [OFF + pitch]
        grammar.take(OFF + pitch)
    assert np.nonzero(grammar.allowed())[0].tolist() == [BORDER]
    with pytest.raises(InputError, match="length is 2; the prompt leaves 3 notes"):
        EventGrammar(events, before, length=2, ends=True)


def test_no_note_lasts_longer_than_any_that_was_learnt() -> None:
    events = Events(steps=2, longest=3)
    grammar = EventGrammar(events, numbers(events, "C4+ >2"), length=50, ends=True)
    waits = np.nonzero(grammar.allowed())[0]
    assert [number for number in waits if number >= WAIT] == []  # a wait was told in one word
    grammar.take(ON + 70)
    assert [n - WAIT + 1 for n in np.nonzero(grammar.allowed())[0] if n >= WAIT] == [1]
    grammar.take(WAIT)
    assert np.nonzero(grammar.allowed())[0].tolist() == [OFF + 60]


def test_a_piece_does_not_end_at_once_after_a_primer() -> None:
    events = Events(steps=1)
    before = numbers(events, "C4+ >1 C4-")
    assert not EventGrammar(events, before, length=9, ends=True).allowed()[BORDER]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("C4+ X", "word 2, 'X', is no event"),
        ("C4-", "word 1, C4-: C4 does not sound"),
        ("C4+ >1 C4+", "word 3, C4[+]: C4 sounds already"),
        ("C99+", "'C99' is no pitch"),
        ("G#9+", "is pitch 128"),
    ],
)
def test_what_is_no_music(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Events().piece(text)


def test_the_grid_is_chosen_by_the_data() -> None:
    found = [choose_events([read_tune(tune)]).events.steps for tune in split_tunes(tunes.ALL)]
    assert found == [2, 1, 2, 4]  # eighths, quarters, eighths, dotted eighths
    triplets = Piece(tuple(Note(160 * k, 160, 60) for k in range(12)))
    chosen = choose_events([triplets])
    assert chosen.events.steps == 3
    assert chosen.reasons["steps_per_quarter"] == "100.0% of the notes begin on one"
    free = Piece(tuple(Note(97 * k + k % 7, 30, 60) for k in range(50)))
    assert choose_events([free]).events.steps == GRIDS[-1]


def test_tempo_meter_loudness_and_the_longest_note_are_the_datas() -> None:
    slow = (Tempo(0, 200.0), Tempo(10, 60.0))
    piece = Piece((Note(0, 1440, 60, 10), Note(3360, 480, 60, 100)), 480, slow, (Meter(0, 3, 4),))
    events = choose_events([piece]).events
    assert (events.tempo, events.meter, events.loudnesses) == (60.0, (3, 4), 8)
    assert events.longest == 4 * events.steps  # the silence
    assert events.voices == 1
    third = Piece((Note(0, 960, 60), Note(0, 480, 64), Note(480, 480, 65)))
    assert choose_events([third]).events.voices == 2
    assert choose_events([piece], steps=8, loudnesses=1).events.words[-1] == ">32"
    back = events.piece(events.text(piece), tempo=90.0)
    assert (back.tempos, back.meters) == ((Tempo(0, 90.0),), (Meter(0, 3, 4),))
    for note, original in zip(back.notes, piece.notes, strict=True):
        assert abs(note.velocity - original.velocity) <= 8


def test_saved_and_restored() -> None:
    events = Events(6, 8, 40, 4, 30, 90, 93.5, (6, 8))
    assert Events.of(events.plain()) == events
    with pytest.raises(InputError, match="5 steps a quarter note; expected one of"):
        Events(steps=5)
    with pytest.raises(InputError, match="0 kinds of loudness"):
        Events(loudnesses=0)


def test_lengths_are_told_as_they_are() -> None:
    assert Fraction(1, 3) * 480 == 160
    triplet = Piece((Note(0, 160, 60), Note(160, 320, 62)))
    assert Events(steps=3).text(triplet) == "C4+ >1\nC4- D4+ >2\nD4- "
