"""Counts of two texts together."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gatework.models.joining import join
from gatework.models.ngrams import NGrams

IDS = st.lists(st.integers(0, 3), min_size=5, max_size=40).map(np.array)


@given(first=IDS, second=IDS, times=st.integers(1, 3))
def test_joint_counts_are_those_of_both(first, second, times: int) -> None:
    """By brute force: every n-gram of either text, each of the second so many times."""
    joint = join(NGrams.learn(first, 4, 3), NGrams.learn(second, 4, 3), times)
    for n in (1, 2, 3):
        counts: dict[tuple[int, ...], int] = {}
        for text, weight in ((first, 1), (second, times)):
            for at in range(len(text) - n + 1):
                key = tuple(text[at : at + n].tolist())
                counts[key] = counts.get(key, 0) + weight
        assert sorted(joint.tables[n - 1].counts.tolist()) == sorted(counts.values())
        assert joint.tables[n - 1].totals.sum() == sum(counts.values())
    probe = np.concatenate([second, first])
    sure = np.exp(-joint.losses(probe))
    assert ((sure > 0) & (sure <= 1)).all()


@given(ids=IDS, other=IDS)
def test_joining_is_counting_on(ids, other) -> None:
    """A text joined with itself foretells what the text counted twice does."""
    once = NGrams.learn(ids, 4, 3)
    twice = join(once, once)
    for table, single in zip(twice.tables, once.tables, strict=True):
        assert (table.keys == single.keys).all()
        assert (table.counts == 2 * single.counts).all()
        assert (table.totals == 2 * single.totals).all()
        assert (table.kinds == single.kinds).all()
    assert join(once, NGrams.learn(other, 4, 3), 0) is once


def test_a_short_text_lacks_the_long_ones() -> None:
    joint = join(NGrams.learn(np.array([0, 1, 0, 1, 0]), 2, 4), NGrams.learn(np.array([1]), 2, 4))
    assert joint.order == 4
    assert joint.tables[0].counts.tolist() == [3, 3]
    assert joint.tables[3].counts.sum() == 2
