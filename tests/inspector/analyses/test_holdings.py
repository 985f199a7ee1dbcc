"""Ledgers of many sequences: summaries, and what stands out, against loops."""

import numpy as np
import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.holdings import holdings, outstanding
from gatework.inspector.analyses.ledger import ledger
from inspector.analyses.traced import traced

MANY = (5, 9, 9, 0, 9, 7, 9, 1, 9, 9, 9, 8)


def test_holdings_are_those_of_each_ledger():
    part = traced("lstm_cell_clip").find(reverse=True)
    found = holdings(part, 2, units=[1, 5])
    assert [held.sequence for held in found] == [0, 1, 2, 3]
    for held in found:
        entry = ledger(part.sequence(held.sequence))
        assert held.strongest == entry.strongest(2, units=[1, 5])
        assert held.initial == entry.shares(units=[1, 5]).initial
        assert held.other == entry.shares(units=[1, 5]).other


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_tanh"])
def test_outstanding_steps_are_the_loop(name, reverse):
    part = traced(name, MANY).find(reverse=reverse)
    entries = [ledger(part.sequence(b)) for b in range(len(MANY))]
    spread = np.std([entry.memory for entry, n in zip(entries, MANY, strict=True) if n], axis=0)

    def row(b, lag):
        return entries[b].written[lag if reverse else MANY[b] - 1 - lag]

    for b, found in enumerate(outstanding(part, count=9)):
        assert found.sequence == b
        assert len(found.steps) == MANY[b]
        assert list(found.scores) == sorted(found.scores, reverse=True)
        for step, score, unit in zip(found.steps, found.scores, found.units, strict=True):
            lag = step if reverse else MANY[b] - 1 - step
            others = [row(other, lag) for other in range(len(MANY)) if MANY[other] > lag]
            if len(others) < 8:
                assert score == 0
                continue
            middle = np.median(others, axis=0)
            usual = 1.4826 * np.median(np.abs(others - middle), axis=0) + 0.01 * spread
            expected = np.abs(row(b, lag) - middle) / usual
            assert score == pytest.approx(expected.max())
            assert unit == expected.argmax()


def test_nan_in_one_sequence_does_not_spoil_the_others():
    layer = gatework.LSTM(3, 7)
    x = torch.randn(6, 10, 3)
    x[:, 4] = float("nan")
    found = outstanding(gatework.trace(layer, x)[""].find())
    assert found[4].scores == (0, 0, 0)
    assert all(np.isfinite(each.scores).all() and each.scores[0] > 0 for each in found[:4])


def test_few_sequences_have_no_usual():
    with pytest.raises(InputError, match="3 sequences with steps; at least 8"):
        outstanding(traced("lstm").find())
