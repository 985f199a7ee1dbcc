"""What one series did around its seasons and on its special days, as arrays a window can gather
from.

Everything here is causal or says how far it looks ahead, so that a window can stay before its
cutoff.
"""

import warnings
from typing import Final, NamedTuple

import numpy as np

LOOK_AHEAD: Final = 4  # seasons after a stamp that its centred statistics may use
_LEVEL_SEASONS: Final = 2
_DECAY: Final = 0.9  # weight of an occurrence a year older
_SHRINK: Final = 0.5  # occurrences' worth of belief in "no effect"


class KeyProfile(NamedTuple):
    """Past behaviour under one yearly key, over n known stamps and the future ones behind them.

    previous: (n + future,) int64, the latest known earlier stamp with the same key, -1 if none.
    after: (n, 2) what is known once that stamp has passed: the mean, over it and its predecessors,
      of the deviation from the same day of the weeks around, and of that deviation as a share of
      the gap to the week's lowest day (a holiday turns a working day into a Sunday, and a Sunday
      into itself).
    """

    previous: np.ndarray
    after: np.ndarray


def fill(values: np.ndarray, season: int) -> np.ndarray:
    """Replace NaN by the value one season earlier, else by the last known one, else by the first
    known.

    Args:
        values: (n,) float64; at least one of them finite.
        season: steps in a season.

    Returns:
        (n,) float64 without NaN; only a leading gap looks forward.
    """
    filled = values.copy()
    for position in np.flatnonzero(np.isnan(values)):
        if position >= season:
            filled[position] = filled[position - season]
        elif position > 0:
            filled[position] = filled[position - 1]
    known = filled[~np.isnan(filled)]
    return np.where(np.isnan(filled), known[0], filled)


def centred_level(values: np.ndarray, season: int) -> np.ndarray:
    """Return (n,) the median, over five seasons around each stamp, of that season's mean.

    Looks ahead at most `LOOK_AHEAD` seasons.
    """
    total = np.concatenate([[0.0], np.cumsum(values - values[0])])
    n = len(values)
    begin = np.arange(n) - season // 2
    low, high = np.clip(begin, 0, n), np.clip(begin + season, 0, n)
    mean = (total[high] - total[low]) / (high - low) + values[0]
    shifts = [_shifted(mean, season * k) for k in range(-_LEVEL_SEASONS, _LEVEL_SEASONS + 1)]
    return _nanmedian(shifts)


def seasonal_centre(values: np.ndarray, season: int) -> np.ndarray:
    """Return (n,) the median of the same season position in the four seasons before and after."""
    shifts = [k for k in range(-LOOK_AHEAD, LOOK_AHEAD + 1) if k != 0]
    centre = _nanmedian([_shifted(values, season * k) for k in shifts])
    return np.where(np.isnan(centre), values, centre)


def key_profile(
    keys: np.ndarray, values: np.ndarray, known: np.ndarray, *, week: int, per_day: int | None
) -> KeyProfile:
    """Return what a series did at earlier occurrences of each key.

    Args:
        keys: (n + future,) int64 yearly identities.
        values: (n,) float64 without NaN.
        known: (n,) bool, False where a value was filled in: such a stamp adds nothing.
        week: steps of the season in which positions are compared: a week of days or hours, else 1.
        per_day: steps in a day, or None where a week has no days (then the third column is 0).
    """
    n = len(values)
    order = np.lexsort((np.arange(len(keys)), keys))
    same = np.concatenate([[False], keys[order][1:] == keys[order][:-1]])
    previous = np.full(len(keys), -1)
    previous[order[1:]] = np.where(same[1:], order[:-1], -1)
    # A future stamp may follow a future one: step back to the last known occurrence.
    while (late := previous >= n).any():
        previous[late] = previous[previous[late]]

    centre = seasonal_centre(values, week)
    deviation = values - centre
    gap = np.zeros(n)
    if per_day is not None:
        days = range(week // per_day)
        gap = np.min([_shifted(centre, per_day * k, edge=True) for k in days], axis=0) - centre
    weight = known.astype(float)
    parts = [np.ones(n), deviation, gap**2, deviation * gap]
    sums = weight[:, None] * np.stack(parts, 1)
    rank = _rank(previous[:n])
    for occurrence in range(1, int(rank.max(initial=0)) + 1):
        at = np.flatnonzero(rank == occurrence)
        sums[at] += _DECAY * sums[previous[at]]
    count = sums[:, 0] + _SHRINK
    ridge = 0.25 * np.cumsum(gap**2) / np.arange(1, n + 1) + 1e-12
    after = np.stack([sums[:, 1] / count, sums[:, 3] / (sums[:, 2] + ridge)], 1)
    return KeyProfile(previous, after)


def _rank(previous: np.ndarray) -> np.ndarray:
    """How many known predecessors each stamp has."""
    rank = np.zeros(len(previous), np.int64)
    chain = previous.copy()
    while (alive := chain >= 0).any():
        rank[alive] += 1
        chain[alive] = previous[chain[alive]]
    return rank


def _shifted(values: np.ndarray, by: int, *, edge: bool = False) -> np.ndarray:
    """values[t - by]; outside the series NaN, or the edge value."""
    at = np.arange(len(values)) - by
    inside = values[np.clip(at, 0, len(values) - 1)]
    return inside if edge else np.where((at >= 0) & (at < len(values)), inside, np.nan)


def _nanmedian(rows: list[np.ndarray]) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a stamp without neighbours stays NaN
        return np.nanmedian(np.stack(rows), axis=0)
