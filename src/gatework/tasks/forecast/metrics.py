"""Scores of a forecast, on NumPy alone.

Targets may hold NaN: such a step was not observed and takes no part. A score with nothing to judge
is NaN, never 0 or infinity.
"""

import numpy as np
from numpy.typing import ArrayLike


def mase_scale(history: ArrayLike, lag: int) -> float:
    """Mean |y_t - y_(t-lag)| over the history: the yardstick of MASE (Hyndman & Koehler 2006).

    Args:
        history: (n,) values before the forecast, in order; NaN where missing.
        lag: The season m of the yardstick, in steps; 1 compares with the step before.

    Returns:
        The scale in units of the data; NaN where it is undefined: the history is too short, or
        never changes at this lag.

    Example:
        >>> mase_scale([1.0, 3.0, 2.0, 6.0], lag=1)
        2.3333333333333335
    """
    values = np.asarray(history, dtype=np.float64)
    scale = _mean(np.abs(values[lag:] - values[:-lag]))
    return scale if scale > 0 else float("nan")


def mae(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Mean absolute error, in units of the data."""
    return _mean(np.abs(_error(actual, forecast)))


def rmse(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Root of the mean squared error, in units of the data."""
    return float(np.sqrt(_mean(_error(actual, forecast) ** 2)))


def mase(actual: ArrayLike, forecast: ArrayLike, scale: float) -> float:
    """Mean absolute error over `scale`, see `mase_scale`; below 1 beats the in-sample naive step.

    Example:
        >>> mase([2.0, 4.0], [3.0, 3.0], scale=2.0)
        0.5
    """
    return mae(actual, forecast) / scale


def smape(actual: ArrayLike, forecast: ArrayLike) -> float:
    """Symmetric error as in M4: mean of 200 |y - f| / (|y| + |f|), in percent, 0 to 200.

    A step where both are zero is forecast exactly and counts as 0.

    Example:
        >>> smape([100.0], [300.0])
        100.0
    """
    error = np.abs(_error(actual, forecast))
    size = np.abs(np.asarray(actual, dtype=np.float64)) + np.abs(
        np.asarray(forecast, dtype=np.float64)
    )
    return _mean(
        200.0 * np.divide(error, size, out=np.where(np.isnan(error), np.nan, 0.0), where=size > 0)
    )


def pinball(actual: ArrayLike, forecast: ArrayLike, probability: float) -> float:
    """Mean quantile loss max(p (y - q), (p - 1)(y - q)), in units of the data."""
    error = _error(actual, forecast)
    return _mean(np.maximum(probability * error, (probability - 1.0) * error))


def weighted_quantile_loss(
    actual: ArrayLike, quantiles: ArrayLike, probabilities: ArrayLike
) -> float:
    """wQL: twice the summed quantile loss over the summed |y|, averaged over the quantiles.

    Args:
        actual: (...,) targets.
        quantiles: (..., Q) forecasts, one per probability.
        probabilities: (Q,) in (0, 1).

    Example:
        >>> weighted_quantile_loss([10.0, 10.0], [[8.0], [11.0]], [0.5])
        0.15
    """
    target = np.asarray(actual, dtype=np.float64)
    forecast = np.asarray(quantiles, dtype=np.float64)
    seen = np.isfinite(target) & np.isfinite(forecast).all(axis=-1)
    total = np.abs(target[seen]).sum()
    if total == 0:
        return float("nan")
    losses = [
        pinball(target[seen], forecast[seen][:, index], probability) * seen.sum()
        for index, probability in enumerate(np.asarray(probabilities, dtype=np.float64))
    ]
    return float(2.0 * np.mean(losses) / total)


def coverage(actual: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Share of observed targets inside [low, high], in percent."""
    below, above = _error(actual, low), _error(actual, high)
    inside = np.where(np.isnan(below) | np.isnan(above), np.nan, (below >= 0) & (above <= 0))
    return 100.0 * _mean(inside)


def mean_width(actual: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Mean of high - low over the observed steps: the price of a coverage, in units of the data."""
    width = np.asarray(high, dtype=np.float64) - np.asarray(low, dtype=np.float64)
    return _mean(np.where(np.isnan(np.asarray(actual, dtype=np.float64)), np.nan, width))


def msis(
    actual: ArrayLike, low: ArrayLike, high: ArrayLike, *, level: float, scale: float
) -> float:
    """Mean scaled interval score: width plus 2/alpha times each miss, over the MASE scale.

    Gneiting & Raftery 2007, scaled as in the M4 competition.

    Args:
        actual: (n,) targets.
        low: (n,) lower ends.
        high: (n,) upper ends.
        level: Nominal coverage in percent; alpha = 1 - level / 100.
        scale: See `mase_scale`.

    Example:
        >>> msis([5.0], [0.0], [4.0], level=50, scale=2.0)
        4.0
    """
    alpha = 1.0 - level / 100.0
    under, over = _error(low, actual), _error(actual, high)
    misses = np.maximum(under, 0.0) + np.maximum(over, 0.0)
    width = np.asarray(high, dtype=np.float64) - np.asarray(low, dtype=np.float64)
    return _mean(width + 2.0 / alpha * misses) / scale


def _error(actual: ArrayLike, forecast: ArrayLike) -> np.ndarray:
    return np.asarray(actual, dtype=np.float64) - np.asarray(forecast, dtype=np.float64)


def _mean(values: np.ndarray) -> float:
    seen = values[np.isfinite(values)]
    return float(seen.mean()) if seen.size else float("nan")
