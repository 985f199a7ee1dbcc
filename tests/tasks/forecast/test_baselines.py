"""The naive forecasts, by hand."""

import math

import numpy as np
import pytest

from gatework.tasks.forecast.baselines import Baseline, baselines

NAN = math.nan
RAMP = np.arange(1.0, 8.0)


@pytest.mark.parametrize(
    ("season", "history", "expected"),
    [
        (1, RAMP, [7, 7, 7, 7]),
        (3, RAMP, [5, 6, 7, 5]),
        (3, [1, 2, 3, 4, NAN, 6], [4, 2, 6, 4]),
        (1, [1, 2, NAN, NAN], [2, 2, 2, 2]),
        (3, [NAN, 2, 3, NAN, 5, 6], [NAN, 5, 6, NAN]),
        (3, [9, 1, 2, NAN, 4, 5, NAN], [4, 5, 9, 4]),
        (9, [1, 2], [1, 2, 1, 2]),
    ],
)
def test_point(season: int, history: list[float], expected: list[float]) -> None:
    forecast = Baseline("b", season).point(np.asarray(history, dtype=float), 4)
    np.testing.assert_array_equal(forecast, expected)


def test_last_value_intervals_widen_with_the_distance() -> None:
    # On a ramp every error at distance h is exactly h.
    quantiles = Baseline("last-value", 1).quantiles(RAMP, [0.1, 0.5, 0.9], 3)
    np.testing.assert_allclose(quantiles, [[6, 7, 8], [5, 7, 9], [4, 7, 10]])


def test_seasonal_intervals_grow_by_whole_seasons() -> None:
    quantiles = Baseline("seasonal-naive", 2).quantiles(RAMP, [0.05, 0.95], 3)
    np.testing.assert_allclose(quantiles, [[6 - 2, 6 + 2], [7 - 2, 7 + 2], [6 - 4, 6 + 4]])


def test_a_history_too_short_for_an_error_has_a_point_but_no_interval() -> None:
    quantiles = Baseline("seasonal-naive", 4).quantiles(
        np.array([1.0, 2.0, 3.0, 4.0]), [0.1, 0.5, 0.9], 2
    )
    np.testing.assert_array_equal(quantiles, [[NAN, 1, NAN], [NAN, 2, NAN]])


def test_without_a_season_only_the_last_value_is_left() -> None:
    assert [b.name for b in baselines(1)] == ["last-value"]
    assert [(b.name, b.season) for b in baselines(7)] == [("seasonal-naive", 7), ("last-value", 1)]
