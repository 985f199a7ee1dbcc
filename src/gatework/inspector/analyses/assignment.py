"""The assignment problem: each row its own column, at the lowest total cost.

Core dependencies have no solver (SciPy has one), and this is the whole of it.
"""

import numpy as np
from numpy.typing import NDArray

from gatework.errors import InputError
from gatework.inspector.trace import Array


def assign(cost: Array) -> NDArray[np.intp]:
    """Solve it exactly, by shortest augmenting paths (Jonker & Volgenant 1987), in O(n^3).

    Args:
        cost: (n, m), finite.

    Returns:
        (n,) the column of each row; -1 for rows left over where n > m.

    Raises:
        InputError: a cost is not finite, or there are no two axes.

    Example:
        >>> assign(np.array([[4.0, 1.0], [3.0, 1.0]])).tolist()
        [1, 0]
    """
    costs = np.asarray(cost, np.float64)
    if costs.ndim != 2 or not np.isfinite(costs).all():
        raise InputError(f"cost has shape {costs.shape}; expected finite numbers, (n, m).")
    if costs.shape[0] > costs.shape[1]:
        by_column = assign(costs.T)
        rows = np.full(costs.shape[0], -1, dtype=np.intp)
        rows[by_column] = np.arange(costs.shape[1])
        return rows
    rows, columns = costs.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    owner = np.full(columns, -1, dtype=np.intp)  # which row has each column
    for row in range(rows):
        # Dijkstra from `row` over costs less prices, which are never negative.
        shortest = np.full(columns, np.inf)
        came_from = np.full(columns, -1, dtype=np.intp)
        done = np.zeros(columns, dtype=bool)
        here, at, distance = row, -1, 0.0
        while True:
            reach = distance + costs[here] - row_price[here] - column_price
            closer = ~done & (reach < shortest)
            shortest[closer], came_from[closer] = reach[closer], at
            at = int(np.where(done, np.inf, shortest).argmin())
            distance = shortest[at]
            done[at] = True
            if owner[at] < 0:
                break
            here = owner[at]
        row_price[row] += distance
        passed = done & (owner >= 0)
        row_price[owner[passed]] += distance - shortest[passed]
        column_price[done] -= distance - shortest[done]
        while at >= 0:  # each row on the path takes the column that was found from it
            before = came_from[at]
            owner[at] = row if before < 0 else owner[before]
            at = before
    assigned = np.full(rows, -1, dtype=np.intp)
    assigned[owner[owner >= 0]] = np.flatnonzero(owner >= 0)
    return assigned
