"""The forecasts that cost nothing: the last value, and the value one season ago.

Their intervals are the forecast plus or minus a quantile of the absolute errors that the same rule
made in the history at the same distance, so their coverage may be compared with a model's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Baseline:
    """A rule that copies a value seen `season` steps, or whole multiples of it, before.

    Args:
        name: Column and table name, as in `seasonal-naive`.
        season: Steps between a value and its copy; 1 repeats the last value.

    Example:
        >>> Baseline("seasonal-naive", 3).point(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 4)
        array([4., 5., 6., 4.])
    """

    name: str
    season: int

    def point(self, history: np.ndarray, horizon: int) -> np.ndarray:
        """Return (horizon,) forecasts after `history` (n,).

        Where the value to copy is missing, the one a season before it is copied; a phase of the
        season that was never observed stays NaN.
        """
        season = min(self.season, len(history))
        forecast = np.full(season, np.nan)
        for start in range(len(history) - season, -season, -season):
            block = history[max(start, 0) : start + season]
            wanted = forecast[season - len(block) :]
            np.copyto(wanted, block, where=np.isnan(wanted))
            if not np.isnan(forecast).any():
                break
        return np.resize(forecast, horizon)

    def quantiles(
        self, history: np.ndarray, probabilities: Sequence[float], horizon: int
    ) -> np.ndarray:
        """Return (horizon, Q) quantiles; NaN where the history is too short for such an error."""
        point = self.point(history, horizon)
        result = np.repeat(point[:, None], len(probabilities), axis=1)
        centred = np.asarray(probabilities, dtype=np.float64) * 2.0 - 1.0
        widths: dict[int, np.ndarray] = {}
        for step in range(horizon):
            lag = self.season * -(-(step + 1) // self.season)
            if lag not in widths:
                widths[lag] = _error_quantiles(history, lag, np.abs(centred))
            result[step] += np.sign(centred) * widths[lag]
        return result


def baselines(season: int) -> tuple[Baseline, ...]:
    """Return the rules every score stands beside; without a season only the last value."""
    last = Baseline("last-value", 1)
    return (last,) if season <= 1 else (Baseline("seasonal-naive", season), last)


def _error_quantiles(history: np.ndarray, lag: int, shares: np.ndarray) -> np.ndarray:
    errors = np.abs(history[lag:] - history[:-lag])
    errors = errors[np.isfinite(errors)]
    # A zero share is the point forecast itself, known even where no error ever was.
    if not errors.size:
        return np.where(shares == 0, 0.0, np.nan)
    return np.where(shares == 0, 0.0, np.quantile(errors, shares))
