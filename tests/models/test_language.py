"""The language network: its state, its regularisation, and the state that training carries."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from gatework.errors import InputError
from gatework.models.language import (
    CarryingNetwork,
    LanguageNetwork,
    LanguageRegularisation,
    LanguageShape,
    judge,
)

SHAPE = LanguageShape(vocabulary=11, embedding_size=6, hidden_size=8, num_layers=2)
HARD = LanguageRegularisation(dropout=0.5, weight_drop=0.3, embedding_dropout=0.2)


def test_logits_and_loss_are_those_of_torch() -> None:
    network = LanguageNetwork(SHAPE).eval()
    theirs = nn.LSTM(6, 8, 2)
    theirs.load_state_dict(network.lstm.state_dict())
    ids, targets = torch.randint(11, (7, 3)), torch.randint(11, (7, 3))
    states, (h, c) = theirs(network.embedding(ids))
    expected = states @ network.output.weight.T + network.output.bias
    logits, state = network(ids)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close((state.h, state.c), (h, c))
    loss = network.loss(ids, targets)
    torch.testing.assert_close(
        loss.total, functional.cross_entropy(expected.flatten(0, 1), targets.flatten())
    )
    assert not loss.state.h.requires_grad


@pytest.mark.parametrize("embedding_size", [8, 5])
def test_tied_weights_are_one_tensor(embedding_size: int) -> None:
    shape = LanguageShape(11, embedding_size, 8, tied=True)
    network = LanguageNetwork(shape)
    assert network.output.weight is network.embedding.weight
    assert (network.project is None) == (embedding_size == 8)
    assert network(torch.randint(11, (4, 2)))[0].shape == (4, 2, 11)


def test_penalties_are_what_they_say() -> None:
    ids, targets = torch.randint(11, (7, 3)), torch.randint(11, (7, 3))
    penalties = LanguageRegularisation(activation=2.0, temporal=3.0)
    network = LanguageNetwork(SHAPE, penalties)
    plain = LanguageNetwork(SHAPE)
    plain.load_state_dict(network.state_dict())
    states, _ = network.lstm(network.embedding(ids))
    expected = (
        plain.loss(ids, targets).total
        + 2 * states.square().mean()
        + 3 * (states[1:] - states[:-1]).square().mean()
    )
    torch.testing.assert_close(network.loss(ids, targets).total, expected)


def test_dropout_is_locked_in_time_and_off_in_evaluation() -> None:
    network = LanguageNetwork(SHAPE, HARD)
    dropped = network._locked(torch.ones(5, 3, 8))
    assert torch.equal(dropped, dropped[:1].expand(5, -1, -1))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    ids = torch.randint(11, (7, 3))
    assert not torch.equal(network(ids)[0], network(ids)[0])
    network.eval()
    assert torch.equal(network(ids)[0], network(ids)[0])


def test_embedding_dropout_drops_a_token_wherever_it_stands() -> None:
    network = LanguageNetwork(SHAPE, LanguageRegularisation(embedding_dropout=0.5))
    vectors = network._embed(torch.tensor([[3, 3], [3, 4]]))
    assert torch.equal(vectors[0, 0], vectors[0, 1])
    assert torch.equal(vectors[0, 0], vectors[1, 0])


def test_a_carried_state_is_that_of_the_whole_stream() -> None:
    network = LanguageNetwork(SHAPE)
    carrying = CarryingNetwork(network, batch_size=3)
    ids = torch.randint(11, (21, 3))
    whole, state = network(ids[:-1])
    for start in range(0, 20, 5):
        part = ids[start : start + 6]
        loss = carrying.loss(part[:-1], part[1:], begins=start == 0)
        expected = functional.cross_entropy(
            whole[start : start + 5].flatten(0, 1), part[1:].flatten()
        )
        torch.testing.assert_close(loss, expected)
        loss.backward()  # into this window alone: the ones before are gone
    torch.testing.assert_close(carrying.get_buffer("h"), state.h.detach())
    torch.testing.assert_close(carrying.get_buffer("c"), state.c.detach())
    fresh = network.loss(ids[:5], ids[1:6]).total
    torch.testing.assert_close(carrying.loss(ids[:5], ids[1:6], begins=True), fresh)


def test_the_carried_state_is_in_the_state_dict() -> None:
    carrying = CarryingNetwork(LanguageNetwork(SHAPE), batch_size=3)
    assert carrying.state_dict()["h"].shape == (2, 3, 8)


def test_judging_scores_every_token_and_says_what_was_expected() -> None:
    network = LanguageNetwork(SHAPE).eval()
    ids = torch.randint(11, (30, 2), dtype=torch.uint8)
    said = judge(network, ids, window=9)
    logits, _ = network(ids[:-1].long())
    chances = logits.softmax(-1)
    expected = -chances.gather(-1, ids[1:, :, None].long())[..., 0].log()
    torch.testing.assert_close(said.nats, expected)
    assert torch.equal(said.best, chances.argmax(-1))
    torch.testing.assert_close(said.chance, chances.amax(-1))


@pytest.mark.parametrize(
    "values", [{"dropout": 1.0}, {"weight_drop": -0.1}, {"activation": -1.0}, {"temporal": -1.0}]
)
def test_what_cannot_regularise(values: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(values))):
        LanguageRegularisation(**values)
