"""The summary for terminals, and its values for programs."""

import itertools
import json

import numpy as np
import pytest
import torch
from torch import nn

import gatework
from gatework.inspector.analyses.ledger import ledger
from gatework.inspector.analyses.retention import timescales
from gatework.inspector.text import BLOCKS, WIDTH, facts, summary


@pytest.fixture(scope="module")
def trace():
    torch.manual_seed(0)
    words = [[f"w{t}" for t in range(200)], ["to", " ", "\n"]]
    loss = torch.rand(200, 2)
    loss[17, 0] = 9.0
    return gatework.trace(
        gatework.LSTM(3, 7), torch.randn(200, 2, 3), lengths=[200, 3], steps=words, loss=loss,
        sequences=["long", "short"],
    )  # fmt: skip


def test_facts_are_those_of_the_analyses(trace):
    (layer,) = facts(trace)["layers"]
    (found,) = layer["passes"]
    part = trace[""].find()
    assert (layer["sequences"], layer["steps"], layer["longest"]) == (2, 203, 200)
    assert found["timescale"]["units"] == pytest.approx(timescales(part).timescale.tolist())
    book = ledger(part.sequence(0))
    assert found["ledger"]["step"] == 199
    strongest = book.strongest(5)
    assert [each["step"] for each in found["ledger"]["strongest"]] == [e.step for e in strongest]
    assert found["ledger"]["strongest"][0]["share"] == pytest.approx(strongest[0].share)
    assert found["ledger"]["residual"] < 1e-12
    assert layer["loss"]["worst"][0] == {"sequence": 0, "step": 17, "word": "w17", "loss": 9.0}


def test_facts_are_json_whatever_happened():
    x = torch.randn(6, 2, 3)
    x[2, 0] = float("nan")
    for layer in (gatework.LSTM(3, 4, forget_gate=False), gatework.RNN(3, 4), gatework.GRU(3, 4)):
        trace = gatework.trace(layer, x, lengths=[6, 0])
        for sequence in (0, 1):
            told = json.loads(json.dumps(facts(trace, sequence=sequence), allow_nan=False))
            assert told["layers"][0]["passes"][0]["hidden_size"] == 4
            assert summary(trace, sequence=sequence)
    kinds = {each["kind"] for each in facts(trace)["layers"][0]["passes"][0]["findings"]}
    assert "not finite" in kinds


def test_blocks_rise_and_fall_with_the_memory(trace):
    text = summary(trace)
    part = trace[""].find()
    unit = int(np.argmax(timescales(part).timescale))
    (line,) = [each for each in text.splitlines() if f"c of unit {unit} " in each]
    bars = [BLOCKS.index(sign) for sign in line if sign in BLOCKS]
    assert len(bars) == WIDTH
    edges = np.linspace(0, 200, WIDTH + 1).round().astype(int)
    memory = part.sequence(0).memory[:, unit]
    means = [memory[a:b].mean() for a, b in itertools.pairwise(edges)]
    assert np.corrcoef(bars, means)[0, 1] > 0.97
    assert (bars[int(np.argmax(means))], bars[int(np.argmin(means))]) == (len(BLOCKS) - 1, 0)


def test_no_line_is_broken_by_a_word(trace):
    lines = summary(trace, sequence=1).splitlines()
    assert any("'\\n'" in line for line in lines)
    assert any("' '" in line for line in lines)


def test_a_layer_of_torchs_says_how_well_it_was_replayed():
    text = summary(gatework.trace(nn.GRU(3, 4), torch.randn(5, 1, 3)))
    assert "replayed with max |dh| = " in text.splitlines()[0]


def test_a_sequence_that_is_not_there(trace):
    with pytest.raises(gatework.InputError, match="sequence 2"):
        facts(trace, sequence=2)
