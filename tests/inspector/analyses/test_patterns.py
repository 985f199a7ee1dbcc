"""Search by pattern against loops over every run of steps there could be."""

import itertools

import pytest
import torch

import gatework
from gatework.errors import InputError
from gatework.inspector.analyses.patterns import Criteria, pattern
from gatework.inspector.analyses.search import Window
from inspector.analyses.traced import LENGTHS, traced


def is_on(part, criteria, b, t, unit):
    value = part.sequence(b).values["h"][t, unit]
    return value >= criteria.threshold if criteria.threshold > 0 else value <= criteria.threshold


def held(part, criteria, b, start, stop):
    """The units on through all of a window, and off where they must be."""
    units = set()
    for unit in range(7):
        good = all(is_on(part, criteria, b, t, unit) for t in range(start, stop))
        if criteria.off_before and start > 0:
            good = good and not is_on(part, criteria, b, start - 1, unit)
        if criteria.off_after and stop < LENGTHS[b]:
            good = good and not is_on(part, criteria, b, stop, unit)
        if good:
            units.add(unit)
    return units


def runs(enough):
    """All (start, stop) of ranges that are True throughout and cannot be made longer."""
    for start, stop in itertools.combinations(range(len(enough) + 1), 2):
        begins = start == 0 or not enough[start - 1]
        ends = stop == len(enough) or not enough[stop]
        if begins and ends and all(enough[start:stop]):
            yield start, stop


def by_loops(part, query, criteria):
    wanted = held(part, criteria, *query)
    need = max(len(wanted) - criteria.missing, 1)
    matches = []
    for b, length in enumerate(LENGTHS):
        counts = [sum(is_on(part, criteria, b, t, u) for u in wanted) for t in range(length)]
        for start, stop in runs([count >= need for count in counts]):
            window, there = Window(b, start, stop), held(part, criteria, b, start, stop)
            both = there & wanted
            long_enough = stop - start >= criteria.shortest
            if long_enough and len(both) >= need and not window.overlaps(query):
                jaccard = len(both) / len(there | wanted)
                matches.append((window, tuple(sorted(both)), len(there - wanted), jaccard))
    matches.sort(key=lambda match: (-len(match[1]), match[2], match[0].start - match[0].stop))
    return tuple(sorted(wanted)), tuple(matches)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_tanh"])
def test_pattern_is_the_loop_over_runs(name, reverse):
    part = traced(name).find(reverse=reverse)
    compared = 0
    for options in itertools.product((0.1, -0.05), (False, True), (False, True), (0, 1, 2), (1, 2)):
        criteria = Criteria(*options)
        for query in (Window(2, 3, 5), Window(0, 0, 2)):
            units, matches = by_loops(part, query, criteria)
            if not units:
                with pytest.raises(InputError, match="no unit is on"):
                    pattern(part, query, criteria=criteria)
                continue
            found = pattern(part, query, 99, criteria=criteria)
            assert found.units == units
            assert found.matches == matches
            assert pattern(part, query, 1, criteria=criteria).matches == matches[:1]
            compared += len(matches)
    assert compared > 20


def test_nan_is_never_on():
    x = torch.randn(20, 2, 3)
    x[12] = x[2]
    x[:, 1] = float("nan")
    layer = gatework.RNN(3, 5)
    torch.nn.init.zeros_(layer.get_parameter("weight_hh_l0"))
    part = gatework.trace(layer, x)[""].find()
    found = pattern(part, Window(0, 2, 3), 99, criteria=Criteria(threshold=0.01, shortest=1))
    assert {match.window.sequence for match in found.matches} == {0}
    assert any(match.window.start <= 12 < match.window.stop for match in found.matches)


def test_what_is_wrong_is_said():
    with pytest.raises(InputError, match="that sequence has 0 steps"):
        pattern(traced("lstm").find(), Window(1, 0, 1))
    with pytest.raises(InputError, match="threshold is 0"):
        Criteria(threshold=0)
    with pytest.raises(InputError, match="missing is -1"):
        Criteria(missing=-1)
