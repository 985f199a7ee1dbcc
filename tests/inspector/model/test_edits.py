"""What-if edits: nothing before the edit, the difference of two runs after it."""

import numpy as np
import pytest
import torch
from torch import nn

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.edits import what_if, with_step


def test_a_difference_is_that_of_two_runs():
    layer, x = gatework.LSTM(3, 5, num_layers=2, bidirectional=True), torch.randn(8, 2, 3)
    other = with_step(x, 3, torch.zeros(3), sequence=1)
    found = what_if(layer, (x,), (other,), sequence=1)
    assert found.edited.tolist() == [3]
    names = [(each.name, each.first) for each in found.passes]
    assert names == [("l0", 3), ("l0_reverse", 3), ("l1", 0), ("l1_reverse", 7)]
    ahead, back = found.passes[:2]
    assert ahead.steps.tolist() == [3, 4, 5, 6, 7]
    assert back.steps.tolist() == [3, 2, 1, 0]
    before, after = layer(x)[0].detach(), layer(other)[0].detach()
    np.testing.assert_allclose(found.output, (after - before)[:, 1].numpy(), atol=1e-6)
    traced = [
        gatework.trace(layer, each)[""].find(0, reverse=True).sequence(1) for each in (x, other)
    ]
    c = traced[1].values["c"] - traced[0].values["c"]
    np.testing.assert_array_equal(back.differences["c"], c[[3, 2, 1, 0]])
    np.testing.assert_allclose(back.norms("c"), np.linalg.norm(c[[3, 2, 1, 0]], axis=1))
    assert not c[4:].any()


def test_tokens_of_a_strangers_model_and_nan():
    model = nn.ModuleDict({"embed": nn.Embedding(9, 3), "rnn": nn.GRU(3, 4, batch_first=True)})

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = model

        def forward(self, tokens):
            return self.parts["rnn"](self.parts["embed"](tokens))[0]

    tokens = torch.randint(8, (2, 6))
    found = what_if(Model(), (tokens,), (with_step(tokens, 5, 8, batch_first=True),))
    assert found.path == "parts.rnn"
    assert found.passes[0].norms("h").shape == (1,)
    x = torch.randn(4, 1, 3)
    x[0, 0, 0] = torch.nan
    assert what_if(nn.RNN(3, 4), (x,), (with_step(x, 2, 0.0),)).edited.tolist() == [2]


def test_words():
    layer, x = gatework.GRU(3, 4), torch.randn(5, 2, 3)
    with pytest.raises(InputError, match="reads the same"):
        what_if(layer, (x,), (with_step(x, 0, 1.0, sequence=1),))
    with pytest.raises(InputError, match="has 5 steps and, edited, 4"):
        what_if(layer, (x,), (x[:4],))
    with pytest.raises(InputError, match="step 5 was to be edited; x has 5"):
        with_step(x, 5, 0.0)
