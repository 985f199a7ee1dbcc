"""Step Jacobians against finite differences and the closed form; Lyapunov exponents."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.jacobian import spectrum, step_jacobians
from gatework.inspector.analyses.lyapunov import lyapunov

F64: Any = {"dtype": torch.float64}
LAYERS: Any = {
    "lstm": lambda: gatework.LSTM(2, 4, **F64),
    "peephole": lambda: gatework.LSTM(2, 4, peephole=True, coupled=True, **F64),
    "projection": lambda: gatework.LSTM(2, 4, proj_size=2, layer_norm=True, **F64),
    "full": lambda: gatework.LSTM(2, 3, full_recurrence=True, **F64),
    "gru": lambda: gatework.GRU(2, 4, **F64),
    "reset before": lambda: gatework.GRU(2, 4, reset_after=False, **F64),
    "rnn": lambda: gatework.RNN(2, 4, **F64),
}


def recorded(layer: Any, steps: int = 5, *, reverse: bool = False) -> Any:
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.6)
    x = torch.randn(steps, 1, 2, dtype=next(layer.parameters()).dtype)
    return gatework.trace(layer, x)[""].find(reverse=reverse).sequence(0)


def stepped(made: Any, t: int, state: Tensor) -> Tensor:
    params = {name: torch.from_numpy(value) for name, value in made.params.items()}
    parts = state.unsqueeze(0).split([made.values[name].shape[1] for name in made.cell.states], 1)
    x = torch.from_numpy(made.inputs[t : t + 1].copy())
    new, _ = made.cell.update(
        params,
        functional.linear(x, params["weight_ih"], params.get("bias_ih")),
        functional.linear(parts[0], params["weight_hh"], params.get("bias_hh")),
        parts,
    )
    return torch.cat(new, dim=1)[0]


@pytest.mark.parametrize("kind", LAYERS)
def test_jacobians_are_finite_differences(kind):
    made = recorded(LAYERS[kind]())
    found = step_jacobians(made, steps=[0, 3])
    for jacobian, t in zip(found, [0, 3], strict=True):
        before = [made.before(name)[t] for name in made.cell.states]
        state = torch.from_numpy(np.concatenate(before))
        for column in range(len(state)):
            e = torch.zeros_like(state)
            e[column] = 1e-6
            slope = (stepped(made, t, state + e) - stepped(made, t, state - e)) / 2e-6
            np.testing.assert_allclose(jacobian[:, column], slope.numpy(), atol=1e-8)


def test_the_lstms_jacobian_has_its_closed_form():
    made = recorded(LAYERS["lstm"]())
    found = step_jacobians(made)
    u = dict(zip("ifgo", np.split(made.params["weight_hh"], 4), strict=True))
    for t in range(5):
        i, f, g, o = (np.diag(made.values[name][t]) for name in "ifgo")
        c, th = np.diag(made.before("c")[t]), np.diag(np.tanh(made.values["c"][t]))
        one = np.eye(4)
        cc = f
        ch = c @ f @ (one - f) @ u["f"] + g @ i @ (one - i) @ u["i"] + i @ (one - g @ g) @ u["g"]
        hc = o @ (one - th @ th) @ f
        hh = th @ o @ (one - o) @ u["o"] + o @ (one - th @ th) @ ch
        np.testing.assert_allclose(found[t], np.block([[hh, hc], [ch, cc]]), atol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
def test_the_product_of_steps_is_the_derivative_of_the_run(reverse):
    layer = gatework.GRU(2, 4, bidirectional=True, **F64)
    made = recorded(layer, reverse=reverse)
    x = torch.from_numpy(made.inputs[:, None].copy())

    def last(h: Tensor) -> Tensor:
        state = torch.stack([h, h]).unsqueeze(1)
        return layer(x, state)[1][int(reverse), 0]

    whole: Any = torch.autograd.functional.jacobian(last, torch.zeros(4, **F64))
    product = np.eye(4)
    for jacobian in made.in_scan_order(step_jacobians(made)):
        product = jacobian @ product
    np.testing.assert_allclose(product, whole.numpy(), atol=1e-12)


def test_spectrum():
    made = recorded(gatework.LSTM(2, 4))  # float32, from which float64 is computed
    found, jacobians = spectrum(made, steps=[4, 1]), step_jacobians(made)
    assert found.steps.tolist() == [4, 1]
    assert found.states == (("h", 4), ("c", 4))
    values = np.linalg.svd(jacobians[[4, 1]], compute_uv=False)
    np.testing.assert_allclose(found.singular, values, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.log_volume, np.log(values).sum(axis=1), rtol=1e-6)
    for row, jacobian in zip(found.eigenvalues, jacobians[[4, 1]], strict=True):
        assert (np.diff(np.abs(row)) <= 1e-12).all()
        np.testing.assert_allclose(row.prod(), np.linalg.det(jacobian), atol=1e-12)


def test_lyapunov_exponents_of_a_known_network():
    layer = gatework.RNN(2, 3, nonlinearity="relu", **F64)
    nn.init.ones_(layer.get_parameter("bias_ih_l0"))
    nn.init.ones_(layer.get_parameter("bias_hh_l0"))
    nn.init.zeros_(layer.get_parameter("weight_ih_l0"))
    layer.get_parameter("weight_hh_l0").data = torch.diag(torch.tensor([0.9, 0.2, 1.05], **F64))
    made = gatework.trace(layer, torch.randn(30, 1, 2, **F64))[""].find().sequence(0)
    found = lyapunov(made)
    np.testing.assert_allclose(found.exponents, np.log([1.05, 0.9, 0.2]))
    assert found.memory[0] == np.inf
    assert found.memory[2] == pytest.approx(-1 / np.log(0.2))
    assert found.error == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", LAYERS)
def test_exponents_sum_to_the_volume_and_match_the_long_product(kind):
    made = recorded(LAYERS[kind](), steps=12)
    found = lyapunov(made)
    if kind == "full":  # h' = o' tanh(c') depends on the rest of the state
        assert found.error is None
        assert np.isneginf(found.exponents).sum() >= 3
    else:
        assert found.error == pytest.approx(0, abs=1e-8)
    product = np.linalg.multi_dot(made.in_scan_order(step_jacobians(made))[::-1])
    largest = np.log(np.linalg.norm(product @ np.eye(len(product), 1))) / 12
    first = lyapunov(made, count=1)
    assert first.error is None
    assert first.exponents[0] == pytest.approx(largest, abs=1e-9)
    assert lyapunov(made, after=11).steps == 1


def test_awkward_sequences():
    layer = gatework.LSTM(2, 4)
    x = torch.randn(4, 2, 2)
    x[2, 1] = torch.nan
    trace = gatework.trace(layer, x, lengths=[1, 4])[""].find()
    assert spectrum(trace.sequence(0)).singular.shape == (1, 8)
    assert np.isnan(spectrum(trace.sequence(1)).singular).any(axis=1).tolist() == [0, 0, 1, 1]
    with pytest.raises(InputError, match="step 2, in the order of reading, has NaN"):
        lyapunov(trace.sequence(1))
    empty = gatework.trace(layer, x, lengths=[0, 4])[""].find().sequence(0)
    assert step_jacobians(empty).shape == (0, 8, 8)
    with pytest.raises(InputError, match="has 0 steps"):
        lyapunov(empty)
    with pytest.raises(InputError, match="step 7 was asked for"):
        spectrum(trace.sequence(0), steps=[7])
    with pytest.raises(InputError, match="count is 9; expected 1 to 8"):
        lyapunov(trace.sequence(0), count=9)
    around = gatework.LSTM(2, 4, zoneout=0.5)
    made = gatework.trace(around, torch.randn(4, 1, 2))[""].find().sequence(0)
    with pytest.raises(InputError, match="zoneout"):
        step_jacobians(made)


def test_a_network_whose_state_is_huge_is_not_taken_for_a_damaged_trace():
    layer = gatework.RNN(2, 6, nonlinearity="relu")
    layer.get_parameter("weight_hh_l0").data = 1.7 * torch.rand(6, 6)
    made = gatework.trace(layer, torch.rand(12, 1, 2))[""].find().sequence(0)
    assert made.values["h"].max() > 1e6
    assert step_jacobians(made).shape == (12, 6, 6)
