"""Attribution against finite differences and sums by hand; what adds up adds up."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.attribution import (
    gradient_times_input,
    integrated_gradients,
    occlusion,
    occlusion_pairs,
)
from gatework.inspector.analyses.subject import Subject, subject

F64 = torch.float64
METHODS = (gradient_times_input, integrated_gradients, occlusion)
MODELS: Any = {
    "lstm": lambda: gatework.LSTM(2, 4, num_layers=2, bidirectional=True, dtype=F64),
    "peephole": lambda: gatework.LSTM(2, 4, peephole=True, proj_size=3, dtype=F64),
    "coupled": lambda: gatework.LSTM(2, 4, coupled=True, dtype=F64),
    "gru": lambda: gatework.GRU(2, 4, dtype=F64),
    "torch": lambda: nn.GRU(2, 4, bidirectional=True, dtype=F64),
    "rnn": lambda: gatework.RNN(2, 4, dtype=F64),
}


def whole_of(kind: str, steps: int = 5) -> Subject:
    model: nn.Module = MODELS[kind]()
    plain = subject(model, torch.randn(steps, 2, 2, dtype=F64))
    state = [torch.randn_like(part) for part in plain.entry.state]
    return subject(model, plain.entry.x, tuple(state) if len(state) > 1 else state[0])


@pytest.mark.parametrize("kind", MODELS)
def test_gradient_is_the_finite_difference(kind):
    whole = whole_of(kind)
    found = gradient_times_input(whole)
    assert found.x.shape == (5, 2, 2)
    step = 1e-6
    for index in np.ndindex(5, 2, 2):
        up, down = whole.entry.x.clone(), whole.entry.x.clone()
        up[index] += step
        down[index] -= step
        slope = (whole.run(x=up) - whole.run(x=down)).detach().numpy()[index[1]] / (2 * step)
        credit = slope * float(whole.entry.x[index])
        assert abs(found.x[index] - credit) < 1e-8
    for name, part in zip(whole.layer.cell.states, whole.entry.state, strict=True):
        states = dict(zip(whole.layer.cell.states, whole.entry.state, strict=True))
        more = tuple((states | {name: part * (1 + step)}).values())
        less = tuple((states | {name: part * (1 - step)}).values())
        slope = (whole.run(state=more) - whole.run(state=less)) / (2 * step)
        np.testing.assert_allclose(found.state[name], slope.detach().numpy(), atol=1e-8)


@pytest.mark.parametrize("kind", MODELS)
def test_integrated_gradients_add_up_over_x_and_the_initial_state(kind):
    whole = whole_of(kind)
    found = integrated_gradients(whole, baseline=torch.tensor([0.3, -0.2]))
    assert np.abs(found.completeness_error).max() < 1e-9
    assert set(found.state) == set(whole.layer.cell.states)
    assert all(np.abs(part).min() > 0 for part in found.state.values())
    start = torch.tensor([0.3, -0.2], dtype=F64).expand(5, 2, 2)
    total = torch.zeros_like(start)
    for k in range(100):  # the midpoint rule, by hand
        a = (k + 0.5) / 100
        at = (start + a * (whole.entry.x - start)).requires_grad_()
        score = whole.run(x=at, state=tuple(a * part for part in whole.entry.state)).sum()
        total += torch.autograd.grad(score, at)[0] / 100
    by_hand = ((whole.entry.x - start) * total).numpy()
    np.testing.assert_allclose(found.x, by_hand, atol=1e-4)


@pytest.mark.parametrize("kind", MODELS)
def test_occlusion_is_a_run_with_the_baseline_there(kind):
    whole = whole_of(kind)
    steps, features = occlusion(whole), occlusion(whole, by_feature=True)
    changed = whole.entry.x.clone()
    changed[3] = 0
    expected = whole.run() - whole.run(x=changed)
    np.testing.assert_array_equal(steps.x[3, :, 0], expected.detach().numpy())
    changed = whole.entry.x.clone()
    changed[3, :, 1] = 0
    expected = whole.run() - whole.run(x=changed)
    np.testing.assert_array_equal(features.x[3, :, 1], expected.detach().numpy())


def test_all_agree_where_the_model_is_linear():
    layer = gatework.RNN(2, 4, nonlinearity="relu", bias=False, dtype=F64)
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, 0.1, 0.5)
    h = torch.rand(1, 3, 4, dtype=F64)
    whole = subject(layer, torch.rand(6, 3, 2, dtype=F64), h, lengths=[6, 2, 4])
    first, second, third = (method(whole) for method in METHODS)
    np.testing.assert_allclose(first.x, second.x)
    np.testing.assert_allclose(first.steps, third.steps)
    for found in (first, second, third):
        np.testing.assert_allclose(found.completeness_error, 0, atol=1e-12)
        np.testing.assert_allclose(found.state["h"], first.state["h"])
        assert not found.x[2:, 1].any()
        assert found.of(1).shape[0] == 2
    linear = occlusion_pairs(whole, [0, 1, 3])
    np.testing.assert_allclose(linear.interaction, 0, atol=1e-12)
    met = occlusion_pairs(whole_of("lstm"), [0, 1, 3]).interaction
    assert np.abs(met[0, 1]).min() > 0
    assert not met[1, 1].any()


def test_the_completeness_error_tells_of_a_jump():
    layer = gatework.LSTM(2, 4, layer_norm=True, dtype=F64)
    whole = subject(layer, torch.randn(5, 2, 2, dtype=F64))
    found = integrated_gradients(whole)
    lowest = layer(torch.zeros(5, 2, 2, dtype=F64))[0][-1].sum(-1)
    missing = (whole.run() - lowest).detach().numpy() - found.x.sum(axis=(0, 2))
    np.testing.assert_allclose(found.completeness_error, missing)
    assert np.abs(missing).max() > 0.1


class Tokens(nn.Module):
    """Whole numbers in, a logit a sequence out."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(9, 3)
        self.rnn = nn.LSTM(3, 5, batch_first=True)
        self.head = nn.Linear(5, 4)

    def forward(self, tokens):
        return self.head(self.rnn(self.embed(tokens))[1][0][0])


@pytest.mark.parametrize("method", METHODS)
def test_tokens_are_credited_where_the_layer_reads_them(method):
    tokens = torch.randint(9, (2, 7))
    found = method(subject(Tokens(), tokens, score=lambda logits: logits[:, 2]))
    assert found.steps.shape == (7, 2)
    assert found.x.any()
    one = method(subject(Tokens(), tokens[:1, :1], score=lambda logits: logits[:, 2]))
    assert one.steps.shape == (1, 1)


def test_a_score_that_does_not_look_has_no_credits():
    whole = subject(gatework.GRU(2, 3), torch.randn(4, 2, 2), score=lambda _: torch.ones(2))
    for method in METHODS:
        assert not method(whole).x.any()


def test_words():
    layer, x = gatework.GRU(2, 3), torch.randn(4, 2, 2)
    with pytest.raises(InputError, match="1 numbers for 2 sequences"):
        integrated_gradients(subject(layer, x, score=lambda out: out[0].sum()))
    with pytest.raises(InputError, match=r"expected \(I,\) = \(2,\)"):
        occlusion(subject(layer, x), baseline=torch.zeros(3))
