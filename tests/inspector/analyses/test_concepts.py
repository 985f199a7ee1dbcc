"""The unit search against counts over all pairs of steps."""

import math

import numpy as np
import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.concepts import unit_correlations, unit_scores
from inspector.analyses.traced import ALL_CELLS, traced


def auc_by_pairs(values, holds):
    wins = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, is_a in zip(values, holds, strict=True) if is_a
        for b, is_b in zip(values, holds, strict=True) if not is_b
    ]  # fmt: skip
    return sum(wins) / len(wins)


def iou_by_sets(values, holds, auc):
    signed = [value if auc >= 0.5 else -value for value in values]
    limit = sorted(signed, reverse=True)[sum(holds) - 1]
    on = {t for t, value in enumerate(signed) if value >= limit}
    true = {t for t, held in enumerate(holds) if held}
    return len(on & true) / len(on | true)


def bits_by_counts(values, holds):
    edges = [np.quantile(values, k / 10) for k in range(1, 10)]
    bins = [sum(value >= edge for edge in edges) for value in values]
    pairs = list(zip(bins, holds, strict=True))
    total = 0.0
    for pair in set(pairs):
        joint = pairs.count(pair) / len(pairs)
        apart = bins.count(pair[0]) * holds.count(pair[1]) / len(pairs) ** 2
        total += joint * math.log2(joint / apart)
    return total


@pytest.mark.parametrize("name", ALL_CELLS)
def test_scores_are_those_of_pairs_sets_and_counts(name):
    part = traced(name).find()
    holds = (np.arange(15) * 7 % 5 < 2).tolist()
    found = unit_scores(part, holds)
    assert (found.steps, found.positive) == (15, 6)
    for unit in range(7):
        values = part.values[part.cell.memory][:, unit].tolist()
        auc = auc_by_pairs(values, holds)
        assert found.auc[unit] == pytest.approx(auc)
        assert found.iou[unit] == pytest.approx(iou_by_sets(values, holds, auc))
        assert found.mutual_information[unit] == pytest.approx(bits_by_counts(values, holds))
    distances = np.abs(found.auc - 0.5)[found.order]
    assert (np.diff(distances) <= 0).all()
    assert found.best == found.order[0]
    assert str(found).startswith("6 of 15 steps\nunit")


def test_ties_count_half():
    layer = gatework.RNN(1, 1)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.fill_(0.0)
        layer.get_parameter("weight_ih_l0").fill_(1.0)
    x = torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0]).view(5, 1, 1)
    part = gatework.trace(layer, x)[""].find()
    holds = [False, True, True, False, True]
    found = unit_scores(part, holds)
    values = x.flatten().tolist()
    assert found.auc[0] == auc_by_pairs(values, holds)
    assert found.iou[0] == iou_by_sets(values, holds, found.auc[0])


def test_only_the_steps_asked_for_and_no_nan():
    x = torch.randn(6, 3, 3)
    x[2, 1] = float("nan")
    part = gatework.trace(gatework.LSTM(3, 5), x)[""].find()
    where = np.arange(18) % 2 == 0
    found = unit_scores(part, np.arange(18) > 8, where=where, state="f")
    rows = [row for row in range(18) if row % 2 == 0 and row not in (8, 10)]
    values = part.values["f"][rows, 3].astype(float).tolist()
    assert found.steps == len(rows)
    assert found.auc[3] == pytest.approx(auc_by_pairs(values, [row > 8 for row in rows]))


def test_correlations_are_numpys():
    part = traced("gru").find(reverse=True)
    numbers = np.linspace(-1, 2, 15) ** 2
    numbers[4] = np.nan
    found = unit_correlations(part, numbers)
    rows = [row for row in range(15) if row != 4]
    for unit in range(7):
        expected = np.corrcoef(part.values["h"][rows, unit], numbers[rows])[0, 1]
        assert found[unit] == pytest.approx(expected)


def test_what_is_wrong_is_said():
    part = traced("lstm").find()
    with pytest.raises(InputError, match=r"concept has shape \(3,\); expected one for each step"):
        unit_scores(part, [True, False, True])
    with pytest.raises(InputError, match="holds at 15 of the 15 steps"):
        unit_scores(part, np.ones(15, bool))
    with pytest.raises(InputError, match="holds at 0 of the 0 steps"):
        unit_scores(part, np.ones(15, bool), where=np.zeros(15, bool))
    with pytest.raises(InputError, match="does not vary over the 15 steps"):
        unit_correlations(part, np.ones(15))
