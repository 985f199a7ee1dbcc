"""Search by example against loops over every window."""

import time

import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.search import Window, similar
from inspector.analyses.traced import LENGTHS, traced


def correlation(a, b):
    a = [[v - sum(row) / len(row) for v in row] for row in a.T.tolist()]
    b = [[v - sum(row) / len(row) for v in row] for row in b.T.tolist()]
    pairs = [(x, y) for s, t in zip(a, b, strict=True) for x, y in zip(s, t, strict=True)]
    top = sum(x * y for x, y in pairs)
    return top / (sum(x * x for x, _ in pairs) * sum(y * y for _, y in pairs)) ** 0.5


@pytest.mark.parametrize("units", [None, [2], [0, 5, 6]])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_tanh"])
def test_similar_is_the_loop_over_windows(name, units):
    for part in traced(name).passes:
        query = Window(2, 3, 6)
        columns = list(range(7)) if units is None else units
        wanted = part.sequence(2).memory[3:6, columns]
        scores = {
            Window(b, start, start + 3): correlation(
                part.sequence(b).memory[start : start + 3, columns], wanted
            )
            for b, length in enumerate(LENGTHS)
            for start in range(length - 2)
        }
        expected: list[Window] = []
        for window in sorted(scores, key=lambda window: -scores[window]):
            if not any(window.overlaps(other) for other in [query, *expected]):
                expected.append(window)
        found = similar(part, query, units=units)
        assert [match.window for match in found] == expected
        for match in found:
            assert match.score == pytest.approx(scores[match.window])
        assert similar(part, query, count=1, units=units) == found[:1]


def test_the_same_again_has_score_one():
    x = torch.randn(30, 2, 3, dtype=torch.float64)
    x[20:26, 1] = x[2:8, 0]
    layer = gatework.RNN(3, 5, dtype=torch.float64)
    torch.nn.init.zeros_(layer.get_parameter("weight_hh_l0"))
    part = gatework.trace(layer, x)[""].find()
    best = similar(part, Window(0, 2, 8))[0]
    assert best.window == Window(1, 20, 26)
    assert best.score == pytest.approx(1)


def test_nan_and_constant_windows_have_no_score():
    x = torch.randn(12, 2, 3)
    x[:, 1] = float("nan")
    part = gatework.trace(gatework.LSTM(3, 5), x)[""].find()
    found = similar(part, Window(0, 2, 5), 99)
    assert {match.window.sequence for match in found} == {0}
    with pytest.raises(InputError, match="holds NaN, or units that do not change"):
        similar(part, Window(1, 2, 5))


def test_long_sequences_are_fast():
    part = gatework.trace(gatework.LSTM(3, 64), torch.randn(5000, 1, 3))[""].find()
    start = time.perf_counter()
    similar(part, Window(0, 100, 110))
    assert time.perf_counter() - start < 10  # under 1 s on one core


def test_queries_that_are_not_there():
    part = traced("lstm").find()
    with pytest.raises(InputError, match="the trace holds 4 sequences"):
        similar(part, Window(4, 0, 2))
    with pytest.raises(InputError, match="that sequence has 9 steps"):
        similar(part, Window(2, 7, 10))
    with pytest.raises(InputError, match="expected at least 2 steps"):
        similar(part, Window(2, 3, 4))
    with pytest.raises(InputError, match="unit 7"):
        similar(part, Window(2, 3, 5), units=[7])
