"""The unit doctor on layers with one illness each, and on healthy ones."""

import math

import numpy as np
import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.doctor import ADVICE, Thresholds, examine
from inspector.analyses.traced import ALL_CELLS, traced

BLOCKS = {"i": 0, "f": 1, "g": 2, "o": 3}


def patient(steps: int = 40, *, reverse: bool = False, **biases: float):
    """An LSTM of 5 units that only differs from torch's in the biases of unit 2."""
    torch.manual_seed(1)
    layer = gatework.LSTM(3, 5, bidirectional=reverse)
    suffix = "l0_reverse" if reverse else "l0"
    with torch.no_grad():
        for gate, bias in biases.items():
            layer.get_parameter(f"bias_ih_{suffix}")[BLOCKS[gate] * 5 + 2] = bias
    x = torch.randn(steps, 3, 3)
    return gatework.trace(layer, x, lengths=[steps, 0, steps - 5])[""].find(reverse=reverse)


def complaints(part, **thresholds):
    return [(each.unit, each.kind) for each in examine(part, Thresholds(**thresholds)).findings]


def test_healthy_layers_have_no_findings():
    assert examine(patient()).findings == ()
    assert str(examine(patient())) == "5 units, nothing to complain of."


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_frozen(reverse):
    part = patient(reverse=reverse, i=-7.0, f=7.0)
    (found,) = examine(part).findings
    assert (found.unit, found.kind, found.evidence) == (2, "frozen", 1.0)
    assert found.advice == ADVICE["frozen"]


def test_mute():
    part = patient(o=-7.0)
    (found,) = examine(part).findings
    assert (found.unit, found.kind) == (2, "mute")


def test_dead():
    part = patient(i=-20.0)
    spread = part.values["h"][:, 2].astype(float).std()
    found = {each.kind: each for each in examine(part).findings}
    assert set(found) == {"dead", "saturated"}
    assert found["dead"].evidence == pytest.approx(spread)
    assert spread < 1e-3


def test_saturated_says_which_gate():
    for gate, block in BLOCKS.items():
        part = patient(40, reverse=False, **{gate: 30.0})
        found = [each for each in examine(part).findings if each.kind == "saturated"]
        assert [each.unit for each in found] == [2], block
        assert f"gate {gate} " in found[0].meaning
    assert (2, "saturated") not in complaints(patient(f=5.0))


def test_saturation_is_the_count_over_steps():
    part = traced("lstm").find()
    for each in examine(part, Thresholds(saturated=0.5, share=0.1)).findings:
        if each.kind != "saturated":
            continue
        gate = each.meaning.split("gate ")[1][0]
        values = part.values[gate][:, each.unit].astype(float)
        sums = np.arctanh(values) * 2 if gate == "g" else np.log(values / (1 - values))
        assert each.evidence == pytest.approx((np.abs(sums) > 0.5).mean())


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_drifting(reverse):
    part = patient(reverse=reverse, f=20.0, i=20.0, g=2.0)
    found = [each for each in examine(part).findings if each.kind == "drifting"]
    assert [each.unit for each in found] == [2]
    growths = []
    for b in (0, 2):
        one = part.sequence(b)
        sizes = np.abs(one.memory[:, 2].astype(float))
        quarters = np.array_split(sizes[::-1] if reverse else sizes, 4)
        growths.append((quarters[3].mean(), quarters[1].mean()))
    last, second = np.mean(growths, axis=0)
    assert found[0].evidence == pytest.approx(last / second)
    assert 2 < found[0].evidence < 2.6
    assert (2, "drifting") not in complaints(part, shortest=41)


def test_a_memory_that_settles_does_not_drift():
    # Fed a constant 1 with f = 0.9 it settles near 10: large, but it no longer grows.
    part = patient(steps=400, f=math.log(9), i=20.0, g=20.0)
    assert np.abs(part.values["c"][:, 2]).max() > 5
    assert (2, "drifting") not in complaints(part)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_not_finite_names_the_step_that_was_read_first(reverse):
    layer = gatework.LSTM(3, 5, bidirectional=True)
    x = torch.randn(9, 3, 3)
    x[4:6, 1] = float("nan")
    part = gatework.trace(layer, x)[""].find(reverse=reverse)
    found = examine(part).findings
    assert [(each.unit, each.kind) for each in found] == [(u, "not finite") for u in range(5)]
    first = 5 if reverse else 4
    assert found[0].meaning == f"steps not finite, first step {first} of sequence 1"
    assert found[0].evidence == (6 if reverse else 5)


def test_all_nan_and_all_empty():
    layer = gatework.LSTM(3, 5)
    part = gatework.trace(layer, torch.full((4, 2, 3), float("nan")))[""].find()
    assert {each.kind for each in examine(part).findings} == {"not finite"}
    assert examine(traced("lstm", (0, 0)).find()).findings == ()


@pytest.mark.parametrize("name", ALL_CELLS)
def test_only_memories_without_a_bound_complain(name):
    unbounded = name in ("rnn_relu", "lstm_no_forget_gate", "lstm_no_gates", "lstm_1997")
    for part in traced(name).passes:
        kinds = {each.kind for each in examine(part).findings}
        assert kinds <= ({"drifting", "dead"} if unbounded else set())


def test_rnn_that_outputs_a_constant_is_dead():
    layer = gatework.RNN(3, 5)
    with torch.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0"):
            layer.get_parameter(name)[2] = 0
    assert complaints(gatework.trace(layer, torch.randn(20, 2, 3))[""].find()) == [(2, "dead")]


def test_table():
    text = str(examine(patient(o=-7.0)))
    assert text.splitlines()[0].split() == ["unit", "finding", "evidence", "which", "is"]
    assert text.splitlines()[1].startswith("2")
    assert "mute" in text


def test_share_must_be_a_part():
    with pytest.raises(InputError, match=r"share is 1\.5"):
        Thresholds(share=1.5)
