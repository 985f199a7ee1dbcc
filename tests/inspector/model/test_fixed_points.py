"""Fixed points of networks whose points are known, and of any that they are what they say."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.fixed_points import fixed_points
from gatework.inspector.analyses.jacobian import step_jacobians

F64: Any = {"dtype": torch.float64}


def switches() -> Any:
    """Two units, each h' = tanh(1.5 h): fixed at 0 and at +-a, so nine points together."""
    layer = gatework.RNN(2, 2, bias=False, **F64)
    layer.get_parameter("weight_ih_l0").data = torch.eye(2, **F64)
    layer.get_parameter("weight_hh_l0").data = 1.5 * torch.eye(2, **F64)
    return layer


def test_all_nine_points_of_two_switches():
    made = gatework.trace(switches(), torch.randn(200, 4, 2, **F64))[""].find()
    found = fixed_points(made, np.zeros(2), starts=300)
    a = 0.5
    for _ in range(200):
        a = np.tanh(1.5 * a)
    expected = {(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)}
    assert {tuple(np.rint(point / a).astype(int)) for point in found.points} == expected
    np.testing.assert_allclose(found.points, np.rint(found.points / a) * a, atol=1e-8)
    assert found.is_fixed.all()
    assert found.is_stable.sum() == 4
    slope = 1.5 * (1 - a**2)
    corner = found.is_stable.nonzero()[0][0]
    np.testing.assert_allclose(found.eigenvalues[corner], slope, atol=1e-8)
    np.testing.assert_allclose(found.timescales[corner], -1 / np.log(slope), atol=1e-6)
    assert found.starts.sum() + found.lost == 300


@pytest.mark.parametrize("make", [gatework.LSTM, gatework.GRU, nn.LSTM])
def test_a_point_is_one_and_its_eigenvalues_are_those_of_a_step(make):
    layer = make(2, 5)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.8)
    found = fixed_points(gatework.trace(layer, torch.randn(60, 2, 2))[""].find(), starts=24)
    assert len(found.points) >= 1
    h = torch.from_numpy(found.points[:, :5]).float().unsqueeze(0)
    c = torch.from_numpy(found.points[:, 5:]).float().unsqueeze(0)
    state = h if c.shape[2] == 0 else (h, c)
    x = torch.from_numpy(found.x).float().expand(1, len(found.points), 2)
    output, _ = layer(x, state)
    torch.testing.assert_close(output, h, atol=1e-3, rtol=0)
    again = gatework.trace(layer, x.contiguous(), state)[""].find().sequence(0)
    values = np.linalg.eigvals(step_jacobians(again)[0])
    np.testing.assert_allclose(
        np.sort(np.abs(values)), np.sort(np.abs(found.eigenvalues[0])), atol=1e-4
    )


def test_a_line_of_points_and_none():
    keeps = gatework.RNN(1, 1, nonlinearity="relu", bias=False, **F64)
    keeps.get_parameter("weight_hh_l0").data.fill_(1.0)
    made = gatework.trace(keeps, torch.rand(20, 1, 1, **F64))[""].find()
    line = fixed_points(made, np.zeros(1), starts=20)
    assert len(line.points) > 3
    assert (line.timescales > 1e9).any()
    keeps.get_parameter("weight_ih_l0").data.fill_(1.0)
    none = fixed_points(gatework.trace(keeps, torch.rand(20, 1, 1, **F64))[""].find(), np.ones(1))
    assert none.points.shape == (0, 1)
    assert none.lost == 64


def test_words():
    x = torch.full((3, 1, 2), torch.nan)
    with pytest.raises(InputError, match="no step with finite states"):
        fixed_points(gatework.trace(gatework.GRU(2, 3), x)[""].find(), np.zeros(2))
    made = gatework.trace(gatework.GRU(2, 3), torch.randn(3, 1, 2))[""].find()
    with pytest.raises(InputError, match=r"x has shape \(3,\); expected \(2,\)"):
        fixed_points(made, np.zeros(3))
    one = gatework.trace(gatework.GRU(2, 3), torch.randn(1, 1, 2))[""].find()
    assert len(fixed_points(one, starts=4).points) == 1
