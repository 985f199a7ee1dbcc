"""Frequencies: their names, their grids and the calendar."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatework.data import Frequency
from gatework.data.frequency import UNIT_MONTHS
from gatework.errors import InputError

FREQUENCIES = [
    Frequency("index"),
    Frequency("index", 3),
    Frequency("millisecond", 10),
    Frequency("second"),
    Frequency("minute", 15),
    Frequency("hour"),
    Frequency("hour", 6),
    Frequency("day"),
    Frequency("day", 2),
    Frequency("business"),
    Frequency("business", 2),
    Frequency("week"),
    Frequency("week", 2, 6),
    Frequency("month"),
    Frequency("month", 1, 1),
    Frequency("month", 1, 31),
    Frequency("month", 2, 15),
    Frequency("quarter", 1, 31),
    Frequency("quarter", 1, 1),
    Frequency("year", 1, 1),
    Frequency("year", 5, 31),
]


@pytest.mark.parametrize("frequency", FREQUENCIES, ids=str)
def test_its_code_reads_back(frequency):
    assert Frequency.parse(str(frequency)) == frequency
    assert Frequency.parse(frequency.to_json()) == frequency


@pytest.mark.parametrize(
    ("alias", "frequency"),
    [
        ("D", Frequency("day")),
        ("1d", Frequency("day")),
        ("daily", Frequency("day")),
        ("H", Frequency("hour")),
        ("15min", Frequency("minute", 15)),
        ("15 minutes", Frequency("minute", 15)),
        ("15m", Frequency("minute", 15)),
        ("15T", Frequency("minute", 15)),
        ("MS", Frequency("month", 1, 1)),
        ("ME", Frequency("month", 1, 31)),
        ("M", Frequency("month")),
        ("1mo", Frequency("month")),
        ("ms", Frequency("millisecond")),
        ("W", Frequency("week")),
        ("W-SUN", Frequency("week", 1, 6)),
        ("QE-DEC", Frequency("quarter", 1, 31)),
        ("QS-OCT", Frequency("quarter", 1, 1)),
        ("YS-JAN", Frequency("year", 1, 1)),
        ("Y", Frequency("year")),
        ("B", Frequency("business")),
        ("1", Frequency("index")),
        (2, Frequency("index", 2)),
        (Frequency("hour"), Frequency("hour")),
    ],
)
def test_aliases_of_pandas_and_polars(alias, frequency):
    assert Frequency.parse(alias) == frequency


@pytest.mark.parametrize("text", ["", "fortnight", "0D", "-1D", "D2", "M@32", "0"])
def test_no_frequency(text):
    with pytest.raises(InputError):
        Frequency.parse(text)


def test_units_steps_and_anchors_are_checked():
    for wrong in (("decade", 1, None), ("day", 0, None), ("day", 1, 3), ("week", 1, 7)):
        with pytest.raises(InputError):
            Frequency(*wrong)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("code", "last", "expected"),
    [
        ("D", "2024-02-28", ["2024-02-29", "2024-03-01"]),
        ("h", "2024-12-31T23", ["2025-01-01T00", "2025-01-01T01"]),
        ("15min", "2024-01-01T23:45", ["2024-01-02T00:00", "2024-01-02T00:15"]),
        ("B", "2024-01-04", ["2024-01-05", "2024-01-08"]),
        ("2B", "2024-01-04", ["2024-01-08", "2024-01-10"]),
        ("W", "2024-01-03", ["2024-01-10", "2024-01-17"]),
        ("MS", "2024-12-01", ["2025-01-01", "2025-02-01"]),
        ("ME", "2023-01-31", ["2023-02-28", "2023-03-31"]),
        ("M@30", "2023-01-30", ["2023-02-28", "2023-03-30"]),
        ("M", "2023-01-15T06", ["2023-02-15T06", "2023-03-15T06"]),
        ("QE", "2023-12-31", ["2024-03-31", "2024-06-30"]),
        ("Y", "2024-02-29", ["2025-02-28", "2026-02-28"]),
        ("B", "1969-12-25", ["1969-12-26", "1969-12-29"]),
    ],
)
def test_stamps_after(code, last, expected):
    after = Frequency.parse(code).after(np.datetime64(last), 2)
    assert after.dtype == "datetime64[us]"
    assert after.tolist() == np.array(expected, "datetime64[us]").tolist()


def test_a_stamp_off_every_grid_is_refused():
    with pytest.raises(InputError, match="2024-01-06 does not lie on a grid of frequency B"):
        Frequency("business").after(np.datetime64("2024-01-06"), 1)
    with pytest.raises(InputError, match="frequency ME"):
        Frequency("month", 1, 31).after(np.datetime64("2024-01-30"), 1)


@pytest.mark.parametrize("frequency", FREQUENCIES, ids=str)
@given(place=st.integers(-300, 300), n=st.integers(1, 40))
def test_index_of_undoes_after(frequency, place, n):
    origin = np.datetime64("1970-01-04")
    if frequency.unit in UNIT_MONTHS:
        # Without an anchor the stamps decide, and only a day that every month has can.
        origin = np.datetime64("1970-01-01") + (frequency.anchor or 15) - 1
    if frequency.unit == "business":
        origin = np.datetime64("1970-01-02")
    first = place if frequency.unit == "index" else origin
    if place > 0:
        first = frequency.after(first, place)[-1]
    following = frequency.after(first, n)
    np.testing.assert_array_equal(frequency.index_of(following, first), np.arange(1, n + 1))
    np.testing.assert_array_equal(frequency.range(following[0], following[-1]), following)
    assert (np.diff(following.astype(np.int64)) > 0).all()


def test_index_of_names_a_stamp_off_the_grid():
    times = np.array(["2024-01-01", "2024-01-02", "2024-01-03T05"], "datetime64[s]")
    with pytest.raises(InputError, match="2024-01-03T05:00:00 does not lie on the daily"):
        Frequency("day").index_of(times)


@pytest.mark.parametrize(
    ("code", "seasons"),
    [
        ("h", (24, 168)),
        ("6h", (4, 28)),
        ("D", (7, 365)),
        ("B", (5,)),
        ("W", (52,)),
        ("MS", (12,)),
        ("QE", (4,)),
        ("Y", ()),
        ("1", ()),
        ("15min", (4, 96, 672)),
        ("min", (60, 1440, 10080)),
    ],
)
def test_seasonal_candidates(code, seasons):
    assert Frequency.parse(code).seasonal_candidates == seasons


def test_words():
    words = {"D": "daily", "h": "hourly", "15min": "every 15 minutes", "min": "every minute"}
    words |= {"B": "every business day", "ME": "monthly", "YS": "yearly", "1": "every step"}
    for code, text in words.items():
        assert Frequency.parse(code).words == text
