"""The course of the state in few dimensions, and how many it uses."""

from typing import NamedTuple

import numpy as np

from gatework.errors import InputError
from gatework.inspector.analyses.rows import values_of
from gatework.inspector.trace import Array, PassTrace

READING = (
    "Each dot is the state after a step, seen from the side that shows most of it; a sequence is a "
    "path through it. Loops are counters or cycles, clusters are situations the model tells apart, "
    "points where paths come to rest are memories. How much of the variance the two axes hold is "
    "printed: when it is little, dots that look close may be far apart. The participation ratio is "
    "about how many dimensions the states fill."
)


class Projection(NamedTuple):
    """States seen along their directions of largest variance.

    Attributes:
        coordinates: (N, K) of each step; NaN where its state is not finite.
        components: (K, H) the directions, of length 1, orthogonal; of each the largest element is
            positive, so that a picture does not flip.
        mean: (H,) the mean state, where the coordinates are 0.
        variance: (K,) along each direction, over all steps.
        share: (K,) the part of the whole variance that each direction holds.
        participation_ratio: (sum l)^2 / sum l^2 over the variances l of all directions: 1 for a
            line, H for a ball; NaN where nothing varies.
    """

    coordinates: Array
    components: Array
    mean: Array
    variance: Array
    share: Array
    participation_ratio: float

    def project(self, states: Array) -> Array:
        """The coordinates (..., K) of other states (..., H) in the same picture."""
        return (states - self.mean) @ self.components.T


def project(part: PassTrace, count: int = 2, *, state: str | None = None) -> Projection:
    """Principal components of a state over all steps, by SVD of the centred states.

    Args:
        part: one layer and direction.
        count: K, how many directions; at most H and the number of steps.
        state: which state or gate; None is the memory.

    Raises:
        InputError: there is no such state, or there are fewer directions than asked for.

    Example:
        >>> import torch, gatework
        >>> recorded = gatework.trace(gatework.LSTM(3, 8), torch.randn(10, 2, 3))
        >>> project(recorded[""].find()).coordinates.shape
        (20, 2)
    """
    states = values_of(part, state).astype(np.float64)
    known = np.isfinite(states).all(1)
    most = min(int(known.sum()), states.shape[1])
    if not 0 < count <= most:
        raise InputError(
            f"{count} directions were asked for; expected 1 to {most}: there are "
            f"{int(known.sum())} steps without NaN and {states.shape[1]} units."
        )
    mean = states[known].mean(0)
    _, sizes, directions = np.linalg.svd(states[known] - mean, full_matrices=False)
    largest = np.abs(directions).argmax(1)
    directions *= np.sign(directions[np.arange(len(directions)), largest])[:, None]
    variances = sizes**2 / known.sum()
    whole = variances.sum()
    coordinates = np.full((len(states), count), np.nan)
    coordinates[known] = (states[known] - mean) @ directions[:count].T
    return Projection(
        coordinates,
        directions[:count],
        mean,
        variances[:count],
        variances[:count] / whole if whole > 0 else np.zeros(count),
        float(whole**2 / (variances**2).sum()) if whole > 0 else float("nan"),
    )
