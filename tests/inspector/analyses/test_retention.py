"""Timescales and survival against loops, and against a gate whose forgetting is known."""

import dataclasses
import math

import numpy as np
import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.retention import bias_timescales, survival, timescales
from inspector.analyses.traced import ALL_CELLS, LENGTHS, traced


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("name", ALL_CELLS)
def test_timescales_are_the_loop(name, reverse):
    part = traced(name).find(reverse=reverse)
    found, keep = timescales(part), np.abs(np.asarray(part.roles.keep))
    for unit in range(7):
        column = [float(value) for value in keep[:, unit]]
        if 0.0 in column:
            expected = 0.0
        else:
            rate = sum(math.log(value) for value in column) / len(column)
            expected = math.inf if rate == 0 else -1 / rate
        assert found.timescale[unit] == pytest.approx(expected)
        assert found.half_life[unit] == pytest.approx(expected * math.log(2))
        assert found.mean_keep[unit] == pytest.approx(sum(column) / len(column))
        assert found.resets[unit] == column.count(0.0) / len(column)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_tanh", "lstm_signed_gates", "lstm_1997"])
def test_survival_is_the_loop_over_windows(name, reverse):
    part = traced(name).find(reverse=reverse)
    keep = np.abs(np.asarray(part.roles.keep))
    found = survival(part, [0, 1, 3, 9, 10])
    for row, lag in enumerate(found.lags):
        left = []
        for first, length in zip(part.offsets, LENGTHS, strict=False):
            for start in range(first, first + length - lag + 1) if length else ():
                product = np.ones(7)
                for t in range(start, start + lag):
                    product *= keep[t]
                left.append(product)
        assert found.counts[row] == len(left)
        if left:
            np.testing.assert_allclose(found.mean[row], np.mean(left, axis=0), atol=1e-12)
        else:
            assert np.isnan(found.mean[row]).all()
    assert survival(part).lags.tolist() == [0, 1, 2, 4, 8]


def constant_gate(keep, steps=20):
    layer = gatework.LSTM(3, 7, dtype=torch.float64)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
        layer.get_parameter("bias_ih_l0")[7:14] = math.log(keep / (1 - keep)) - 1
        layer.get_parameter("bias_hh_l0")[7:14] = 1
    return gatework.trace(layer, torch.randn(steps, 1, 3, dtype=torch.float64))[""].find()


def test_a_gate_that_only_has_a_bias_forgets_as_the_bias_says():
    part = constant_gate(0.9)
    np.testing.assert_allclose(bias_timescales(part), -1 / math.log(0.9))
    np.testing.assert_allclose(timescales(part).timescale, -1 / math.log(0.9))
    found = survival(part, [7])
    np.testing.assert_allclose(found.mean[0], 0.9**7)
    half_life = timescales(part).half_life[0]
    assert 0.9**half_life == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "expected"), [("lstm_no_forget_gate", math.inf), ("rnn_tanh", 0.0)]
)
def test_cells_without_a_keep_gate(name, expected):
    part = traced(name).find()
    np.testing.assert_array_equal(bias_timescales(part), expected)
    np.testing.assert_array_equal(timescales(part).timescale, expected)


@pytest.mark.parametrize("name", ["lstm", "lstm_coupled", "lstm_layer_norm", "gru"])
def test_bias_timescale_reads_the_rows_of_the_keep_gate(name):
    part = traced(name).find()
    gate = {"lstm": 1, "lstm_coupled": 0, "lstm_layer_norm": 1, "gru": 1}[name]
    kinds = ("norm_ih_bias", "norm_hh_bias") if "norm" in name else ("bias_ih", "bias_hh")
    for unit in range(7):
        bias = sum(part.params[kind][7 * gate + unit] for kind in kinds)
        expected = -1 / math.log(1 / (1 + math.exp(-bias)))
        assert bias_timescales(part)[unit] == pytest.approx(expected)


def test_nan_is_left_out():
    layer = gatework.LSTM(3, 7, dtype=torch.float64)
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    x[3, 0] = float("nan")
    part = gatework.trace(layer, x)[""].find()
    keep = np.asarray(part.roles.keep)
    rows = [0, 1, 2, 6, 7, 8, 9, 10, 11]
    expected = -1 / np.log(keep[rows]).mean(0)
    np.testing.assert_allclose(timescales(part).timescale, expected)
    assert survival(part, [2]).counts.tolist() == [2 + 5]


def test_no_steps_at_all():
    part = traced("lstm", (0, 0)).find()
    assert np.isnan(timescales(part).timescale).all()
    assert survival(part).counts.tolist() == [0]


def test_a_saturated_gate_never_forgets_and_growth_counts_as_that():
    part = traced("lstm").find()
    grown = dataclasses.replace(part, values={**part.values, "f": np.full((15, 7), 1.1)})
    assert np.isinf(timescales(grown).timescale).all()


def test_negative_lags_are_refused():
    with pytest.raises(InputError, match="lag -1"):
        survival(traced("lstm").find(), [-1])
