"""Completions: the probabilities of whole words, against adding them up over all there are."""

import itertools
import math

import numpy as np
import pytest
import torch

from gatework.errors import InputError
from gatework.tasks.generate import LanguageModel
from gatework.tasks.generate.completing import LEAST, Completer
from tasks.generate.grammar import SMALL, lines


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return LanguageModel(**SMALL).fit([lines(600)])


def chance_of(model: LanguageModel, before: str, ending: str) -> float:
    """The chance of just these letters and then of what is no letter, step by step."""
    fitted = model._fit
    assert fitted is not None
    ids = torch.from_numpy(fitted.primer(before + ending))
    with torch.no_grad():
        chances = fitted.network(ids[:, None])[0][:, 0].double().softmax(-1)
    start = len(ids) - len(ending)
    letters = math.prod(float(chances[at - 1, ids[at]]) for at in range(start, len(ids)))
    pieces = fitted.codec.pieces
    ends = [n for n, p in enumerate(pieces) if n != 1 and not p.isalnum()]
    return letters * float(chances[-1, ends].sum())


def test_chances_are_of_whole_words(model: LanguageModel) -> None:
    for text in ("Ben p", "Ben ", "Anna sees A", "Carla"):
        offers = model.complete(text, count=4)
        assert offers == sorted(offers, key=lambda each: -each.probability)
        for each in offers[:3]:
            assert each.probability == pytest.approx(chance_of(model, text, each.ending), rel=1e-3)
            assert each.word == text.split(" ")[-1] + each.ending


def test_the_likeliest_are_found(model: LanguageModel) -> None:
    """No word of up to three letters is likelier than what the search did not offer."""
    offers = model.complete("Ben", count=3)
    letters = "aeinrs"
    words = ["".join(w) for n in range(4) for w in itertools.product(letters, repeat=n)]
    chances = {word: chance_of(model, "Ben", word) for word in words}
    best = sorted(chances.values(), reverse=True)[:3]
    likely = [chance for chance in best if chance > LEAST]
    assert len(offers) >= len(likely) > 0
    assert all(o.probability >= b * 0.999 for o, b in zip(offers, likely, strict=False))


def test_it_knows_the_language(model: LanguageModel) -> None:
    assert model.complete("Ben p")[0].word == "paints"
    assert {each.word for each in model.complete("Ben ", count=3)} == {"sees", "likes", "paints"}
    assert model.complete("Carla sees ")[0].word == "Carla"
    assert model.complete("Ben likes Ben at the se")[0][:2] == ("a", "sea")


def test_typing_on_is_reading_anew(model: LanguageModel) -> None:
    text = "Anna likes Anna at the s"
    typing = Completer(model._fit)  # pyright: ignore[reportArgumentType]
    for end in [*range(1, len(text) + 1), 3, 9]:
        fresh = Completer(model._fit)  # pyright: ignore[reportArgumentType]
        expected = fresh.complete(text[:end])
        for ours, other in zip(typing.complete(text[:end]), expected, strict=True):
            assert ours.word == other.word
            np.testing.assert_allclose(ours.probability, other.probability, rtol=1e-4)


def test_what_was_never_seen_still_gets_answers(model: LanguageModel) -> None:
    assert len(model.complete("", count=3)) == 3
    assert model.complete("€uro ")
    for text in ("x" * 1_000, "€", "\n\n"):
        assert all(each.probability > LEAST for each in model.complete(text))


@pytest.mark.parametrize("kind", ["words", "subwords"])
def test_tokens_that_are_words(kind: str) -> None:
    if kind == "subwords":
        pytest.importorskip("sentencepiece")
    settings = SMALL | {"tokens": kind, "vocabulary_size": 320, "window": 16}
    model = LanguageModel(**settings).fit([lines(600)])
    assert model.complete("Ben likes Ben at the se")[0][:2] == ("a", "sea")
    assert model.complete("Ben pa")[0].word == "paints"
    assert {"sees", "likes", "paints"} <= {each.word for each in model.complete("Ben ", count=4)}
    names = {each.word for each in model.complete("", count=5)}
    assert {"Anna", "Ben", "Carla"} <= names
    assert model.complete("An")[0].word == "Anna"
    total = sum(each.probability for each in model.complete("Ben ", count=50))
    assert 0.9 < total < 1.0001


def test_what_cannot_be_completed(model: LanguageModel) -> None:
    with pytest.raises(InputError, match="count is 0"):
        model.complete("a", count=0)
    blind = LanguageModel(**(SMALL | {"tokens": "bytes", "epochs": 1})).fit([lines(200)])
    with pytest.raises(InputError, match="bytes completes no words"):
        blind.complete("a")
