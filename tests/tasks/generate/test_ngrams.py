"""n-grams: proper distributions, equal to counting by hand, and known figures on real text."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data_paths import shared_data
from gatework.data.stream import encode
from gatework.data.stream_codec import Codec
from gatework.data.stream_corpus import open_corpus
from gatework.errors import InputError
from gatework.models.ngrams import NGrams

V = 4
sequences = st.lists(st.integers(0, V - 1), min_size=2, max_size=40)


def by_hand(train: list[int], context: tuple[int, ...], token: int) -> float:
    """Witten-Bell, by the recursion as it is written."""
    lower = by_hand(train, context[1:], token) if context else 1 / V
    n = len(context)
    follow = Counter(
        train[at + n] for at in range(len(train) - n) if tuple(train[at : at + n]) == context
    )
    total, kinds = sum(follow.values()), len(follow)
    return (follow[token] + kinds * lower) / (total + kinds) if total else lower


@given(train=sequences, test=sequences)
def test_they_are_those_counted_by_hand(train: list[int], test: list[int]) -> None:
    counted = NGrams.learn(np.array(train), V, 3)
    losses = counted.losses(np.array(test))
    for order in range(1, counted.order + 1):
        for at in range(1, len(test)):
            context = tuple(test[max(0, at - order + 1) : at])
            expected = -np.log(by_hand(train, context, test[at]))
            assert losses[order - 1, at - 1] == pytest.approx(expected)


@given(train=sequences, context=st.lists(st.integers(0, V - 1), min_size=1, max_size=3))
def test_chances_sum_to_one(train: list[int], context: list[int]) -> None:
    counted = NGrams.learn(np.array(train), V, 3)
    chances = [np.exp(-counted.losses(np.array([*context, w]))[:, -1]) for w in range(V)]
    np.testing.assert_allclose(sum(chances), 1)


def test_there_and_back() -> None:
    ids = np.random.default_rng(0).integers(0, V, 200)
    counted = NGrams.learn(ids, V, 3)
    again = NGrams.of(counted.tensors(), V)
    np.testing.assert_array_equal(again.losses(ids), counted.losses(ids))
    np.testing.assert_array_equal(counted.shortened(2).losses(ids), counted.losses(ids)[:2])
    with pytest.raises(InputError, match="the saved n-grams are damaged"):
        NGrams.of(dict.fromkeys(("1.keys", "x", "y", "z"), torch.ones(1)), V)


def test_totals_are_those_of_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = np.random.default_rng(0).integers(0, V, 200)
    counted = NGrams.learn(ids, V, 4)
    expected = counted.losses(ids).sum(1)
    monkeypatch.setattr("gatework.models.ngrams._STRETCH", 7)
    np.testing.assert_allclose(counted.totals(ids), expected)


def test_the_known_figures_of_tiny_shakespeare() -> None:
    """Unigram 3.347, trigram 2.049, 5-gram 1.669 nats a character of the last tenth."""
    corpus = open_corpus(shared_data("text/tinyshakespeare/input.txt"))
    cut = corpus.size * 9 // 10
    codec = Codec.learn("characters", corpus.part(0, cut), size=0)
    train, test = (
        encode(corpus.part(*part), codec).ids.numpy() for part in ((0, cut), (cut, corpus.size))
    )
    means = NGrams.learn(train, len(codec), 5).losses(test).mean(1)
    np.testing.assert_allclose(means[[0, 2, 4]], [3.347, 2.049, 1.669], atol=6e-4)
