"""Probes against least squares done otherwise, and on labels whose answer is known."""

import numpy as np
import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.probes import probe

STEPS, BATCH, WORDS = 12, 40, 30


def spoken(hidden_size=24, seed=0):
    """A recording of random words; one-hot inputs make every word readable."""
    torch.manual_seed(seed)
    tokens = torch.randint(0, WORDS, (STEPS, BATCH))
    x = torch.nn.functional.one_hot(tokens, WORDS).float()
    words = [[f"w{int(token)}" for token in tokens[:, b]] for b in range(BATCH)]
    recording = gatework.trace(gatework.LSTM(WORDS, hidden_size), x, steps=words)[""]
    return recording, tokens.T.flatten().numpy()


def halves(part, used, seed):
    """The split, written again: whole sequences, 3 of 10 held out."""
    sequences = np.repeat(np.arange(BATCH), STEPS)
    there = np.unique(sequences[used])
    shuffled = np.random.default_rng(seed).permutation(there)
    held_out = set(shuffled[: max(1, round(0.3 * len(there)))].tolist())
    rows = [row for row in range(STEPS * BATCH) if used[row]]
    train = [row for row in rows if sequences[row] not in held_out]
    return train, [row for row in rows if sequences[row] in held_out]


@pytest.mark.parametrize("ridge", [0.1, 10.0])
def test_numbers_are_fitted_as_by_least_squares_with_extra_rows(ridge):
    recording, tokens = spoken()
    part = recording.find()
    labels = np.sin(tokens.astype(float)) + part.inputs[:, 3]
    used = np.arange(len(labels)) % 5 != 0
    found = probe(part, labels, where=used, ridge=ridge, seed=3)
    train, test = halves(part, used, 3)
    states = part.values["c"].astype(float)
    x = (states - states[train].mean(0)) / states[train].std(0)
    y = labels - labels[train].mean()
    stacked = np.vstack([x[train], np.sqrt(ridge) * np.eye(24)])
    weights = np.linalg.lstsq(stacked, np.concatenate([y[train], np.zeros(24)]), rcond=None)[0]
    np.testing.assert_allclose(found.weights[:, 0], weights, atol=1e-9)
    errors = ((y[test] - x[test] @ weights) ** 2).sum()
    whole = ((labels[test] - labels[test].mean()) ** 2).sum()
    assert found.score == pytest.approx(1 - errors / whole)
    assert found.baseline == pytest.approx(1 - (y[test] ** 2).sum() / whole)
    assert (found.train_steps, found.test_steps) == (len(train), len(test))
    assert (found.control, found.selectivity, found.classes) == (None, None, ())
    assert "R2" in str(found)


def test_classes_are_the_largest_of_one_hot_fits():
    recording, tokens = spoken()
    part = recording.find()
    labels = np.array(["low", "mid", "high"])[tokens % 3]
    found = probe(part, labels, state="h", seed=1)
    train, test = halves(part, np.ones(len(labels), bool), 1)
    states = part.values["h"].astype(float)
    x = (states - states[train].mean(0)) / states[train].std(0)
    answers = []
    assert found.classes == ("high", "low", "mid")
    for name in found.classes:
        y = (labels == name).astype(float)
        level = y[train].mean()
        stacked = np.vstack([x[train], np.eye(24)])
        padded = np.concatenate([y[train] - level, np.zeros(24)])
        answers.append(x[test] @ np.linalg.lstsq(stacked, padded, rcond=None)[0] + level)
    guessed = np.array(found.classes)[np.argmax(answers, axis=0)]
    assert found.score == pytest.approx((guessed == labels[test]).mean())
    names, counts = np.unique(labels[train], return_counts=True)
    assert found.baseline == pytest.approx((labels[test] == names[counts.argmax()]).mean())


def test_same_seed_same_numbers_and_another_another():
    recording, tokens = spoken()
    part = recording.find()
    first, again, other = (
        probe(part, tokens % 2 == 0, words=recording.steps, seed=seed) for seed in (0, 0, 1)
    )
    assert (first.score, first.control) == (again.score, again.control)
    assert (first.score, first.control) != (other.score, other.control)


def test_a_label_learnt_by_heart_is_not_selective():
    recording, tokens = spoken(hidden_size=64)
    by_heart = np.random.default_rng(5).integers(0, 2, WORDS)[tokens]
    found = probe(recording.find(), by_heart, words=recording.steps)
    assert found.score > 0.9  # the state names the word, so any label of words can be read
    assert abs(found.selectivity or 1) < 0.1
    assert "selectivity" in str(found)


def test_what_the_state_alone_knows_is_selective():
    recording, _ = spoken(hidden_size=8)
    part = recording.find()
    level = part.values["c"][:, 2] > np.median(part.values["c"][:, 2])
    found = probe(part, level, words=recording.steps)
    assert found.score > 0.9
    assert found.selectivity is not None
    assert found.selectivity > 0.2


def test_noise_cannot_be_read():
    recording, _ = spoken()
    noise = np.random.default_rng(0).normal(size=STEPS * BATCH)
    assert probe(recording.find(), noise).score < 0.1
    assert probe(recording.find(), noise > 0).score < 0.65


def test_nan_and_units_that_do_not_vary_do_no_harm():
    x = torch.randn(6, 8, 3)
    x[2, 1] = float("nan")
    layer = gatework.LSTM(3, 5)
    with torch.no_grad():
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            layer.get_parameter(name).view(4, 5, -1)[:, 2] = 0
    part = gatework.trace(layer, x)[""].find()
    found = probe(part, part.inputs[:, 0].astype(float))
    assert found.train_steps + found.test_steps == 48 - 4
    assert np.isfinite(found.score)
    assert found.weights[2, 0] == 0


def test_what_is_wrong_is_said():
    recording, tokens = spoken()
    part = recording.find()
    with pytest.raises(InputError, match="labels has shape"):
        probe(part, tokens[:5])
    with pytest.raises(InputError, match="ridge is 0"):
        probe(part, tokens, ridge=0)
    with pytest.raises(InputError, match="1 sequences have steps"):
        probe(part, tokens, where=np.arange(len(tokens)) < STEPS)
    with pytest.raises(InputError, match="do not vary"):
        probe(part, np.ones(len(tokens)))
