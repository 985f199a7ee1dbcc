"""Finding the length of the season: the shortest natural cycle that the data strongly repeats."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from gatework.data.frequency import Frequency

# Enough to judge by; more would only cost time.
MOST_SERIES: Final = 50
MOST_POINTS: Final = 35_000
MOST_LAG: Final = 1_000
# Long cycles contain short ones (168 hours contain 24): the shortest that is nearly as strong.
NEARLY: Final = 0.6


class Evidence(NamedTuple):
    """The least autocorrelation that makes a season, and the share of it left after two cycles."""

    weakest: float
    lasting: float


# The 90 % limit, as in the M4 competition's test.
SIGMAS: Final = 1.645
CALENDAR: Final = Evidence(weakest=0.15, lasting=0.0)
# Any of a thousand lags may peak by chance, where the calendar proposes two: ask for more.
SEARCHED: Final = Evidence(weakest=0.3, lasting=0.5)


def find_season(values: Sequence[np.ndarray], frequency: Frequency) -> int:
    """Return the season in steps, or 1 if no candidate repeats significantly.

    Each candidate m is judged by the autocorrelation at lag m of the series without its moving
    average over m (which removes trend and every slower cycle), against the limit of Bartlett's
    formula, as the seasonality test of the M4 competition does; the median over the series
    decides. Without calendar candidates, the peaks of the mean autocorrelation are the candidates.

    Args:
        values: the series, each (n,) float64 with NaN where missing.
        frequency: gives the candidates.

    Example:
        >>> wave = np.sin(np.arange(200) * 2 * np.pi / 12)
        >>> find_season([wave], Frequency("index"))
        12
    """
    every = max(1, len(values) // MOST_SERIES)
    series = [_filled(one[-MOST_POINTS:]) for one in values[::every] if np.isfinite(one).any()]
    searched = frequency.unit == "index"
    candidates = _peaks(series) if searched else frequency.seasonal_candidates
    evidence = SEARCHED if searched else CALENDAR
    strength = {m: _strength(series, m, evidence) for m in candidates}
    best = max(strength.values(), default=0.0)
    if best < evidence.weakest:
        return 1
    enough = max(NEARLY * best, evidence.weakest)
    shortest = min(m for m, found in strength.items() if found >= enough)
    return max((m for m in strength if 0 <= m - shortest <= 0.2 * m), key=lambda m: strength[m])


def _filled(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    if known.all():
        return values
    return np.interp(np.arange(len(values)), np.flatnonzero(known), values[known])


def autocorrelation(values: np.ndarray, most: int) -> np.ndarray:
    """Return the autocorrelation at lags 0 to `most`, (most + 1,); all 0 for a constant."""
    centred = values - values.mean()
    size = 1 << int(2 * len(values) - 1).bit_length()
    power = np.abs(np.fft.rfft(centred, size)) ** 2
    covariance = np.fft.irfft(power, size)[: most + 1]
    # A constant leaves rounding errors only, and their autocorrelation means nothing.
    if covariance[0] <= 1e-20 * float(np.square(values).sum()):
        return np.zeros(most + 1)
    return covariance / covariance[0]


def _strength(series: Sequence[np.ndarray], m: int, evidence: Evidence) -> float:
    """Return the median over series of the autocorrelation at lag m, 0 where it is no evidence."""
    found = []
    for values in series:
        if len(values) < 3 * m:
            continue
        detrended = _detrended(values, m)
        acf = autocorrelation(detrended, 2 * m)
        spread = np.sqrt((1 + 2 * np.square(acf[1:m]).sum()) / len(detrended))
        # Neighbours are alike in a smooth series: a cycle peaks near m, a slow wander does not.
        peak = m // 2 + int(np.argmax(acf[m // 2 : m + m // 2 + 1]))
        is_cycle = (
            acf[m] > SIGMAS * spread
            and abs(peak - m) <= _tolerance(m)
            and (4 * m > len(detrended) or acf[2 * m] >= evidence.lasting * acf[m])
        )
        found.append(acf[m] if is_cycle else 0.0)
    # A season that most series are too short to show is not one to use.
    return float(np.median(found)) if 2 * len(found) >= max(len(series), 1) else 0.0


def _tolerance(m: int) -> int:
    """Return by how many lags noise may move the peak of a cycle of length m."""
    return m // 10


def _detrended(values: np.ndarray, m: int) -> np.ndarray:
    """Return the values less their moving average over m; m // 2 are lost at each end."""
    centred = values - values.mean()
    total = np.concatenate([[0.0], np.cumsum(centred)])
    average = (total[m:] - total[:-m]) / m
    if m % 2 == 0:
        # The centre of an even window lies between two points: average its two neighbours.
        average = (average[1:] + average[:-1]) / 2
    return centred[m // 2 : len(values) - m // 2] - average


def _peaks(series: Sequence[np.ndarray]) -> tuple[int, ...]:
    """Return lags at which the mean autocorrelation peaks, that of the values or of their steps."""
    found = set()
    for change in (_without_line, np.diff):
        total = np.zeros(MOST_LAG + 2)
        for values in series:
            most = min(MOST_LAG + 1, len(values) // 3)
            if most > 3:
                total[: most + 1] += autocorrelation(change(values), most)
        inner = total[1:-1]
        is_peak = (inner > total[:-2]) & (inner >= total[2:]) & (inner > 0)
        lags = np.flatnonzero(is_peak) + 1
        strongest = lags[np.argsort(-total[lags])][:8]
        shortest = lags[total[lags] >= NEARLY * total[strongest[:1]]][:8]
        found |= {_sharpened(total, int(lag)) for lag in (*strongest, *shortest)}
    return tuple(sorted(lag for lag in found if lag > 2))


def _without_line(values: np.ndarray) -> np.ndarray:
    place = np.linspace(-1.0, 1.0, len(values))
    slope = float(values @ place) / float(place @ place)
    return values - slope * place


def _sharpened(total: np.ndarray, lag: int) -> int:
    """Move a lag to where its multiples agree best: noise shifts one peak, but not all of them."""

    def agreement(m: int) -> float:
        return float(total[m : min(4 * m, len(total) - 1) + 1 : m].mean())

    reach = _tolerance(lag)
    near = range(max(lag - reach, 2), min(lag + reach, MOST_LAG) + 1)
    return max(near, key=agreement)
