"""Spans against the rules of the CoNLL scorer, and against results it is known to give."""

import random
from collections.abc import Sequence

import pytest
import torch

from gatework.tasks.tag.spans import (
    SchemeFound,
    Span,
    convert,
    find_scheme,
    legal,
    read_spans,
    repairs,
    score_spans,
    write_spans,
)

LETTERS = ("O", "B-A", "I-A", "E-A", "S-A", "B-B", "I-B", "E-B")


def scorer_counts(true: Sequence[str], guessed: Sequence[str]) -> tuple[int, int, int]:
    """Correct, found and true chunks, counted token by token with the scorer's own two tables."""

    def split(tag: str) -> tuple[str, str]:
        return (tag[0], tag[2:])

    def ends(before: str, now: str, type_before: str, type_now: str) -> bool:
        pairs = {"BB", "BO", "BS", "IB", "IO", "IS", "EE", "EI", "EO", "EB", "ES"}
        pairs |= {"SB", "SI", "SE", "SO", "SS"}
        return before + now in pairs or (before != "O" and type_before != type_now)

    def starts(before: str, now: str, type_before: str, type_now: str) -> bool:
        pairs = {"BB", "IB", "OB", "OI", "EE", "EI", "OE", "EB", "SB", "SI", "SE"}
        pairs |= {"OS", "BS", "IS", "ES", "SS"}
        return before + now in pairs or (now != "O" and type_before != type_now)

    correct = found = wanted = 0
    together = False
    last_true, last_guess = ("O", ""), ("O", "")
    for gold, guess in [*zip(true, guessed, strict=True), ("O", "O")]:
        now_true, now_guess = split(gold), split(guess)
        end_true = ends(last_true[0], now_true[0], last_true[1], now_true[1])
        end_guess = ends(last_guess[0], now_guess[0], last_guess[1], now_guess[1])
        if together and end_true and end_guess and last_true[1] == last_guess[1]:
            correct += 1
            together = False
        elif together and (end_true != end_guess or now_true[1] != now_guess[1]):
            together = False
        start_true = starts(last_true[0], now_true[0], last_true[1], now_true[1])
        start_guess = starts(last_guess[0], now_guess[0], last_guess[1], now_guess[1])
        together |= start_true and start_guess and now_true[1] == now_guess[1]
        wanted += start_true
        found += start_guess
        last_true, last_guess = now_true, now_guess
    return correct, found, wanted


def test_counts_are_the_scorers_on_any_tags() -> None:
    drawn = random.Random(0)
    for _ in range(2_000):
        length = drawn.randrange(9)
        true, guessed = (drawn.choices(LETTERS, k=length) for _ in range(2))
        # Half of the guesses are nearly right, or hardly a span would match.
        if drawn.random() < 0.5 and length:
            guessed = list(true)
            guessed[drawn.randrange(length)] = drawn.choice(LETTERS)
        score = score_spans([true], [guessed]).overall
        assert (score.correct, score.found, score.true) == scorer_counts(true, guessed), (
            true,
            guessed,
        )


def test_a_published_result() -> None:
    """Two true spans, two found, one of them right: .50, as the scorer's re-implementations say."""
    true = [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    guessed = [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    scores = score_spans(true, guessed)
    assert scores.overall.f1 == 0.5
    assert [(each.type, each.f1) for each in scores.types] == [("MISC", 0.0), ("PER", 1.0)]


def test_micro_average_and_type_table_by_hand() -> None:
    true = [["B-LOC", "I-LOC", "O", "B-PER"], ["I-LOC", "O", "I-PER", "I-LOC"], []]
    guessed = [["B-LOC", "I-LOC", "B-PER", "B-PER"], ["I-LOC", "B-LOC", "I-PER", "O"], []]
    scores = score_spans(true, guessed)
    # True: LOC 0-2, PER 3 | LOC 0, PER 2, LOC 3.
    # Found: LOC 0-2, PER 2, PER 3 | LOC 0, LOC 1, PER 2.
    assert scores.overall[1:] == (4, 6, 5)
    assert scores.overall.precision == pytest.approx(4 / 6)
    assert scores.overall.recall == pytest.approx(4 / 5)
    assert scores.overall.f1 == pytest.approx(8 / 11)
    assert [each[:] for each in scores.types] == [("LOC", 2, 3, 3), ("PER", 2, 3, 2)]
    nothing = score_spans([["O"]], [["O"]]).overall
    assert (nothing.precision, nothing.recall, nothing.f1) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        (["O", "I-A", "I-A"], [Span(1, 3, "A")]),
        (["B-A", "I-B"], [Span(0, 1, "A"), Span(1, 2, "B")]),
        (["I-A", "B-A"], [Span(0, 1, "A"), Span(1, 2, "A")]),
        (["S-A", "I-A", "E-A", "E-A"], [Span(0, 1, "A"), Span(1, 3, "A"), Span(3, 4, "A")]),
        (["U-A", "B-A", "L-A"], [Span(0, 1, "A"), Span(1, 3, "A")]),
        (["B", "I", "O", "B"], [Span(0, 2, ""), Span(3, 4, "")]),
        (["B-a-b", "I-a-b"], [Span(0, 2, "a-b")]),
        ([], []),
    ],
)
def test_reading(tags: list[str], spans: list[Span]) -> None:
    assert read_spans(tags) == spans


@pytest.mark.parametrize("scheme", ["BIO", "IOB1", "IOBES", "BILOU"])
def test_writing_is_reading_backwards(scheme) -> None:
    spans = [Span(0, 1, "A"), Span(1, 3, "A"), Span(3, 5, "B"), Span(6, 7, "B")]
    tags = write_spans(spans, 8, scheme)
    assert read_spans(tags) == spans
    assert convert(convert(tags, "BIO"), scheme) == tags
    assert find_scheme([tags]) == SchemeFound(scheme, 0)


@pytest.mark.parametrize(
    ("corpus", "found"),
    [
        ([["NOUN", "VERB"], ["O"]], SchemeFound("plain", 0)),
        ([["O", "O"]], SchemeFound("plain", 0)),
        ([], SchemeFound("plain", 0)),
        ([["I-A", "I-A", "O"], ["B-A", "O", "I-A"]], SchemeFound("IOB1", 1)),
        ([["B-A", "I-A", "O"], ["B-A", "O", "I-A"]], SchemeFound("BIO", 1)),
        ([["B-A", "I-A"], ["S-A", "O"]], SchemeFound("IOBES", 1)),
        ([["I-A", "B-A", "I-B"]], SchemeFound("IOB1", 0)),
        ([["B", "I", "O"]], SchemeFound("BIO", 0)),
        ([["B-A", "X-A"]], SchemeFound("plain", 0)),
    ],
)
def test_schemes_are_found(corpus: list[list[str]], found: SchemeFound) -> None:
    assert find_scheme(corpus) == found


def test_repairs_are_counted() -> None:
    assert repairs(["O", "I-A", "I-A", "B-A"], "BIO") == 1
    assert repairs(["B-A", "O"], "IOBES") == 1


@pytest.mark.parametrize("scheme", ["BIO", "IOBES", "BILOU"])
def test_legal_is_what_needs_no_repair(scheme) -> None:
    """A sequence of two tags is allowed just when writing its spans again changes nothing."""
    letters = {"BIO": "BI", "IOBES": "BIES", "BILOU": "BILU"}[scheme]
    labels = ["O", *(f"{letter}-{kind}" for letter in letters for kind in "XY")]
    allowed = legal(labels, scheme)
    assert allowed is not None
    for a, first in enumerate(labels):
        for b, second in enumerate(labels):
            may = allowed.start[a] & allowed.transitions[a, b] & allowed.end[b]
            assert bool(may) == (repairs([first, second], scheme) == 0), (first, second)


def test_all_is_legal_without_a_scheme_of_rules() -> None:
    assert legal(["NOUN", "VERB"], "plain") is None
    assert legal(["O", "I-A", "B-A"], "IOB1") is None
    allowed = legal(["B-A"], "BIO")
    assert allowed is not None
    assert all(torch.equal(mask, torch.ones_like(mask)) for mask in allowed)
