"""What our layers have beyond torch's: the family, initialisation, explain, compile."""

import math
from typing import Any

import pytest
import torch
from torch._dynamo.exc import Unsupported
from torch.func import functional_call

import gatework
from gatework.errors import InputError

# Typed Any: pyright does not know which parameters a layer has.
LSTM: Any = gatework.LSTM
GRU: Any = gatework.GRU

FAMILY = {
    "peephole": ["weight_ci_l0", "weight_cf_l0", "weight_co_l0"],
    "coupled": [],
    "layer_norm": [f"norm_{n}_{kind}_l0" for n in ("ih", "hh", "c") for kind in ("weight", "bias")],
    "full_recurrence": ["weight_gg_l0"],
}


@pytest.mark.parametrize("option", FAMILY)
def test_an_option_adds_its_parameters_and_trains(option):
    layer = LSTM(3, 4, num_layers=2, bidirectional=True, **{option: True})
    names = [name for name, _ in layer.named_parameters()]
    common = {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}
    added = [name for name in names if name.endswith("_l0") and name not in common]
    assert added == FAMILY[option]
    assert f"{option}=True" in repr(layer)
    output, state = layer(torch.randn(5, 2, 3), lengths=[5, 2])
    (output.sum() + sum(part.sum() for part in state)).backward()
    assert all(parameter.grad.any() for parameter in layer.parameters())


def test_full_recurrence_carries_its_gates():
    layer = LSTM(3, 4, full_recurrence=True)
    x = torch.randn(6, 2, 3)
    output, state = layer(x)
    assert len(state) == 5
    _, half = layer(x[:3])
    torch.testing.assert_close(layer(x[3:], half)[0], output[3:])


def test_forget_bias_is_the_whole_bias():
    layer = LSTM(3, 4, num_layers=2, forget_bias=2.0)
    for index in range(2):
        total = layer.get_parameter(f"bias_ih_l{index}") + layer.get_parameter(f"bias_hh_l{index}")
        assert total[4:8].tolist() == [2.0] * 4
        assert total[:4].unique().numel() > 1
    layer = LSTM(3, 4, layer_norm=True, forget_bias=2.0)
    assert (layer.norm_ih_bias_l0 + layer.norm_hh_bias_l0)[4:8].tolist() == [2.0] * 4


@pytest.mark.parametrize("kind", [gatework.RNN, gatework.GRU, gatework.LSTM])
def test_orthogonal(kind):
    layer = kind(3, 8, init="orthogonal")
    for block in layer.weight_hh_l0.split(8):
        torch.testing.assert_close(block @ block.T, torch.eye(8), rtol=0, atol=1e-5)
    bound = math.sqrt(6 / (3 + 8))
    assert 0.5 * bound < layer.weight_ih_l0.abs().max() <= bound
    total = (layer.bias_ih_l0 + layer.bias_hh_l0).tolist()
    forget = [1.0] * 8 if kind is gatework.LSTM else [0.0] * 8
    rest = [0.0] * (len(total) - 16)
    assert total == ([0.0] * 8 + forget + rest if rest else [0.0] * len(total))


def test_chrono():
    torch.manual_seed(1)
    layer = LSTM(3, 64, init="chrono", longest_lag=100)
    i, f, g, o = (layer.bias_ih_l0 + layer.bias_hh_l0).split(64)
    assert i.equal(-f)
    assert not g.any()
    assert not o.any()
    assert f.min() >= 0
    assert math.log(50) < f.max() <= math.log(99)
    assert 25 < f.exp().mean() < 75  # U(1, 99) has mean 50
    z = (layer := GRU(3, 64, init="chrono", longest_lag=100)).bias_ih_l0[64:128]
    assert 25 < z.exp().mean() < 75
    assert not layer.bias_hh_l0.any()


def test_explain_names_every_backend():
    text = str(gatework.explain(LSTM(3, 4, full_recurrence=True), torch.randn(5, 2, 3)))
    native, aten, reference = text.splitlines()
    assert native.startswith("native     refuses: ")
    assert aten == "aten       refuses: torch has no operator for lstm with full_recurrence=True"
    assert reference == "reference  runs it"


def test_explain_follows_what_was_asked(monkeypatch):
    double = torch.float64  # which the native core does not run
    layer = GRU(3, 4, batch_first=True, backend="reference", dtype=double)
    x = torch.randn(2, 5, 3, dtype=double)
    dense = gatework.explain(layer, x)
    assert (dense.chosen, dense.asked) == ("reference", "reference")
    assert "aten       could run it" in str(dense)
    layer.backend = None
    assert gatework.explain(layer, x).chosen == "aten"
    assert gatework.explain(layer, x, [5, 2]).chosen == "reference"
    monkeypatch.setenv("GATEWORK_BACKEND", "aten")
    ragged = gatework.explain(layer, x, [5, 2])
    assert (ragged.chosen, ragged.asked) == (None, "aten")
    with pytest.raises(InputError, match="backend 'aten', which was asked for, refuses this call"):
        layer(x, lengths=[5, 2])


# torch's own tracer makes an instance of autograd.Function, which torch deprecates.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiles_whole(backend):
    layer = LSTM(3, 4, bidirectional=True, backend=backend.name)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    x, hx = torch.randn(2, 2, 3), (torch.randn(2, 2, 4), torch.randn(2, 2, 4))
    trains = backend.name != "aten"
    with torch.set_grad_enabled(trains):
        output, (h, c) = compiled(x, hx)
        truth, (h_truth, c_truth) = layer(x, hx)
    torch.testing.assert_close((output, h, c), (truth, h_truth, c_truth))
    if trains:
        gradients = [torch.autograd.grad(y.sum(), layer.weight_hh_l0)[0] for y in (output, truth)]
        torch.testing.assert_close(*gradients)
    else:
        with pytest.raises(Unsupported, match="cannot differentiate torch's fused"):
            compiled(x, hx)


def test_parameters_can_be_replaced_from_outside():
    layer = LSTM(3, 4)
    x = torch.randn(5, 2, 3)
    silent = {name: torch.zeros_like(value) for name, value in layer.named_parameters()}
    assert not functional_call(layer, silent, (x,))[0].any()
    assert layer(x)[0].any()


def test_weights_from_a_parametrization_are_used():
    layer = LSTM(3, 4, backend="reference")
    torch.nn.utils.parametrizations.weight_norm(layer, "weight_hh_l0")
    layer(torch.randn(5, 2, 3))[0].sum().backward()
    assert layer.parametrizations.weight_hh_l0.original0.grad.any()
