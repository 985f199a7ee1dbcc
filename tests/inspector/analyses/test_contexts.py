"""Top contexts and expected responses against sorting and loops over plain lists."""

import numpy as np
import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.contexts import expected_response, top_contexts
from inspector.analyses.traced import LENGTHS, traced


def by_sorting(part, unit, count, width, sign):
    """(sequence, step) of the most extreme places, none within `width` of a chosen one."""
    places = []
    for b in range(len(LENGTHS)):
        column = part.sequence(b).memory[:, unit]
        places += [(sign * float(value), b, t) for t, value in enumerate(column)]
    chosen = []
    for _, b, t in sorted(places, key=lambda place: -place[0]):
        if len(chosen) < count and all(b != a or abs(t - s) > width for a, s in chosen):
            chosen.append((b, t))
    return chosen


@pytest.mark.parametrize("width", [0, 1, 3])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_tanh", "lstm_projection"])
def test_top_contexts_are_the_sorted_places(name, width):
    recording = traced(name)
    for part in recording.passes:
        for unit in range(7):
            found = top_contexts(recording, part, unit, 4, width=width)
            for sign, contexts in ((1, found.highest), (-1, found.lowest)):
                assert [each[:2] for each in contexts] == by_sorting(part, unit, 4, width, sign)
                for each in contexts:
                    names = recording.step_names(each.sequence)
                    assert each.value == part.sequence(each.sequence).memory[each.step, unit]
                    assert each.word == names[each.step]
                    whole = (*each.before, each.word, *each.after)
                    start = max(0, each.step - width)
                    assert whole == names[start : each.step + width + 1]
                    assert len(each.before) == min(width, each.step)


def test_other_states_and_gates():
    recording = traced("lstm_projection")
    part = recording.find()
    best = top_contexts(recording, part, 3, 1, state="f").highest[0]
    assert best.value == part.values["f"][:, 3].max()
    with pytest.raises(InputError, match="unit 3 was asked for; there are 3"):
        top_contexts(recording, part, 3, state="h")
    with pytest.raises(InputError, match="no 'z'; it has"):
        top_contexts(recording, part, 3, state="z")


def test_nan_is_no_place_and_few_places_are_enough():
    x = torch.randn(6, 2, 3)
    x[:, 0] = float("nan")
    recording = gatework.trace(gatework.LSTM(3, 5), x)[""]
    found = top_contexts(recording, recording.find(), 0, 99, width=0)
    assert {each.sequence for each in found.highest} == {1}
    assert len(found.highest) == 6
    assert found.highest[0].word == str(found.highest[0].step)
    assert f"[{found.highest[0].word}]" in str(found)


def test_empty():
    recording = traced("lstm", (0,))
    assert top_contexts(recording, recording.find(), 0).highest == ()


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_tanh", "lstm_everything"])
def test_expected_response_is_the_mean_over_a_loop(name):
    recording = traced(name)
    for part in recording.passes:
        changes: dict[str, list[np.ndarray]] = {}
        for b, length in enumerate(LENGTHS):
            memory = part.sequence(b).memory
            last = part.initial[part.cell.memory][b]
            for t in list(range(length))[:: -1 if part.reverse else 1]:
                changes.setdefault(recording.step_names(b)[t], []).append(memory[t] - last)
                last = memory[t]
        found = expected_response(recording, part)
        assert set(found.words) == set(changes)
        assert list(found.counts) == sorted(found.counts, reverse=True)
        for word, count, mean in zip(*found, strict=True):
            assert count == len(changes[word])
            np.testing.assert_allclose(mean, np.mean(changes[word], axis=0), atol=1e-12)
        frequent = expected_response(recording, part, fewest=4)
        assert set(frequent.words) == {w for w, all_of in changes.items() if len(all_of) >= 4}


def test_response_of_h_and_nan():
    recording = traced("lstm_projection")
    assert expected_response(recording, recording.find(), state="h").mean.shape[1] == 3
    x = torch.randn(3, 2, 3)
    x[0, 0] = float("nan")
    broken = gatework.trace(gatework.LSTM(3, 5), x, steps=["aba", "abc"])[""]
    found = expected_response(broken, broken.find())
    assert found.counts.tolist() == [1, 1, 1]
    assert np.isfinite(found.mean).all()


def test_what_is_missing_is_said():
    recording = gatework.trace(gatework.LSTM(3, 5), torch.randn(3, 1, 3))[""]
    with pytest.raises(InputError, match="no names"):
        expected_response(recording, recording.find())
    with pytest.raises(InputError, match="'f' is no state; expected one of h, c"):
        expected_response(traced("lstm"), traced("lstm").find(), state="f")
    with pytest.raises(InputError, match="count is -1"):
        top_contexts(recording, recording.find(), 0, -1)
