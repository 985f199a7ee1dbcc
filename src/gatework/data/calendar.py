"""Calendar covariates of regular time stamps: what the date alone tells about a value.

Knows nothing of countries, holidays or series. Two kinds of facts: smooth ones that a network
reads as numbers (`features`), and yearly identities (`yearly_keys`): a stamp with the same
identity came once in each earlier year, so past behaviour on fixed ("25 December") and floating
("fourth Thursday of November") special days can be looked up.
"""

import math
from typing import Final

import numpy as np

from gatework.data.frequency import Frequency

_DAY_US: Final = 86_400_000_000
_DAILY: Final = ("day", "business")
_CLOCK_US: Final = {
    "millisecond": 1_000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
}
_EPOCH_WEEKDAY: Final = 3  # 1970-01-01 was a Thursday; Monday is 0


def steps_per_day(frequency: Frequency) -> int | None:
    """Return how many steps make a day (1 for daily), or None where no whole number does."""
    if frequency.unit in _DAILY:
        return 1 if frequency.step == 1 else None
    length = _CLOCK_US.get(frequency.unit, _DAY_US + 1) * frequency.step
    return _DAY_US // length if _DAY_US % length == 0 else None


def steps_per_week(frequency: Frequency) -> int | None:
    """Return how many steps make a week (5 for business days), or None where no whole number
    does."""
    if frequency.unit == "week":
        return 1 if frequency.step == 1 else None
    per_day = steps_per_day(frequency)
    return None if per_day is None else per_day * (5 if frequency.unit == "business" else 7)


def long_season(frequency: Frequency, season: int) -> int | None:
    """Return the longer period that goes with `season`, in steps, or None.

    A daily cycle goes with the weekly one (24 hours: 168); a weekly cycle of days with the year of
    52 whole weeks (364, which keeps the weekday). An integer index is taken to be sub-daily from
    season 24 on.
    """
    if frequency.unit == "day" and season == 7:
        return 364
    if frequency.unit in _CLOCK_US and season == steps_per_day(frequency):
        return 7 * season
    if frequency.unit == "index" and season >= 24:
        return 7 * season
    return None


def features(times: np.ndarray, frequency: Frequency) -> np.ndarray:
    """Return smooth calendar covariates.

    Args:
        times: (n,) datetime64 stamps, or integers for an index frequency.
        frequency: the grid the stamps lie on; it decides which cycles exist.

    Returns:
        (n, F) float32. F is fixed by the frequency's unit: 0 for "index" and "year", else sines
        and cosines of the position in each cycle that is longer than a step, and one column a
        weekday where a step is a day or less.

    Example:
        >>> import numpy as np
        >>> from gatework.data.frequency import Frequency
        >>> days = np.array(["2024-02-29", "2024-03-01"], "datetime64[D]")
        >>> features(days, Frequency("day")).shape
        (2, 13)
    """
    if frequency.unit in ("index", "year"):
        return np.zeros((len(times), 0), np.float32)
    stamps = times.astype("datetime64[us]")
    days = stamps.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    years = days.astype("datetime64[Y]")
    year_length = (years + 1).astype("datetime64[D]") - years.astype("datetime64[D]")
    of_year = (days - years.astype("datetime64[D]")) / year_length
    columns = [*_waves(of_year, 2)]
    if frequency.unit in (*_DAILY, *_CLOCK_US):
        of_month = (days - months.astype("datetime64[D]")) / _month_days(months)
        columns += _waves(of_month, 1)
        weekday = _weekday(days)
        columns += [(weekday == number).astype(float) for number in range(7)]
        if frequency.unit in _CLOCK_US:
            of_day = (stamps - days).astype("timedelta64[us]").astype(np.int64) / _DAY_US
            columns += _waves(of_day, 3)
    return np.stack(columns, axis=1).astype(np.float32)


def feature_words(frequency: Frequency) -> tuple[str, ...]:
    """Return a word for each column of `features`.

    Example:
        >>> from gatework.data.frequency import Frequency
        >>> feature_words(Frequency("month"))
        ('year sin 1', 'year cos 1', 'year sin 2', 'year cos 2')
    """
    if frequency.unit in ("index", "year"):
        return ()
    words = _wave_words("year", 2)
    if frequency.unit in (*_DAILY, *_CLOCK_US):
        words += _wave_words("month", 1)
        words += ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
        if frequency.unit in _CLOCK_US:
            words += _wave_words("day", 3)
    return words


def yearly_keys(times: np.ndarray, frequency: Frequency) -> dict[str, np.ndarray]:
    """Return the yearly identities of stamps: same key, same special day of another year.

    - `month_day`: month and day of the month; leap-safe, 29 February is its own key.
    - `nth_weekday`: month, weekday, and which one of the month it is from the front.
    - `nth_last_weekday`: the same counted from the end of the month.

    Weeks have `month_week` alone; steps below a day carry their time of day in the key.

    Args:
        times: (n,) datetime64 stamps.
        frequency: the grid the stamps lie on.

    Returns:
        A dict of (n,) int64 arrays, keys >= 0; empty where the unit has no yearly identity beyond
        its season (index, month, quarter, year, or a step that does not divide a day).
    """
    if frequency.unit == "week":
        months = times.astype("datetime64[D]").astype("datetime64[M]")
        day = _day_of_month(times.astype("datetime64[D]"), months)
        return {"month_week": _month(months) * 5 + day // 7}
    slots = steps_per_day(frequency)
    if slots is None:
        return {}
    stamps = times.astype("datetime64[us]")
    days = stamps.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    day = _day_of_month(days, months)
    left = _month_days(months).astype(np.int64) - 1 - day
    month, weekday = _month(months), _weekday(days)
    by_day = {
        "month_day": month * 31 + day,
        "nth_weekday": (month * 5 + day // 7) * 7 + weekday,
        "nth_last_weekday": (month * 5 + left // 7) * 7 + weekday,
    }
    of_day = (stamps - days).astype("timedelta64[us]").astype(np.int64)
    slot = of_day * slots // _DAY_US
    return {name: key * slots + slot for name, key in by_day.items()}


def _wave_words(cycle: str, count: int) -> tuple[str, ...]:
    """The words of `_waves`."""
    return tuple(f"{cycle} {wave} {k}" for k in range(1, count + 1) for wave in ("sin", "cos"))


def _waves(phase: np.ndarray, harmonics: int) -> list[np.ndarray]:
    angles = [2 * math.pi * order * phase for order in range(1, harmonics + 1)]
    return [wave(angle) for angle in angles for wave in (np.sin, np.cos)]


def _weekday(days: np.ndarray) -> np.ndarray:
    """Monday is 0."""
    return (days.astype(np.int64) + _EPOCH_WEEKDAY) % 7


def _month(months: np.ndarray) -> np.ndarray:
    return months.astype(np.int64) % 12


def _day_of_month(days: np.ndarray, months: np.ndarray) -> np.ndarray:
    """From 0."""
    return (days - months.astype("datetime64[D]")).astype(np.int64)


def _month_days(months: np.ndarray) -> np.ndarray:
    return (months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")
