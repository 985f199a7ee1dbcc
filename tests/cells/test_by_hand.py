"""Every cell against numbers worked out with a pencil.

Pre-activations are chosen so that the activations are fractions:
sigmoid(ln 3) = 3/4, sigmoid(-ln 3) = 1/4, sigmoid(0) = 1/2, tanh(ln 2) = 3/5, tanh(ln(3)/2) = 1/2.
"""

import math

import pytest
import torch
from torch import Tensor

from gatework.cells import GRU, LSTM, RNN, AbstractCell

LN2, LN3 = math.log(2), math.log(3)


def row(*values: float) -> Tensor:
    return torch.tensor([values], dtype=torch.float64)


def step(
    cell: AbstractCell,
    x_gates: Tensor,
    *state: float,
    h_gates: Tensor | None = None,
    **params: Tensor,
) -> dict[str, float]:
    """One step of width 1; what is left out of `h_gates` is zero."""
    h_gates = torch.zeros_like(x_gates) if h_gates is None else h_gates
    new_state, activations = cell.update(params, x_gates, h_gates, tuple(row(s) for s in state))
    for name, part in zip(cell.states, new_state, strict=True):
        assert part is activations[name]
    return {name: value.item() for name, value in activations.items()}


def test_rnn_tanh():
    assert step(RNN(), row(LN2 - 1), 0.0, h_gates=row(1.0))["h"] == pytest.approx(0.6)


@pytest.mark.parametrize(("x_gate", "h"), [(1.5, 2.0), (-1.5, 0.0)])
def test_rnn_relu(x_gate, h):
    assert step(RNN("relu"), row(x_gate), 0.0, h_gates=row(0.5))["h"] == h


def test_gru():
    """r = 3/4, z = 1/4; n = tanh(ln 2 - 1 + 3/4 * 4/3) = 3/5; h' = 3/4 * 3/5 + 1/4 * 1 = 7/10."""
    x_gates, h_gates = row(2 * LN3, 0.0, LN2 - 1), row(-LN3, -LN3, 4 / 3)
    result = step(GRU(), x_gates, 1.0, h_gates=h_gates)
    assert result == pytest.approx({"r": 0.75, "z": 0.25, "n": 0.6, "h": 0.7})


@pytest.mark.parametrize(("h_read", "from_h"), [(None, 2.0), (2.0, 3.5)])
def test_gru_that_resets_before(h_read, from_h):
    """r, z as above; W_hn (r * h) + b_hn = 2 * 3/4 + 1/2; the n block of h_gates is not read."""
    cell, nothing = GRU(reset_after=False), torch.zeros(2)
    (h,), activations = cell.update(
        {
            "weight_hh": torch.cat([nothing, torch.tensor([2.0])]).double().unsqueeze(1),
            "bias_hh": torch.cat([nothing, torch.tensor([0.5])]).double(),
        },
        row(2 * LN3, 0.0, LN2 - from_h),
        row(-LN3, -LN3, math.nan),
        (row(1.0),),
        None if h_read is None else row(h_read),
    )
    result = {name: value.item() for name, value in activations.items()}
    assert result == pytest.approx({"r": 0.75, "z": 0.25, "n": 0.6, "h": 0.7})
    assert h is activations["h"]


def test_lstm():
    """c' = 1/4 c + 3/4 * 3/5, with c such that c' = ln(3)/2; h' = 1/2 tanh(c') = 1/4."""
    x_gates, h_gates = row(2 * LN3, 0.0, LN2 - 1, 2.0), row(-LN3, -LN3, 1.0, -2.0)
    result = step(LSTM(), x_gates, 9.0, 4 * (LN3 / 2 - 9 / 20), h_gates=h_gates)
    expected = {"i": 0.75, "f": 0.25, "g": 0.6, "o": 0.5, "h": 0.25, "c": LN3 / 2}
    assert result == pytest.approx(expected)


@pytest.mark.parametrize(
    ("cell", "x_gates", "c", "h"),
    [
        # i = 1 - 1/4: c' as with an input gate of 3/4
        (LSTM(coupled=True), (-LN3, LN2, 0.0), 4 * (LN3 / 2 - 9 / 20), 0.25),
        # i = 1: c' = 1/4 c + 3/5
        (LSTM(input_gate=False), (-LN3, LN2, 0.0), 4 * (LN3 / 2 - 3 / 5), 0.25),
        # f = 1: c' = c + 3/4 * 3/5
        (LSTM(forget_gate=False), (LN3, LN2, 0.0), LN3 / 2 - 9 / 20, 0.25),
        # o = 1: h' = tanh(c')
        (LSTM(output_gate=False), (LN3, -LN3, LN2), 4 * (LN3 / 2 - 9 / 20), 0.5),
        # i = f = o = 1: c' = c + 3/5
        (
            LSTM(input_gate=False, forget_gate=False, output_gate=False),
            (LN2,),
            LN3 / 2 - 3 / 5,
            0.5,
        ),
    ],
    ids=lambda value: "-".join(value.options) if isinstance(value, LSTM) else None,
)
def test_lstm_without_a_gate(cell, x_gates, c, h):
    result = step(cell, row(*x_gates), 9.0, c)
    assert (result["c"], result["h"]) == pytest.approx((LN3 / 2, h))


def test_peepholes():
    """c = 1, so i = sigmoid(ln 3), f = sigmoid(-ln 3); c' = 1/4 + 9/20 = 7/10; o sees c', not c."""
    result = step(
        LSTM(peephole=True, output_activation="identity"),
        row(0.0, 0.0, LN2, 0.0),
        9.0,
        1.0,
        weight_ci=torch.tensor([LN3]),
        weight_cf=torch.tensor([-LN3]),
        weight_co=torch.tensor([LN3 / 0.7]),
    )
    expected = {"i": 0.75, "f": 0.25, "g": 0.6, "o": 0.75, "c": 0.7, "h": 0.525}
    assert result == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("candidate", "c"), [(LN2, 0.5), (-LN2, -0.5)])
def test_cell_clip(candidate, c):
    """c' = 1/4 * c + 3/4 * 3/5 = 7/10 is cut to 1/2 before o peeps at it and h' shows it."""
    result = step(
        LSTM(peephole=True, cell_clip=0.5, output_activation="identity"),
        row(LN3, -LN3, candidate, 0.0),
        9.0,
        2 * c,
        weight_ci=torch.zeros(1),
        weight_cf=torch.zeros(1),
        weight_co=torch.tensor([LN3 / c], dtype=torch.float64),
    )
    assert (result["c"], result["o"], result["h"]) == pytest.approx((c, 0.75, 0.75 * c))


def test_full_recurrence():
    """i sees the old i = 1, f the old o = 3, o the old f = 2, each scaled to give +-ln 3."""
    weight = torch.tensor(
        [[LN3, 0.0, 0.0], [0.0, 0.0, -LN3 / 3], [0.0, LN3 / 2, 0.0]], dtype=torch.float64
    )
    cell = LSTM(full_recurrence=True, output_activation="identity")
    result = step(cell, row(0.0, 0.0, LN2, 0.0), 9.0, 1.0, 1.0, 2.0, 3.0, weight_gg=weight)
    assert cell.states == ("h", "c", "i", "f", "o")
    expected = {"i": 0.75, "f": 0.25, "g": 0.6, "o": 0.75, "c": 0.7, "h": 0.525}
    assert result == pytest.approx(expected)


def test_layer_norm():
    """Width 2, x_gates = 7 +- 3 and h_gates constant, so the norms give +-1 and 0.

    i = f = (3/4, 1/4), g = (3/5, -3/5), o = 3/4 by the shift of the recurrent norm; from c = 0
    c' = (9/20, -3/20), whose norm is +-1, scaled by ln(3)/2: h' = +-3/4 * 1/2.
    """

    def doubled(*values: float) -> Tensor:
        return torch.tensor(values, dtype=torch.float64).repeat_interleave(2)

    params = {
        "norm_ih_weight": doubled(LN3, LN3, LN2, 0.0),
        "norm_ih_bias": doubled(0.0, 0.0, 0.0, 0.0),
        "norm_hh_weight": doubled(1.0, 1.0, 1.0, 1.0),
        "norm_hh_bias": doubled(0.0, 0.0, 0.0, LN3),
        "norm_c_weight": doubled(LN3 / 2),
        "norm_c_bias": doubled(0.0),
    }
    state = (row(9.0, 9.0), row(0.0, 0.0))
    x_gates, h_gates = row(*(10.0, 4.0) * 4), row(*(5.0, 5.0) * 4)
    (h, c), _ = LSTM(layer_norm=True).update(params, x_gates, h_gates, state)
    assert c[0].tolist() == pytest.approx([0.45, -0.15], rel=1e-5)
    assert h[0].tolist() == pytest.approx([0.375, -0.375], rel=1e-4)  # epsilon 1e-5 under var 0.09


def test_projection():
    """Both units have o tanh(c') = 1/2 * 1/2; h' = (1 + 2) / 4."""
    c = 4 * (LN3 / 2 - 9 / 20)
    x_gates = row(LN3, LN3, -LN3, -LN3, LN2, LN2, 0.0, 0.0)
    params = {"weight_hr": row(1.0, 2.0)}
    cell = LSTM(projection=True)
    (h, _), _ = cell.update(params, x_gates, torch.zeros_like(x_gates), (row(9.0), row(c, c)))
    assert h.tolist() == [[pytest.approx(0.75)]]


def test_activations_by_name():
    """hard_sigmoid(x) = x/6 + 1/2 within 0 and 1; g = relu(2); c' = 1/4 * 2 + 3/4 * 2; h' = c'."""
    cell = LSTM(
        gate_activation="hard_sigmoid", candidate_activation="relu", output_activation="identity"
    )
    result = step(cell, row(1.5, -1.5, 2.0, 7.0), 9.0, 2.0)
    assert result == {"i": 0.75, "f": 0.25, "g": 2.0, "o": 1.0, "c": 2.0, "h": 2.0}
