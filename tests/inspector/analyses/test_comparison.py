"""Comparing two traces: matching, CKA and differences against loops and known answers."""

import dataclasses

import numpy as np
import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.comparison import compare
from inspector.analyses.traced import LENGTHS, traced


def with_memory(recording, memory):
    """The recording with other memories in its forward pass."""
    part = recording.find()
    values = {**part.values, part.cell.memory: memory}
    changed = dataclasses.replace(part, values=values)
    return dataclasses.replace(recording, passes=(changed, recording.passes[1]))


def test_a_shuffled_flipped_and_scaled_copy_is_recognised():
    recording = traced("lstm")
    memory = recording.find().values["c"]
    order, signs = np.array([3, 1, 0, 6, 5, 2, 4]), np.array([1, -1, 1, 1, -1, -1, 1])
    copy = with_memory(recording, 2.0 * signs * memory[:, order] + 1)
    found = compare(recording, copy)
    assert [order[partner] for partner in found.units] == list(range(7))
    expected = [signs[list(order).index(unit)] for unit in range(7)]
    np.testing.assert_allclose(found.correlations, expected)
    np.testing.assert_allclose(found.differences, 0, atol=1e-12)
    assert found.cka == pytest.approx(1)  # isotropic scaling, shifts and rotations do not matter


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("names", [("lstm", "gru"), ("rnn_tanh", "lstm_peephole")])
def test_cka_and_differences_are_the_loops(names, reverse):
    first, second = traced(names[0]), traced(names[1])
    passes = [dataclasses.replace(each, inputs=first.inputs) for each in second.passes]
    second = dataclasses.replace(second, passes=tuple(passes))
    one, other = first.find(reverse=reverse), second.find(reverse=reverse)
    x, y = one.values[one.cell.memory], other.values[other.cell.memory]
    found = compare(first, second, reverse=reverse)

    # CKA through the Gram matrices of steps: HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)).
    centre = np.eye(15) - 1 / 15
    gram_x, gram_y = centre @ x @ x.T @ centre, centre @ y @ y.T @ centre
    hsic = np.trace(gram_x @ gram_y)
    alike = hsic / np.sqrt(np.trace(gram_x @ gram_x) * np.trace(gram_y @ gram_y))
    assert found.cka == pytest.approx(alike)

    for row in range(15):
        gaps = []
        for unit in range(7):
            partner = found.units[unit]
            correlation = np.corrcoef(x[:, unit], y[:, partner])[0, 1]
            assert found.correlations[unit] == pytest.approx(correlation)
            a = (x[row, unit] - x[:, unit].mean()) / x[:, unit].std()
            b = (y[row, partner] - y[:, partner].mean()) / y[:, partner].std()
            gaps.append((a - np.sign(correlation) * b) ** 2)
        assert found.differences[row] == pytest.approx(np.sqrt(np.mean(gaps)))
    worst = found.largest(3)
    assert [each.difference for each in worst] == sorted(found.differences, reverse=True)[:3]
    place = found.offsets[worst[0].sequence] + worst[0].step
    assert found.differences[place] == worst[0].difference
    assert worst[0].step < LENGTHS[worst[0].sequence]


def test_same_units_are_not_matched():
    recording = traced("lstm")
    memory = recording.find().values["c"]
    moved = memory + np.where(np.arange(15) == 7, 0.5, 0.0)[:, None]
    found = compare(recording, with_memory(recording, moved), same_units=True)
    assert found.units.tolist() == list(range(7))
    np.testing.assert_allclose(found.differences, np.where(np.arange(15) == 7, 0.5, 0), atol=1e-12)
    assert found.largest(1)[0][:2] == (2, 2)


def test_units_that_do_not_vary_and_narrower_models():
    x = torch.randn(12, 4, 3)
    wide, narrow = gatework.LSTM(3, 6), gatework.GRU(3, 4)
    with torch.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            wide.get_parameter(name).view(4, 6, -1)[:, 2] = 0
    first, second = gatework.trace(wide, x)[""], gatework.trace(narrow, x)[""]
    found = compare(first, second)
    assert (found.units >= 0).sum() == 4
    assert found.units[2] == -1
    assert np.isnan(found.correlations[2])
    back = compare(second, first)
    assert all(found.units[partner] == unit for unit, partner in enumerate(back.units))
    assert back.cka == pytest.approx(found.cka)
    with pytest.raises(InputError, match="6 units and 4"):
        compare(first, second, same_units=True)


def test_nan_steps_are_left_out():
    x = torch.randn(6, 5, 3)
    x[2, 1] = float("nan")
    first, second = (gatework.trace(gatework.LSTM(3, 5), x)[""] for _ in range(2))
    found = compare(first, second)
    assert np.flatnonzero(np.isnan(found.differences)).tolist() == [8, 9, 10, 11]
    assert np.isfinite(found.correlations).all()
    bad = torch.full((3, 1, 3), float("nan"))
    with pytest.raises(InputError, match="no step has finite states"):
        compare(
            gatework.trace(gatework.GRU(3, 2), bad)[""], gatework.trace(gatework.GRU(3, 2), bad)[""]
        )


def test_inputs_that_differ_are_refused():
    x = torch.randn(6, 2, 3)
    layer = gatework.GRU(3, 5)
    recording = gatework.trace(layer, x)[""]
    other = x.clone()
    other[4, 1] += 1
    with pytest.raises(InputError, match="at 1 of 12 steps, first at step 4 of sequence 1"):
        compare(recording, gatework.trace(layer, other)[""])
    with pytest.raises(InputError, match="6, 6 steps in one trace and 6, 5 in the other"):
        compare(recording, gatework.trace(layer, x, lengths=[6, 5])[""])
    with pytest.raises(InputError, match="3 features and the other 2"):
        compare(recording, gatework.trace(gatework.GRU(2, 5), x[..., :2])[""])
    with pytest.raises(InputError, match="has no pass l1"):
        compare(recording, recording, 1)


def test_words():
    recording = traced("lstm")
    assert str(compare(recording, recording)).startswith("CKA 1.000; median |correlation|")
