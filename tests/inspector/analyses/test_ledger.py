"""The ledger against an explicit double loop, for every cell, direction and awkward length."""

import time

import numpy as np
import pytest
import torch

import gatework
from gatework.cells import LSTM
from gatework.errors import InputError
from gatework.inspector import SequencePass
from gatework.inspector.analyses.ledger import ledger
from gatework.inspector.analyses.readout import output_weight
from inspector.analyses.traced import ALL_CELLS, LENGTHS, traced

TOLERANCE = 1e-12  # float64, sums of a dozen terms near 1


def by_loops(one, step):
    """(T, H) written, (H,) initial: products of keeps, one factor at a time."""
    order = list(range(len(one)))[:: -1 if one.reverse else 1]
    read = order[: order.index(step) + 1]
    keep, write = one.roles.keep, one.roles.write * one.candidate
    written = np.zeros_like(one.memory)
    for place, t in enumerate(read):
        for unit in range(one.memory.shape[1]):
            part = write[t, unit]
            for later in read[place + 1 :]:
                part *= keep[later, unit]
            written[t, unit] = part
    initial = one.initial[one.cell.memory].copy()
    for t in read:
        initial *= keep[t]
    return written, initial


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("name", ALL_CELLS)
def test_ledger_is_the_double_loop(name, reverse):
    part = traced(name).find(reverse=reverse)
    for b, length in enumerate(LENGTHS):
        one = part.sequence(b)
        for step in range(length):
            found = ledger(one, step)
            written, initial = by_loops(one, step)
            np.testing.assert_allclose(found.written, written, atol=TOLERANCE)
            np.testing.assert_allclose(found.initial, initial, atol=TOLERANCE)
            np.testing.assert_array_equal(found.memory, one.memory[step])
            assert np.abs(found.residual).max() < TOLERANCE
            if name != "lstm_cell_clip":
                assert np.abs(found.other).max() < TOLERANCE


@pytest.mark.parametrize("name", ALL_CELLS)
def test_default_is_the_last_step_that_was_read(name):
    found = traced(name)
    for part in found.passes:
        one = part.sequence(2)
        last = 0 if part.reverse else 8
        np.testing.assert_array_equal(ledger(one).written, ledger(one, last).written)
        np.testing.assert_array_equal(ledger(one).retention[last], 1)


def test_what_the_equation_does_not_say_is_a_row():
    one = traced("lstm_cell_clip").find().sequence(2)
    found = ledger(one)
    assert np.abs(found.unaccounted).max() > 1e-3
    assert np.abs(found.residual).max() < TOLERANCE
    assert found.shares().other > 0


def test_clip_is_booked_at_the_step_that_clipped():
    one = traced("lstm_cell_clip").find().sequence(2)
    clipped = np.abs(one.memory) == 0.5
    other = ledger(one).other
    assert clipped.any()
    assert not clipped.all()
    assert np.abs(other[~clipped]).max() < TOLERANCE


def test_rnn_keeps_nothing():
    one = traced("rnn_tanh").find().sequence(2)
    found = ledger(one)
    np.testing.assert_array_equal(found.written[-1], one.memory[-1])
    np.testing.assert_array_equal(found.written[:-1], 0)
    np.testing.assert_array_equal(found.initial, 0)


def test_without_forget_gate_all_is_kept():
    found = ledger(traced("lstm_no_forget_gate").find().sequence(2))
    np.testing.assert_array_equal(found.retention, 1)


def test_empty_sequence_is_its_initial_state():
    part = traced("lstm").find()
    found = ledger(part.sequence(1))
    assert found.step is None
    np.testing.assert_array_equal(found.memory, part.initial["c"][1])
    np.testing.assert_array_equal(found.initial, part.initial["c"][1])
    assert found.written.shape == (0, 7)
    assert found.strongest() == ()
    assert found.shares().initial == 1
    assert "an empty sequence" in str(found)


def test_shares_add_up_and_name_the_largest():
    one = traced("lstm_cell_clip").find().sequence(2)
    found = ledger(one)
    for chosen in (None, [3], [0, 6]):
        shares = found.shares(units=chosen)
        assert shares.steps.sum() + shares.initial + shares.other == pytest.approx(1)
        first = found.strongest(1, units=chosen)[0]
        units = range(7) if chosen is None else chosen
        sizes = [sum(abs(found.written[t, u]) for u in units) for t in range(9)]
        assert first.step == int(np.argmax(sizes))
        assert first.contribution == pytest.approx(sum(found.written[first.step, u] for u in units))
        assert first.share == shares.steps[first.step]


def test_step_at_which_the_memory_is_empty_has_no_shares():
    layer = gatework.LSTM(3, 4)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.zero_()
    found = ledger(gatework.trace(layer, torch.ones(3, 1, 3))[""].find().sequence(0))
    assert found.shares().steps.tolist() == [0, 0, 0]
    assert found.strongest() == ()


def test_nan_stays_in_its_sequence_and_after_its_step():
    layer = gatework.LSTM(3, 7, dtype=torch.float64)
    x = torch.randn(6, 2, 3, dtype=torch.float64)
    x[3, 0] = float("nan")
    part = gatework.trace(layer, x)[""].find()
    assert np.isfinite(ledger(part.sequence(1)).written).all()
    assert np.isfinite(ledger(part.sequence(0), 2).written).all()
    broken = ledger(part.sequence(0))
    assert np.isnan(broken.memory).all()
    assert broken.strongest() == ()


HIDDEN_GAIN = ("lstm_everything", "lstm_layer_norm_projection")


@pytest.mark.parametrize("name", [name for name in ALL_CELLS if name not in HIDDEN_GAIN])
def test_output_weight_turns_h_into_the_memory(name):
    for part in traced(name).passes:
        one = part.sequence(2)
        direction = np.linspace(-1, 2, one.values["h"].shape[1])
        for step in (None, 4):
            entry = ledger(one, step)
            weight = output_weight(one, direction, step)
            shown = one.values["h"][entry.step] @ direction
            assert weight @ entry.memory == pytest.approx(shown, abs=TOLERANCE)
            rows = entry.written @ weight
            whole = rows.sum() + (entry.initial + entry.unaccounted) @ weight
            assert whole == pytest.approx(shown, abs=TOLERANCE)
            shares = entry.shares(weight=weight)
            assert shares.steps.argmax() == np.abs(rows).argmax()


def test_long_sequence_is_exact_and_fast():
    layer = gatework.LSTM(3, 256, forget_bias=6.0)
    part = gatework.trace(layer, torch.randn(5000, 1, 3))[""].find()
    one = part.sequence(0)
    _ = one.roles
    start = time.perf_counter()
    found = ledger(one)
    assert time.perf_counter() - start < 5  # about 0.1 s; the double loop takes minutes
    assert np.abs(found.residual).max() < 1e-9  # 5,000 roundings of float64
    assert np.abs(found.unaccounted).max() < 1e-3  # 5,000 roundings of float32


def test_a_product_that_underflows_on_its_way_comes_back():
    keep = np.repeat([1e3, 1e-3], 150)[:, None]
    memory = 10.0 ** (np.cumsum(np.repeat([3, -3], 150)) - 300)[:, None]
    values = {"f": keep, "i": 0 * keep, "g": 0 * keep, "o": 0 * keep, "h": 0 * keep, "c": memory}
    one = SequencePass(LSTM(), False, values, {"c": np.array([1e-300])}, {}, 0 * keep)
    assert np.prod(keep[::-1]) == 0  # multiplied one by one, from the end
    assert ledger(one).initial[0] == pytest.approx(1e-300, rel=1e-10)


def test_what_is_wrong_is_said():
    one = traced("lstm").find().sequence(2)
    with pytest.raises(InputError, match="step 9 was asked for; the sequence has 9"):
        ledger(one, 9)
    with pytest.raises(InputError, match="unit 7 was asked for"):
        ledger(one).shares(units=[7])
    with pytest.raises(InputError, match=r"weight has shape \(3,\); expected \(7,\)"):
        ledger(one).shares(weight=np.ones(3))
    with pytest.raises(InputError, match="expected that of h"):
        output_weight(one, np.ones(3))
    with pytest.raises(InputError, match="projection and layer norm"):
        output_weight(traced("lstm_everything").find().sequence(2), np.ones(3))
    with pytest.raises(InputError, match="empty"):
        output_weight(traced("lstm").find().sequence(1), np.ones(7))
