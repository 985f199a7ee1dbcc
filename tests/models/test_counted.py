"""What n-grams say of every token: equal to their losses, however it is asked for."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from gatework.errors import InputError
from gatework.models.counted import BEGINNING, CountedChances
from gatework.models.language import CarryingNetwork, LanguageNetwork, LanguageShape, State
from gatework.models.ngrams import NGrams

V = 4
sequences = st.lists(st.integers(0, V - 1), min_size=3, max_size=60)
ONE = np.array([BEGINNING])


@given(train=sequences, test=sequences, order=st.integers(1, 5))
def test_they_are_the_losses_of_the_n_grams(train: list[int], test: list[int], order: int) -> None:
    counted = NGrams.learn(np.array(train), V, order)
    ids = np.array(test)
    rows, _ = CountedChances(counted).read(ids[:-1, None], ONE)
    found = -rows[:, 0].gather(1, torch.from_numpy(ids[1:])[:, None])[:, 0]
    np.testing.assert_allclose(found, counted.losses(ids)[-1], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(rows.exp().sum(-1), 1, rtol=1e-5)


@given(train=sequences, test=sequences, cut=st.integers(1, 59))
def test_read_at_once_in_parts_and_one_by_one(train: list[int], test: list[int], cut: int) -> None:
    chances = CountedChances(NGrams.learn(np.array(train), V, 4))
    ids = np.array(test)[:, None]
    rows, places = chances.read(ids, ONE)
    if cut < len(ids):
        first, between = chances.read(ids[:cut], ONE)
        second, end = chances.read(ids[cut:], between)
        assert torch.equal(torch.cat([first, second]), rows)
        assert end == places
    assert torch.equal(chances.read(ids, ONE, last=2)[0], rows[-2:])
    place = BEGINNING
    for token, row in zip(test, rows[:, 0], strict=True):
        place = chances.follow(place, token)
        np.testing.assert_array_equal(chances.row(place), row)
    assert place == places[0]
    for few_or_many in (2, 20):
        tokens, at = np.full(few_or_many, test[0]), np.full(few_or_many, BEGINNING)
        said, after = chances.step(tokens, at)
        np.testing.assert_array_equal(said, rows[0].expand(few_or_many, -1))
        assert set(after.tolist()) == {chances.follow(BEGINNING, test[0])}


def test_contexts_too_many_to_keep_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = np.random.default_rng(0).integers(0, V, (400, 3))
    counted = NGrams.learn(ids[:, 0], V, 5)
    rows, places = CountedChances(counted).read(ids, np.full(3, BEGINNING))
    monkeypatch.setattr("gatework.models.counted._DENSE", V * V)
    again, others = CountedChances(counted).read(ids, np.full(3, BEGINNING))
    torch.testing.assert_close(again, rows)
    np.testing.assert_array_equal(places, others)


def counted_network(order: int = 3) -> LanguageNetwork:
    counted = NGrams.learn(np.random.default_rng(0).integers(0, 9, 300), 9, order)
    shape = LanguageShape(9, embedding_size=4, hidden_size=8, counted=order)
    return LanguageNetwork(shape, counted=CountedChances(counted)).eval()


def test_an_untrained_network_says_what_the_n_grams_say() -> None:
    network = counted_network()
    assert network.counted is not None
    ids = torch.randint(9, (20, 2))
    logits, _ = network(ids)
    rows, _ = network.counted.read(ids.numpy(), np.full(2, BEGINNING))
    torch.testing.assert_close(logits.log_softmax(-1), rows)


def test_a_trained_one_corrects_it_and_carries_its_place() -> None:
    network = counted_network()
    assert network.trust is not None
    assert network.counted is not None
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter)
    ids = torch.randint(9, (20, 2))
    logits, state = network(ids)
    states, _ = network.lstm(network.embedding(ids))
    rows, _ = network.counted.read(ids.numpy(), np.full(2, BEGINNING))
    torch.testing.assert_close(logits, network.output(states) + network.trust(states) * rows)
    _, between = network(ids[:7])
    rest, after = network(ids[7:], between)
    torch.testing.assert_close(rest, logits[7:])
    assert torch.equal(after.places, state.places)


def test_streams_in_training_carry_their_places() -> None:
    network = counted_network()
    carrying = CarryingNetwork(network, batch_size=2)
    ids = torch.randint(9, (21, 2))
    whole, state = network(ids[:-1])
    for start in range(0, 20, 5):
        part = ids[start : start + 6]
        loss = carrying.loss(part[:-1], part[1:], begins=start == 0)
        said = whole[start : start + 5].flatten(0, 1)
        torch.testing.assert_close(loss, functional.cross_entropy(said, part[1:].flatten()))
    assert torch.equal(carrying.get_buffer("places"), state.places)
    again = carrying.loss(ids[:5], ids[1:6], begins=True)
    torch.testing.assert_close(again, network.loss(ids[:5], ids[1:6]).total)


def test_training_takes_what_it_is_told_for_what_was_counted() -> None:
    network = counted_network()
    ids, targets = torch.randint(9, (5, 2)), torch.randint(9, (5, 2))
    rows = torch.randn(5, 2, 9).log_softmax(-1)
    loss = network.loss(ids, targets, rows=rows)
    expected = functional.nll_loss(rows.flatten(0, 1), targets.flatten())
    torch.testing.assert_close(loss.total, expected)
    with pytest.raises(InputError, match="needs what they say"):
        network.logits(torch.zeros(8))


def test_a_state_is_where_its_text_is() -> None:
    network = counted_network()
    state = network.begin(2)
    assert isinstance(state, State)
    assert state.places.tolist() == [BEGINNING, BEGINNING]
