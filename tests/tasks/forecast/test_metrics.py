"""Every score against numbers worked out by hand."""

import math

import numpy as np
import pytest

from gatework.tasks.forecast import metrics

NAN = math.nan


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("scale m=1", metrics.mase_scale([1, 3, 2, 6], 1), 7 / 3),
        ("scale m=2", metrics.mase_scale([1, 3, 2, 6], 2), 2.0),
        ("scale skips missing pairs", metrics.mase_scale([1, NAN, 2, 6], 1), 4.0),
        ("mae", metrics.mae([1, 2, 3], [2, 2, 1]), 1.0),
        ("mae masked", metrics.mae([1, NAN, 3], [2, 2, 1]), 1.5),
        ("rmse", metrics.rmse([1, 2, 3], [1, 2, 6]), math.sqrt(3)),
        ("mase", metrics.mase([2, 4], [3, 3], 2.0), 0.5),
        ("smape", metrics.smape([100, 50], [300, 50]), 50.0),
        ("smape both zero", metrics.smape([0, 100], [0, 300]), 50.0),
        ("smape masked", metrics.smape([100, NAN], [300, 1]), 100.0),
        ("smape opposite signs", metrics.smape([1], [-1]), 200.0),
        ("pinball under", metrics.pinball([10], [8], 0.9), 1.8),
        ("pinball over", metrics.pinball([10], [12], 0.9), 0.2),
        (
            "coverage counts the edges",
            metrics.coverage([1, 2, 3, 4], [1, 0, 4, 0], [2, 2, 5, 3]),
            50.0,
        ),
        ("coverage masked", metrics.coverage([1, NAN], [0, 0], [2, 2]), 100.0),
        ("width masked", metrics.mean_width([1, NAN], [0, 0], [2, 9]), 2.0),
        ("msis inside", metrics.msis([3], [1], [5], level=90, scale=2.0), 2.0),
        ("msis below", metrics.msis([0], [1], [5], level=90, scale=2.0), (4 + 20 * 1) / 2),
        ("msis above", metrics.msis([6], [1], [5], level=50, scale=1.0), 4 + 4 * 1),
    ],
)
def test_hand_numbers(name: str, value: float, expected: float) -> None:
    assert value == pytest.approx(expected), name


def test_weighted_quantile_loss_by_hand() -> None:
    # p=.1: 10 vs 8 and 20 vs 18 lose .2 each; p=.9: 10 vs 12 loses .2, 20 vs 19 loses .9.
    quantiles = [[8, 12], [18, 19]]
    expected = (2 * 0.4 / 30 + 2 * 1.1 / 30) / 2
    assert metrics.weighted_quantile_loss([10, 20], quantiles, [0.1, 0.9]) == pytest.approx(
        expected
    )
    masked = metrics.weighted_quantile_loss([10, 20, NAN], [*quantiles, [0, 0]], [0.1, 0.9])
    assert masked == pytest.approx(expected)


@pytest.mark.parametrize("history", [[5.0] * 9, [1.0, 2.0, 1.0, 2.0, 1.0, 2.0], [1.0], [NAN] * 9])
def test_a_history_without_a_yardstick_is_undefined(history: list[float]) -> None:
    assert math.isnan(metrics.mase_scale(history, 2))


def test_nothing_observed_is_nan_and_not_zero() -> None:
    empty = np.array([NAN, NAN])
    assert math.isnan(metrics.mae(empty, [1, 2]))
    assert math.isnan(metrics.coverage(empty, [0, 0], [1, 1]))
    assert math.isnan(metrics.weighted_quantile_loss(empty, [[1], [1]], [0.5]))
    assert math.isnan(metrics.weighted_quantile_loss([0.0], [[1.0]], [0.5]))
