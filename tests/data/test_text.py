"""Tokenisers and vocabularies: any text goes in, and comes back the same after saving."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatework.data.text import (
    UNKNOWN,
    Bytes,
    Characters,
    Tokeniser,
    Vocabulary,
    Words,
    restore_tokeniser,
)
from gatework.errors import InputError

ALL = (Words(), Words(lower=False), Characters(), Bytes())


@pytest.mark.parametrize("tokeniser", ALL, ids=str)
@given(st.text())
def test_any_text_is_cut_and_each_token_has_its_place(tokeniser: Tokeniser, text: str) -> None:
    tokens, spans = tokeniser.tokens(text), tokeniser.spans(text)
    assert len(tokens) == len(spans)
    starts = [start for start, _ in spans]
    assert starts == sorted(starts)
    assert all(0 <= start < end <= len(text) for start, end in spans)


@given(st.text())
def test_words_are_what_their_places_say(text: str) -> None:
    tokeniser = Words(lower=False)
    assert tokeniser.tokens(text) == [text[a:b] for a, b in tokeniser.spans(text)]


@given(st.text())
def test_no_letter_is_lost(text: str) -> None:
    kept = "".join(Words(lower=False).tokens(text))
    assert [sign for sign in text if sign.isalnum()] == [sign for sign in kept if sign.isalnum()]
    assert "".join(Characters().tokens(text)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("   \n", []),
        ("it 's n't -lrb-", ["it", "'s", "n't", "-", "lrb", "-"]),
        ("don't well-made 1,234.5 e-mail.", ["don't", "well-made", "1,234.5", "e-mail", "."]),
        ("ÉCOLE Straße", ["école", "straße"]),
        ("我爱 LSTM!!", ["我", "爱", "lstm", "!!"]),
        ("a\u00a0b", ["a", "b"]),
    ],
)
def test_words_by_example(text: str, words: list[str]) -> None:
    assert Words().tokens(text) == words


def test_a_million_characters_are_cut_in_no_time() -> None:
    assert len(Words().tokens("word " * 200_000)) == 200_000
    assert len(Words().tokens("x" * 1_000_000)) == 1


@pytest.mark.parametrize("tokeniser", ALL, ids=str)
def test_tokenisers_come_back_from_plain_values(tokeniser: Tokeniser) -> None:
    saved = msgspec.json.decode(msgspec.json.encode(tokeniser.plain()))
    assert restore_tokeniser(saved) == tokeniser


@pytest.mark.parametrize("plain", [{}, {"kind": "magic"}, {"kind": "words", "lower": 3}])
def test_a_damaged_tokeniser_is_refused(plain: dict[str, object]) -> None:
    with pytest.raises(InputError, match="tokeniser"):
        restore_tokeniser(plain)


def test_subwords_are_learnt_and_come_back() -> None:
    pytest.importorskip("sentencepiece")
    from gatework.data.text.subwords import Subwords

    texts = ["the lowest of the low", "the newest of the new"] * 20
    learnt = Subwords.learn(texts, size=300)
    again = restore_tokeniser(msgspec.json.decode(msgspec.json.encode(learnt.plain())))
    text = "the lowest newest \U0001f600"
    assert again.tokens(text) == learnt.tokens(text)
    assert len(again.spans(text)) == len(again.tokens(text))
    assert "".join(learnt.tokens("the newest")).replace("▁", " ").strip() == "the newest"
    with pytest.raises(InputError, match="damaged"):
        restore_tokeniser({"kind": "subwords", "model": "AAAA"})
    with pytest.raises(InputError, match="empty"):
        Subwords.learn(["", " "], size=300)


def test_the_vocabulary_keeps_the_frequent_and_knows_the_rest_as_unknown() -> None:
    vocabulary = Vocabulary.of([["a", "b"], ["b", "c", "c", "b"]], least=2)
    assert vocabulary.words == ("b", "c")
    assert vocabulary.ids(["c", "a", "zebra", "b"]) == [3, UNKNOWN, UNKNOWN, 2]
    assert vocabulary.tokens([2, 3, 0, 1]) == ["b", "c", "<pad>", "<unk>"]
    assert "b" in vocabulary
    assert "a" not in vocabulary
    assert Vocabulary.of([["a", "b", "b"]], most=1).words == ("b",)


def test_a_text_that_spells_a_special_token_is_none() -> None:
    vocabulary = Vocabulary.of([["<unk>", "<pad>"]])
    assert vocabulary.ids(["<pad>", "<unk>"]) == [3, 2]


def test_the_vocabulary_is_saved_as_plain_data() -> None:
    vocabulary = Vocabulary.of([["x", "y", "y"]])
    vocabulary.ids(["x"])  # what is kept for speed is not saved
    saved = msgspec.json.encode(vocabulary)
    assert saved == b'{"words":["y","x"]}'
    assert msgspec.json.decode(saved, type=Vocabulary) == vocabulary
    with pytest.raises(InputError, match="twice"):
        Vocabulary(("a", "a"))
