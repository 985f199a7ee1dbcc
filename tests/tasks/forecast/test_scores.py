"""The table tells the truth, also when Gatework loses."""

import math

import numpy as np
import pytest

from gatework.data import Columns, Frequency, Panel, Series
from gatework.tasks.forecast.evaluation import (
    Window,
    compare,
    interval_probabilities,
    last_windows,
    probabilities_of,
    score,
)
from gatework.tasks.forecast.scores import Scores

LEVELS = (80.0,)
PROBABILITIES = probabilities_of(LEVELS)


def make_panel(*values: list[float], season: int = 2) -> Panel:
    series = tuple(
        Series(f"s{number}", np.arange(len(each)), np.array(each, dtype=float))
        for number, each in enumerate(values)
    )
    return Panel(series, Frequency("index"), season, Columns("unique_id", "ds", "y"))


def judge(panel: Panel, windows: tuple[Window, ...], point: float) -> Scores:
    quantiles = np.full((len(windows), 2, 3), point) + np.array([-1.0, 0.0, 1.0])
    test = compare(panel, windows, quantiles, PROBABILITIES)
    return score(test, LEVELS, series_count=len(panel))


def test_levels_become_quantiles_without_rounding_noise() -> None:
    assert interval_probabilities(80) == (0.1, 0.9)
    assert probabilities_of((80, 95)) == (0.025, 0.1, 0.5, 0.9, 0.975)


def test_last_windows_end_at_the_end_and_skip_what_cannot_be_judged() -> None:
    nan = math.nan
    panel = make_panel([1, 2, 3, 4, 5, 6], [1, 2], [1, 2, 3, 4, nan, nan])
    windows = last_windows(panel, 2, count=2, step=2)
    assert windows == (Window(0, 2), Window(0, 4), Window(2, 2))


@pytest.mark.parametrize(
    ("point", "words"),
    [
        (3.0, "Gatework beats seasonal naive"),
        (9.0, "Gatework loses to seasonal naive"),
    ],
)
def test_the_verdict_says_who_won(point: float, words: str) -> None:
    # Seasonal naive says 1, 2 where 3, 3 comes: an error of 1.5; last value says 2: an error of 1.
    panel = make_panel([1, 2, 5, 0, 3, 0, 3, 3])
    scores = judge(panel, (Window(0, 6),), point)
    assert scores.verdict().startswith(words)
    assert [row["method"] for row in scores.records()] == [
        "gatework",
        "seasonal-naive",
        "last-value",
    ]


def test_scores_by_hand() -> None:
    # Before the cut |y_t - y_(t-2)| is 4, 2, 2, 0; the forecast is 1 off at both steps.
    scores = judge(make_panel([1, 2, 5, 0, 3, 0, 3, 5]), (Window(0, 6),), 4.0)
    row = scores.methods[0]
    assert (row.mae, row.rmse, row.mase) == pytest.approx((1.0, 1.0, 0.5))
    assert row.intervals[0].coverage == 100.0
    assert row.intervals[0].width == pytest.approx(2.0)


def test_the_table_fits_a_narrow_terminal_and_names_both_yardsticks_of_mase() -> None:
    panel = make_panel([1, 2, 5, 0, 3, 0, 3, 5])
    scores = judge(panel, (Window(0, 6),), 4.0)
    # The steps before the cut are 1, 3, 5, 3, 3.
    assert scores.methods[0].mase_step == pytest.approx(1 / 3)
    head, *rows = str(scores).splitlines()
    assert head.split() == ["Gatework", "seasonal", "naive", "last", "value"]
    assert rows[0].split() == ["MASE", "(m=2)", "0.500", "1.250", "2.000"]
    assert rows[1].split()[:3] == ["MASE", "(m=1)", "0.333"]
    assert max(map(len, [head, *rows[:7]])) <= 60
    test = compare(panel, (Window(0, 6),), np.full((1, 2, 3), 4.0), PROBABILITIES, lag=1)
    assert str(score(test, LEVELS, series_count=1)).count("MASE (m=1)") == 1


def test_a_constant_history_has_no_mase_and_spoils_no_average() -> None:
    panel = make_panel([1, 2, 5, 0, 3, 0, 3, 5], [7, 7, 7, 7, 7, 7, 7, 8])
    windows = (Window(0, 6), Window(1, 6))
    scores = judge(panel, windows, 4.0)
    assert scores.methods[0].mase == pytest.approx(0.5)
    assert scores.unscaled == 1
    assert "MASE is undefined for 1 of them" in str(scores)


def test_without_any_mase_the_verdict_rests_on_the_mean_error() -> None:
    scores = judge(make_panel([7, 7, 7, 7, 7, 7, 7, 8]), (Window(0, 6),), 7.0)
    assert math.isnan(scores.methods[0].mase)
    assert "undefined" in str(scores)
    assert scores.verdict().startswith("Gatework and seasonal naive tie (MAE")


def test_each_series_counts_alike() -> None:
    panel = make_panel([0, 0, 1, 1, 0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0, 1, 1, 0, 0])
    windows = (Window(0, 4), Window(0, 6), Window(0, 8), Window(1, 8))
    scores = judge(panel, windows, 0.0)
    assert scores.methods[0].mase == pytest.approx(((0 + 1 + 0) / 3 + 0) / 2)
