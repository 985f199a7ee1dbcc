"""The adaptive softmax inside the language network."""

import pytest
import torch

from gatework.errors import InputError
from gatework.models.language import LanguageNetwork, LanguageShape, judge

SHAPE = LanguageShape(200, embedding_size=8, hidden_size=16, adaptive=True)


def test_the_loss_is_that_of_its_chances() -> None:
    network = LanguageNetwork(SHAPE)
    ids, targets = torch.randint(200, (7, 3)), torch.randint(200, (7, 3))
    logits, _ = network(ids)
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(7, 3))
    expected = -logits.gather(-1, targets[..., None]).mean()
    torch.testing.assert_close(network.loss(ids, targets).total, expected)
    said = judge(network.eval(), torch.cat([ids[:1], targets]))
    assert said.nats.shape == (7, 3)


def test_what_it_does_not_go_with() -> None:
    with pytest.raises(InputError, match="softmax='full'"):
        LanguageShape(200, 8, 8, tied=True, adaptive=True)
    with pytest.raises(InputError, match="at least 100"):
        LanguageNetwork(LanguageShape(9, 8, 16, adaptive=True))
