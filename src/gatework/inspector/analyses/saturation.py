"""How often each gate stands open or shut."""

from typing import NamedTuple

import numpy as np

from gatework.errors import InputError
from gatework.inspector.trace import Array, PassTrace

READING = (
    "Each dot is a unit: to the right, how often the gate was shut (below 0.1); upwards, how often "
    "it was open (above 0.9). Dots at the origin are gates that never make up their mind; a forget "
    "gate far up is a unit that keeps nearly always, an integrator; dots on the diagonal switch "
    "like a relay. A candidate is shut or open where it is within 0.1 of -1 or of 1."
)


class Saturation(NamedTuple):
    """The parts of all steps, 0 to 1, at which each unit of a gate was shut or open.

    Attributes:
        shut: (H,) how often below the lower cut-off; x of the scatter in the paper.
        open: (H,) how often above the upper one; y. shut + open <= 1.
    """

    shut: Array
    open: Array


def saturation(part: PassTrace, *, low: float = 0.1, high: float = 0.9) -> dict[str, Saturation]:
    """Count how often each gate was saturated (Karpathy et al. 2015, arXiv:1506.02078, fig. 3).

    A gate of a cell with a coupled input gate, or with one left out, is only there if it has
    weights of its own. The candidate, which runs from -1 to 1, has the cut-offs 2 low - 1 and
    2 high - 1. Steps with NaN do not count; without a step the parts are NaN.

    Args:
        part: one layer and direction.
        low: below it a gate is shut.
        high: above it a gate is open.

    Raises:
        InputError: the cut-offs are not in order.

    Example:
        >>> import torch, gatework
        >>> recorded = gatework.trace(gatework.GRU(3, 8), torch.randn(10, 2, 3))
        >>> list(saturation(recorded[""].find()))
        ['r', 'z', 'n']
    """
    if not low <= high:
        raise InputError(f"low is {low} and high is {high}; expected low <= high.")
    found = {}
    for gate in part.cell.gates:
        values = part.values[gate]
        bottom, top = (low, high) if gate != part.cell.candidate else (2 * low - 1, 2 * high - 1)
        counts = np.isfinite(values).sum(0)
        missing = np.full(counts.shape, np.nan)
        shut, opened = (values < bottom).sum(0), (values > top).sum(0)
        found[gate] = Saturation(
            np.divide(shut, counts, out=missing.copy(), where=counts > 0),
            np.divide(opened, counts, out=missing, where=counts > 0),
        )
    return found
