"""Back-tests: forecasts made at known cutoffs, beside what came and beside the naive rules."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gatework.data import Panel
from gatework.tasks.forecast import metrics
from gatework.tasks.forecast.baselines import baselines
from gatework.tasks.forecast.scores import MODEL, IntervalScore, MethodScores, Scores


class Window(NamedTuple):
    """One forecast to judge: what follows the first `cutoff` values of series `series`."""

    series: int
    cutoff: int


@dataclass(frozen=True)
class BackTest:
    """Forecasts of several methods for the same windows.

    Args:
        windows: N windows.
        probabilities: Q quantiles in rising order, 0.5 among them.
        actual: (N, T) what came, NaN where it was not observed.
        quantiles: Method name to (N, T, Q); Gatework first.
        scales: (N,) the MASE yardstick of each window's history, NaN where undefined.
        lag: The m of that yardstick.
        step_scales: (N,) the same for m = 1.
    """

    windows: tuple[Window, ...]
    probabilities: tuple[float, ...]
    actual: np.ndarray
    quantiles: Mapping[str, np.ndarray]
    scales: np.ndarray
    lag: int
    step_scales: np.ndarray

    @property
    def horizon(self) -> int:
        """Steps forecast in each window."""
        return self.actual.shape[1]

    def point(self, method: str) -> np.ndarray:
        """Return (N, T) medians of one method."""
        return self.quantiles[method][:, :, self.probabilities.index(0.5)]

    def interval(self, method: str, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the (N, T) ends of the central interval that should hold `level` percent."""
        low, high = interval_probabilities(level)
        values = self.quantiles[method]
        return (
            values[:, :, self.probabilities.index(low)],
            values[:, :, self.probabilities.index(high)],
        )

    def window_mae(self, method: str) -> np.ndarray:
        """Return (N,) the mean absolute error of each window, NaN where nothing came."""
        pairs = zip(self.actual, self.point(method), strict=True)
        return np.array([metrics.mae(actual, point) for actual, point in pairs])

    def window_mase(self, method: str) -> np.ndarray:
        """Return (N,) the MASE of each window, NaN where undefined."""
        return self.window_mae(method) / self.scales


def last_windows(panel: Panel, horizon: int, *, count: int, step: int) -> tuple[Window, ...]:
    """Return the last `count` windows of every series.

    A window needs a value to learn from before it, and one to judge inside.
    """
    return tuple(
        Window(index, cutoff)
        for index, series in enumerate(panel.series)
        for back in range(count - 1, -1, -1)
        if (cutoff := len(series.values) - horizon - back * step) > 0
        and np.isfinite(series.values[:cutoff]).any()
        and np.isfinite(series.values[cutoff : cutoff + horizon]).any()
    )


def compare(
    panel: Panel,
    windows: Sequence[Window],
    forecasts: np.ndarray,
    probabilities: tuple[float, ...],
    *,
    lag: int | None = None,
) -> BackTest:
    """Set a model's forecasts beside the naive ones and what came.

    Args:
        panel: The whole data.
        windows: N cuts in it; what lies beyond the end of a series has not come yet: NaN.
        forecasts: (N, T, Q) the model's quantiles at those cuts.
        probabilities: The Q quantiles.
        lag: The m of MASE; the panel's season if not given.
    """
    lag = lag or panel.season
    horizon = forecasts.shape[1]
    quantiles = {MODEL: forecasts}
    histories = [panel.series[window.series].values[: window.cutoff] for window in windows]
    for baseline in baselines(panel.season):
        each = [baseline.quantiles(history, probabilities, horizon) for history in histories]
        quantiles[baseline.name] = np.stack(each)
    actual = np.full((len(windows), horizon), np.nan)
    for row, window in zip(actual, windows, strict=True):
        ahead = panel.series[window.series].values[window.cutoff : window.cutoff + horizon]
        row[: len(ahead)] = ahead
    scales, step_scales = (
        np.array([metrics.mase_scale(history, m) for history in histories]) for m in (lag, 1)
    )
    return BackTest(tuple(windows), probabilities, actual, quantiles, scales, lag, step_scales)


def known_at(panel: Panel, windows: Sequence[Window]) -> Panel:
    """Return one series a window: what was known at its cutoff."""
    known = tuple(panel.series[window.series].part(None, window.cutoff) for window in windows)
    return dataclasses.replace(panel, series=known)


def score(
    back_test: BackTest, levels: Sequence[float], *, series_count: int, seen: bool = False
) -> Scores:
    """Turn a back-test into its table.

    MASE is averaged over windows, then over series, so that each series counts alike.
    """
    rows = tuple(
        _method_scores(back_test, name, levels, series_count) for name in back_test.quantiles
    )
    return Scores(
        rows,
        lag=back_test.lag,
        horizon=back_test.horizon,
        windows=len(back_test.windows),
        unscaled=int(np.isnan(back_test.scales).sum()),
        seen=seen,
    )


def _method_scores(
    test: BackTest, name: str, levels: Sequence[float], series_count: int
) -> MethodScores:
    point, errors = test.point(name), test.window_mae(name)
    owner = np.array([window.series for window in test.windows])
    intervals = []
    for level in levels:
        low, high = test.interval(name, level)
        per_window = zip(test.actual, low, high, test.scales, strict=True)
        each = np.array([metrics.msis(y, a, b, level=level, scale=s) for y, a, b, s in per_window])
        intervals.append(
            IntervalScore(
                level,
                metrics.coverage(test.actual, low, high),
                metrics.mean_width(test.actual, low, high),
                _mean_by_series(each, owner, series_count),
            )
        )
    return MethodScores(
        name,
        mase=_mean_by_series(test.window_mase(name), owner, series_count),
        mase_step=_mean_by_series(errors / test.step_scales, owner, series_count),
        smape=metrics.smape(test.actual, point),
        rmse=metrics.rmse(test.actual, point),
        mae=metrics.mae(test.actual, point),
        wql=metrics.weighted_quantile_loss(test.actual, test.quantiles[name], test.probabilities),
        intervals=tuple(intervals),
    )


def _mean_by_series(values: np.ndarray, owner: np.ndarray, series_count: int) -> float:
    means = []
    for series in range(series_count):
        mine = values[owner == series]
        mine = mine[np.isfinite(mine)]
        if mine.size:
            means.append(mine.mean())
    return float(np.mean(means)) if means else float("nan")


def interval_probabilities(level: float) -> tuple[float, float]:
    """Return the two quantiles that bound a central interval of `level` percent.

    Example:
        >>> interval_probabilities(80)
        (0.1, 0.9)
    """
    low = round((1.0 - level / 100.0) / 2.0, 10)
    return low, round(1.0 - low, 10)


def probabilities_of(levels: Sequence[float]) -> tuple[float, ...]:
    """Return the median and the ends of every interval, in rising order."""
    ends = {end for level in levels for end in interval_probabilities(level)}
    return tuple(sorted(ends | {0.5}))
