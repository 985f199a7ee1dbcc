"""The assignment against every permutation."""

import itertools
import time

import numpy as np
import pytest

from gatework.errors import InputError
from gatework.inspector.analyses.assignment import assign


@pytest.mark.parametrize(
    ("rows", "columns"), [(1, 1), (2, 2), (5, 5), (6, 6), (2, 5), (4, 6), (5, 3), (6, 1)]
)
@pytest.mark.parametrize("kind", ["random", "ties", "negative"])
def test_total_is_the_least_of_all_permutations(rows, columns, kind):
    draw = np.random.default_rng(rows * 10 + columns)
    for _ in range(10):
        cost = draw.random((rows, columns))
        if kind == "ties":
            cost = np.round(2 * cost)
        elif kind == "negative":
            cost -= 5
        found = assign(cost)
        taken = found[found >= 0]
        assert len(taken) == len(set(taken)) == min(rows, columns)
        total = sum(cost[row, column] for row, column in enumerate(found) if column >= 0)
        if rows <= columns:
            totals = (
                sum(cost[row, column] for row, column in enumerate(columns_of_rows))
                for columns_of_rows in itertools.permutations(range(columns), rows)
            )
        else:
            totals = (
                sum(cost[row, column] for column, row in enumerate(rows_of_columns))
                for rows_of_columns in itertools.permutations(range(rows), columns)
            )
        assert total == pytest.approx(min(totals))


def test_a_hidden_permutation_of_512_is_found_fast():
    draw = np.random.default_rng(0)
    hidden = draw.permutation(512)
    cost = draw.random((512, 512))
    cost[np.arange(512), hidden] -= 1
    start = time.perf_counter()
    np.testing.assert_array_equal(assign(cost), hidden)
    assign(draw.random((256, 256)))
    assert time.perf_counter() - start < 20  # about 0.3 s on one core


def test_nothing_to_assign_and_what_is_wrong():
    assert assign(np.zeros((0, 3))).tolist() == []
    assert assign(np.zeros((2, 0))).tolist() == [-1, -1]
    with pytest.raises(InputError, match="finite"):
        assign(np.array([[np.nan]]))
