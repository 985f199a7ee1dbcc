"""Calendar facts on days whose name is known."""

import numpy as np
import pytest

from gatework.data.calendar import (
    features,
    long_season,
    steps_per_day,
    steps_per_week,
    yearly_keys,
)
from gatework.data.frequency import Frequency

DAY = Frequency("day")
HOUR = Frequency("hour")


def days(*text: str) -> np.ndarray:
    return np.array(text, "datetime64[us]")


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("month_day", days("1970-12-25", "1987-12-25", "1988-12-25")),
        ("nth_weekday", days("1986-11-27", "1987-11-26", "1988-11-24")),  # Thanksgiving
        ("nth_weekday", days("1986-09-01", "1987-09-07", "1988-09-05")),  # Labor Day
        ("nth_last_weekday", days("1986-05-26", "1987-05-25", "1988-05-30")),  # Memorial Day
    ],
)
def test_a_special_day_keeps_its_key(name: str, same: np.ndarray) -> None:
    assert len(set(yearly_keys(same, DAY)[name])) == 1


def test_a_key_comes_once_a_year_at_most() -> None:
    stamps = np.arange("1967-01-01", "1989-01-01", dtype="datetime64[D]")
    for name, key in yearly_keys(stamps, DAY).items():
        for year in range(1967, 1989):
            within = key[stamps.astype("datetime64[Y]") == np.datetime64(str(year))]
            assert len(set(within)) == len(within), (name, year)


def test_leap_day_has_its_own_key_and_moves_no_other() -> None:
    key = yearly_keys(days("1987-03-01", "1988-02-29", "1988-03-01"), DAY)["month_day"]
    assert key[0] == key[2] != key[1]


def test_hours_carry_their_time_of_day() -> None:
    key = yearly_keys(days("1987-12-25T05", "1988-12-25T05", "1988-12-25T06"), HOUR)["month_day"]
    assert key[0] == key[1] != key[2]


def test_stamps_before_1970_have_the_right_weekday() -> None:
    monday = features(days("1968-01-01", "2024-01-01"), DAY)[:, -7:]
    np.testing.assert_array_equal(monday, [[1, 0, 0, 0, 0, 0, 0]] * 2)


@pytest.mark.parametrize(
    ("frequency", "width"),
    [("D", 13), ("B", 13), ("h", 19), ("15min", 19), ("W", 4), ("MS", 4), ("QS", 4), ("YS", 0)],
)
def test_width_follows_from_the_unit(frequency: str, width: int) -> None:
    stamps = days("2024-01-01", "2024-12-31T23:59:59", "1969-06-30")
    result = features(stamps, Frequency.parse(frequency))
    assert result.shape == (3, width)
    assert np.abs(result).max(initial=0) <= 1


def test_an_index_has_no_calendar() -> None:
    assert features(np.arange(5), Frequency("index")).shape == (5, 0)
    assert yearly_keys(np.arange(5), Frequency("index")) == {}


@pytest.mark.parametrize(
    ("frequency", "season", "a_day", "a_week", "longer"),
    [
        ("D", 7, 1, 7, 364),
        ("D", 1, 1, 7, None),
        ("B", 5, 1, 5, None),
        ("h", 24, 24, 168, 168),
        ("30min", 48, 48, 336, 336),
        ("7min", 1, None, None, None),
        ("W", 52, None, 1, None),
        ("MS", 12, None, None, None),
        ("1", 24, None, None, 168),
    ],
)
def test_seasons(
    frequency: str, season: int, a_day: int | None, a_week: int | None, longer: int | None
) -> None:
    parsed = Frequency.parse(frequency)
    assert steps_per_day(parsed) == a_day
    assert steps_per_week(parsed) == a_week
    assert long_season(parsed, season) == longer
