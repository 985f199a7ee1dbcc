"""Ablation against a loop by hand, its stretches of time, its pairs."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.ablation import ablate, clamp, mean_state, pairs, skip_steps
from gatework.inspector.analyses.interventions import Clamp
from gatework.inspector.analyses.subject import Subject, subject
from inspector.model import oracle

LAYERS: Any = {
    "lstm": lambda: gatework.LSTM(2, 4, dtype=torch.float64),
    "gru": lambda: gatework.GRU(2, 4, dtype=torch.float64),
    "rnn": lambda: gatework.RNN(2, 4, dtype=torch.float64),
    "torch": lambda: nn.LSTM(2, 4, dtype=torch.float64),
}


def whole_of(kind: str, steps: int = 6, **options: Any) -> Subject:
    return subject(LAYERS[kind](), torch.randn(steps, 3, 2, dtype=torch.float64), **options)


def by_hand(whole: Subject, hold_at: Any) -> np.ndarray:
    layer = whole.layer
    state = tuple(part[0] for part in whole.entry.state)
    output, _ = oracle.run(layer, layer.passes[0], whole.entry.x, state, hold_at)
    return output[-1].sum(-1).detach().numpy()


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("name", ["h", None])
def test_zero_is_the_loop_by_hand(kind, name):
    whole = whole_of(kind)
    found = ablate(whole, name=name, lags=[None, (0, 2), (2, 6)])
    assert found.effect.shape == (4, 3, 3)
    for unit in range(4):
        for at, steps in enumerate([range(6), range(4, 6), range(4)]):
            hold = {found.name: {unit: 0.0}}
            expected = by_hand(whole, lambda t, s=steps, h=hold: h if t in s else {})
            np.testing.assert_allclose(found.effect[unit, at], expected - found.score, atol=1e-12)
    assert np.abs(found.mean[:, 0]).min() > 1e-6


def test_mean_is_over_real_steps_and_freeze_is_the_initial_state():
    x, lengths = torch.randn(6, 3, 2, dtype=torch.float64), [6, 0, 3]
    whole = subject(LAYERS["lstm"](), x, lengths=lengths)
    trace = gatework.trace(whole.model, x, lengths=lengths)[""].find()
    np.testing.assert_allclose(mean_state(whole, "c"), trace.values["c"].mean(0))
    frozen, zero = ablate(whole, how="freeze"), ablate(whole, how="zero")
    np.testing.assert_array_equal(frozen.effect, zero.effect)  # the initial state is zero
    mean = ablate(whole, [range(4)], how="mean")
    assert mean.units == ((0, 1, 2, 3),)
    level = tuple(trace.values["c"].mean(0).tolist())
    np.testing.assert_allclose(mean.effect[0, 0], clamp(whole, Clamp("c", value=level)), atol=1e-9)
    assert mean.effect[0, 0, 1] == 0  # an empty sequence has no step to change


def test_pairs_that_do_not_meet_have_no_interaction():
    layer = gatework.LSTM(2, 4, dtype=torch.float64)
    nn.init.zeros_(layer.get_parameter("weight_hh_l0"))  # units see the input alone
    found = pairs(subject(layer, torch.randn(5, 2, 2, dtype=torch.float64)), [0, 2, 3])
    np.testing.assert_allclose(found.interaction, 0, atol=1e-12)
    np.testing.assert_allclose(found.pair[0, 1], found.single[0] + found.single[1], atol=1e-12)
    met = pairs(whole_of("lstm"), [0, 2, 3])
    assert np.abs(met.interaction[0, 1]).min() > 1e-8
    np.testing.assert_array_equal(met.interaction, met.interaction.swapaxes(0, 1))
    np.testing.assert_array_equal(met.pair[2, 2], met.single[2])


@pytest.mark.parametrize("kind", LAYERS)
def test_a_skipped_step_is_one_cut_out(kind):
    whole = whole_of(kind)
    found = skip_steps(whole)
    x = whole.entry.x
    for t in range(6):
        cut = subject(whole.model, torch.cat([x[:t], x[t + 1 :]])).run().detach()
        np.testing.assert_allclose(found[t], (cut - whole.run()).detach().numpy(), atol=1e-12)


def test_a_loss_of_all_sequences_and_one_step_and_nan():
    loss = whole_of("gru", score=lambda out: out[0].square().mean())
    assert ablate(loss).effect.shape == (4, 1, 1)
    assert ablate(whole_of("gru", steps=1), how="freeze", lags=[(0, 1), (1, 5)]).mean[0, 1] == 0
    x = torch.randn(4, 2, 2, dtype=torch.float64)
    x[1, 1] = torch.nan
    found = ablate(subject(LAYERS["rnn"](), x)).effect
    assert np.isfinite(found[:, :, 0]).all()
    assert np.isnan(found[:, :, 1]).any()


def test_words():
    with pytest.raises(InputError, match="gru has no state 'c'"):
        ablate(whole_of("gru"), name="c")
    with pytest.raises(InputError, match="unit 9"):
        ablate(whole_of("gru"), [9])
