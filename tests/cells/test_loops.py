"""Whole scans of the variants that torch.nn lacks, against their textbook loops."""

import pytest
import torch

from cases import INPUT_SIZE, Shape, make_inputs
from gatework.cells import GRU, LSTM

SHAPE = Shape(steps=9, batch=3, hidden_size=6)


@pytest.mark.parametrize("bias", [True, False])
def test_gru_that_resets_before(bias):
    """Cho et al. 2014, with every matrix by itself."""
    inputs = make_inputs(GRU(reset_after=False), SHAPE._replace(bias=bias))
    w_ir, w_iz, w_in = inputs.params["weight_ih"].view(3, 6, INPUT_SIZE)
    w_hr, w_hz, w_hn = inputs.params["weight_hh"].view(3, 6, 6)
    b_r, b_z, b_n = torch.zeros(3, 6, dtype=torch.float64)
    if bias:  # where reset acts on h, the two biases act as one
        b_r, b_z, b_n = (inputs.params["bias_ih"] + inputs.params["bias_hh"]).view(3, 6)
    (h,) = inputs.state
    outputs = []
    for x in inputs.x:
        r = torch.sigmoid(x @ w_ir.T + h @ w_hr.T + b_r)
        z = torch.sigmoid(x @ w_iz.T + h @ w_hz.T + b_z)
        n = torch.tanh(x @ w_in.T + (r * h) @ w_hn.T + b_n)
        h = (1 - z) * n + z * h
        outputs.append(h)
    result = inputs.scan()
    torch.testing.assert_close(result.output, torch.stack(outputs), rtol=1e-12, atol=1e-12)


def test_resetting_before_or_after_is_no_matter_where_nothing_is_reset():
    """With r = 1 the two GRUs are one."""
    before = make_inputs(GRU(reset_after=False), SHAPE)
    with torch.no_grad():
        before.params["bias_ih"][:6] = 50.0
    after = before._replace(cell=GRU())
    torch.testing.assert_close(before.scan().output, after.scan().output, rtol=1e-12, atol=1e-12)


def test_cell_clip():
    """Sak et al. 2014."""
    inputs = make_inputs(LSTM(cell_clip=0.5), SHAPE)
    params = inputs.params
    h, c = inputs.state
    outputs, clipped = [], 0
    for x in inputs.x:
        sums = x @ params["weight_ih"].T + h @ params["weight_hh"].T
        i, f, g, o = (sums + params["bias_ih"] + params["bias_hh"]).chunk(4, dim=1)
        raw = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        c = raw.clamp(-0.5, 0.5)
        h = torch.sigmoid(o) * torch.tanh(c)
        clipped += int((raw != c).sum())
        outputs.append(h)
    result = inputs.scan()
    torch.testing.assert_close(result.output, torch.stack(outputs), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(result.state[1], c, rtol=1e-12, atol=1e-12)
    assert 0.1 < clipped / inputs.x[..., 0].numel() / 6 < 0.9
