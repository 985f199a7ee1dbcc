"""Relevance against automatic differentiation of a network whose gates and slopes are constants."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.relevance import lrp
from gatework.inspector.analyses.subject import subject

F64: Any = {"dtype": torch.float64}
LAYERS: Any = {
    "lstm": lambda: gatework.LSTM(2, 4, **F64),
    "no bias": lambda: gatework.LSTM(2, 4, bias=False, **F64),
    "peephole": lambda: gatework.LSTM(2, 4, peephole=True, coupled=True, **F64),
    "1997": lambda: gatework.LSTM(2, 4, forget_gate=False, output_gate=False, **F64),
    "projection": lambda: gatework.LSTM(2, 4, proj_size=3, **F64),
    "gru": lambda: gatework.GRU(2, 4, **F64),
    "reset before": lambda: gatework.GRU(2, 4, reset_after=False, **F64),
    "rnn": lambda: gatework.RNN(2, 4, **F64),
    "relu": lambda: gatework.RNN(2, 4, nonlinearity="relu", **F64),
}


class Rules:
    """Sums whose gradient shrinks as eps says, and activations that only scale."""

    def __init__(self, eps: float) -> None:
        self.eps = eps

    def sum(self, z: Tensor) -> Tensor:
        steady = z + self.eps * torch.where(z >= 0, 1.0, -1.0)
        return z.detach() + (z - z.detach()) * (z / steady).detach()

    def scaled(self, z: Tensor, activation: Any) -> Tensor:
        return z * (activation(z) / z).nan_to_num(1.0).detach()


def run(layer: Any, x: Tensor, state: Any, rules: Rules) -> Tensor:
    """h of the last step, by the rules of Arras et al. for gates found by the layer itself."""
    params = layer.params(layer.passes[0])
    cell = layer.cell
    values = gatework.trace(layer, x[:, None].detach(),
                            *([tuple(s.detach() for s in state)] if len(state) > 1 else
                              [state[0].detach()]))[""].find().values  # fmt: skip
    gates = {name: torch.from_numpy(value.copy()) for name, value in values.items()}
    at, count = cell.gates.index(cell.candidate), len(cell.gates)
    w, u = (params[name].chunk(count)[at] for name in ("weight_ih", "weight_hh"))
    zero = torch.zeros(len(w), **F64)
    b, d = (params[n].chunk(count)[at] if n in params else zero for n in ("bias_ih", "bias_hh"))
    h = state[0].reshape(-1)
    c = state[-1].reshape(-1)
    for t in range(len(x)):
        if cell.name == "gru":
            r, z = gates["r"][t], gates["z"][t]
            from_h = r * (u @ h + d) if cell.reset_after else u @ (r * h) + d
            n = rules.scaled(rules.sum(w @ x[t] + b + from_h), torch.tanh)
            h = rules.sum((1 - z) * n + z * h)
            continue
        total = rules.sum(w @ x[t] + b + u @ h + d)
        if cell.name == "rnn":
            h = rules.scaled(total, torch.relu if cell.nonlinearity == "relu" else torch.tanh)
            continue
        f = gates["f"][t] if "f" in gates else 1
        i = 1 - f if cell.coupled else gates["i"][t]
        c = rules.sum(f * c + i * rules.scaled(total, torch.tanh))
        h = gates.get("o", torch.ones(len(x), 4, **F64))[t] * rules.scaled(c, torch.tanh)
        if cell.projection:
            h = rules.sum(params["weight_hr"] @ h)
    return h


@pytest.mark.parametrize("eps", [0.0, 0.01])
@pytest.mark.parametrize("kind", LAYERS)
def test_relevance_is_the_gradient_of_the_rules(kind, eps):
    layer = LAYERS[kind]()
    head = torch.randn(3 if kind == "projection" else 4, **F64)
    x = torch.randn(5, 1, 2, **F64)
    sizes = layer.cell.state_sizes(layer.params(layer.passes[0]))
    state = [torch.randn(1, 1, size, **F64) for size in sizes]
    whole = subject(layer, x, tuple(state) if len(state) > 1 else state[0],
                    score=lambda out: out[0][-1] @ head)  # fmt: skip
    found = lrp(whole, eps=eps)
    leaves = [x[:, 0].clone().requires_grad_(), *(part.clone().requires_grad_() for part in state)]
    total = run(layer, leaves[0], leaves[1:], Rules(eps)) @ head
    gradients = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
    expected = [(leaf * by).detach().numpy() for leaf, by in zip(leaves, gradients, strict=True)]
    np.testing.assert_allclose(found.credits.x[:, 0], expected[0], atol=1e-9)
    for name, part in zip(layer.cell.states, expected[1:], strict=True):
        np.testing.assert_allclose(found.credits.state[name], part.sum(), atol=1e-9)
    np.testing.assert_allclose(found.start, found.credits.score, atol=1e-9)
    np.testing.assert_allclose(found.conservation_error, 0, atol=1e-9)
    if eps == 0:
        np.testing.assert_allclose(found.absorbed, 0, atol=1e-8)
    if kind == "no bias":
        np.testing.assert_array_equal(found.bias, 0)


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(8, 1)

    def forward(self, x):
        output, (h, c) = self.rnn(x)
        return (self.head(output.mean(dim=1)) + functional.relu(h[-1] * c[0]).sum(1, True))[:, 0]


def test_a_stacked_bidirectional_stranger_conserves():
    found = lrp(subject(Reader(), torch.randn(2, 6, 3)))
    assert found.credits.x.shape == (6, 2, 3)
    np.testing.assert_allclose(found.conservation_error, 0, atol=1e-9)
    assert (np.abs(found.credits.steps) > 0).all()


def test_ragged_one_step_and_nan():
    layer, x = gatework.GRU(2, 4, num_layers=2, bidirectional=True), torch.randn(5, 4, 2)
    h = torch.randn(4, 4, 4)
    x[1, 3] = torch.nan
    whole = subject(layer, x, h, lengths=[5, 0, 1, 3], score=lambda out: out[1].sum(dim=(0, 2)))
    found = lrp(whole)
    np.testing.assert_allclose(found.conservation_error[:3], 0, atol=1e-8)
    assert np.isnan(found.credits.steps[:, 3]).any()
    assert not found.credits.x[1:, 2].any()
    assert found.credits.state["h"][1] == pytest.approx(h[:, 1].sum().item(), abs=1e-5)


def test_what_has_no_rule():
    for layer in (gatework.LSTM(2, 4, layer_norm=True), gatework.GRU(2, 4, zoneout=0.1)):
        with pytest.raises(InputError, match="no relevance rule"):
            lrp(subject(layer, torch.randn(3, 1, 2)))
