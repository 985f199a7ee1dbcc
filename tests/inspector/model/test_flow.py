"""Gradient flow against backpropagation through time written out, and along the memory alone."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.family import family, twin
from gatework.inspector.analyses.flow import by_loss_step, gradient_flow
from gatework.inspector.analyses.subject import Subject, subject
from inspector.model import oracle

F64: Any = {"dtype": torch.float64}
LSTMS: Any = {
    "plain": {},
    "peephole": {"peephole": True},
    "coupled": {"coupled": True},
    "norm": {"layer_norm": True},
    "projection": {"proj_size": 3},
}


def randomised(layer: nn.Module) -> nn.Module:
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.5)
    return layer


def states_by_hand(
    whole: Subject, which: int
) -> tuple[list[tuple[torch.Tensor, ...]], torch.Tensor]:
    """Every state as a node of the graph, and the default score, which reads the last h."""
    layer, each = whole.layer, whole.layer.passes[which]
    state = tuple(part[which] for part in whole.entry.state)
    nodes = []
    order = range(len(whole.entry.x))
    for t in reversed(order) if each.reverse else order:
        step = oracle.STEPS[type(layer.cell)]
        state = step(layer.cell, layer.params(each), whole.entry.x[t], state, {})
        nodes.append(state)
    return nodes, state[0].sum()


@pytest.mark.parametrize("kind", LSTMS)
@pytest.mark.parametrize("which", [0, 1])
def test_norms_are_those_of_the_graph(kind, which):
    layer = randomised(gatework.LSTM(2, 4, bidirectional=True, **LSTMS[kind], **F64))
    whole = subject(layer, torch.randn(7, 3, 2, **F64))
    nodes, score = states_by_hand(whole, which)
    found = gradient_flow(whole).passes[which]
    for at, name in enumerate(["hidden", "memory"]):
        states = [state[at] for state in nodes]
        expected = torch.stack(torch.autograd.grad(score, states, retain_graph=True)).norm(dim=2)
        np.testing.assert_allclose(getattr(found, name), expected.flip(0).numpy(), atol=1e-10)


@pytest.mark.parametrize("kind", LSTMS)
def test_the_cell_path_is_the_product_of_the_forget_gates(kind):
    layer = randomised(gatework.LSTM(2, 4, **LSTMS[kind], **F64))
    x = torch.randn(6, 2, 2, **F64)
    whole = subject(layer, x)
    found = gradient_flow(whole).find()
    nodes, score = states_by_hand(whole, 0)
    (last,) = torch.autograd.grad(score, nodes[-1][1])
    for b in range(2):
        keep: Any = gatework.trace(layer, x)[""].find().sequence(b).roles.keep
        expected = [np.linalg.norm(last[b].numpy() * keep[6 - k :].prod(axis=0)) for k in range(6)]
        np.testing.assert_allclose(found.cell_path[:, b], expected, atol=1e-10)


def test_a_layer_without_recurrent_weights_has_only_the_cell_path():
    layer = randomised(gatework.LSTM(2, 4, **F64))
    nn.init.zeros_(layer.get_parameter("weight_hh_l0"))
    whole = subject(layer, torch.randn(6, 2, 2, **F64), score=lambda out: out[0].sum(dim=(0, 2)))
    found = gradient_flow(whole).find()  # every step has a loss of its own
    np.testing.assert_allclose(found.cell_path, found.memory, atol=1e-12)


def test_gru_and_rnn():
    x = torch.randn(6, 2, 2, **F64)
    for make in (gatework.GRU, gatework.RNN):
        whole = subject(randomised(make(2, 4, **F64)), x)
        nodes, score = states_by_hand(whole, 0)
        expected = torch.stack(torch.autograd.grad(score, [state[0] for state in nodes]))
        found = gradient_flow(whole).find()
        np.testing.assert_allclose(found.hidden, expected.norm(dim=2).flip(0).numpy(), atol=1e-12)
        np.testing.assert_array_equal(found.hidden, found.memory)
        assert found.cell_path[0, 0] == pytest.approx(2.0)
        keep: Any = gatework.trace(whole.model, x)[""].find().sequence(1).roles.keep
        path = [np.linalg.norm(keep[6 - k :].prod(axis=0)) for k in range(6)]
        np.testing.assert_allclose(found.cell_path[:, 1], path, atol=1e-12)


def test_ragged_float32_and_stacked():
    layer = nn.LSTM(2, 4, num_layers=2, bidirectional=True)
    packed = nn.utils.rnn.pack_padded_sequence(
        torch.randn(6, 3, 2), torch.tensor([2, 6, 1]), enforce_sorted=False
    )
    flows = gradient_flow(subject(layer, packed))
    assert [each.name for each in flows.passes] == ["l0", "l0_reverse", "l1", "l1_reverse"]
    for each in flows.passes:
        np.testing.assert_array_equal(np.isnan(each.hidden).sum(axis=0), [4, 0, 5])
        assert each.hidden[0].min() > 0
        assert each.mean("hidden").shape == (6,)
    with pytest.raises(InputError, match="no pass l2"):
        flows.find(2)


def test_losses_by_step_reach_back_only():
    layer = gatework.GRU(2, 4, **F64)
    whole = subject(layer, torch.randn(5, 2, 2, **F64), score=lambda out: out[0].sum(dim=(1, 2)))
    found = by_loss_step(whole)
    assert found.shape == (5, 5)
    np.testing.assert_array_equal(np.triu(found, 1), 0)
    assert np.tril(found).min() >= 0
    for loss in range(5):
        alone = subject(layer, whole.entry.x, score=lambda out, s=loss: out[0][s].sum(dim=1))
        hidden = np.sqrt((gradient_flow(alone).find().hidden ** 2).sum(axis=1))
        np.testing.assert_allclose(found[loss], hidden[::-1], atol=1e-12)


def test_flows_that_cannot_be():
    with pytest.raises(InputError, match="zoneout"):
        gradient_flow(subject(gatework.LSTM(2, 4, zoneout=0.1), torch.randn(3, 1, 2)))
    with pytest.raises(InputError, match="no sequence has a step"):
        gradient_flow(subject(gatework.LSTM(2, 4), torch.randn(3, 1, 2), lengths=[0]))
    flat = gradient_flow(
        subject(gatework.RNN(2, 4), torch.randn(1, 1, 2), score=lambda _: torch.ones(1))
    )
    assert flat.find().hidden.tolist() == [[0.0]]


class Head(nn.Module):
    def __init__(self, rnn: nn.Module) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, x):
        _, state = self.rnn(x)
        return (state[0] if isinstance(state, tuple) else state)[-1].sum(dim=1)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("own", [nn.LSTM, nn.GRU, gatework.LSTM])
def test_twins_fit_where_their_models_fit(own, kind):
    model = Head(own(2, 4, num_layers=2, batch_first=True, bidirectional=True, dropout=0.5))
    made: Any = twin(model, kind)
    x = torch.randn(3, 5, 2)
    assert made(x).shape == model(x).shape
    assert made.rnn.layer.mode.startswith(kind)
    assert type(model.rnn) is own
    state = model.rnn(x)[1]
    assert made.rnn(x, state)[0].shape == (3, 5, 8)


def test_a_projected_lstm_has_twins_as_wide_as_its_output():
    model = nn.LSTM(2, 6, proj_size=3)
    for kind in ("RNN", "LSTM"):
        assert twin(model, kind)(torch.randn(4, 1, 2))[0].shape == (4, 1, 3)
    with pytest.raises(InputError, match="no recurrent layer to make twins of"):
        twin(nn.Linear(2, 2), "RNN")


def test_a_lesson_trains_the_twins():
    x = torch.randn(20, 8, 2)
    model = Head(nn.GRU(2, 4))

    def lesson(model: nn.Module) -> torch.Tensor:
        return (model(x) - x[-1].sum(dim=1)).square().mean()

    found = family(model, x, lesson=lesson, updates=30)
    for kind, losses in found.losses.items():
        assert losses[-1] < losses[0]
        assert not np.array_equal(
            found.fresh[kind].find().hidden, found.trained[kind].find().hidden
        )


def test_a_layer_that_is_tied_in_twice_has_one_twin():
    layer = nn.GRU(2, 2)
    made: Any = twin(nn.ModuleDict({"one": layer, "two": nn.ModuleList([layer])}), "RNN")
    assert made["one"] is made["two"][0]
    assert made["one"].layer.mode == "RNN_TANH"
