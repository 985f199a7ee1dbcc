"""The step from one stamp of a series to the next, by the clock or by the calendar."""

import re
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, final

import numpy as np

from gatework.errors import InputError

Unit = Literal[
    "index",
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "business",
    "week",
    "month",
    "quarter",
    "year",
]

DAY_US: Final = 86_400_000_000
UNIT_US: Final = {
    "millisecond": 1_000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": DAY_US,
    "week": 7 * DAY_US,
}
UNIT_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
WEEKDAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
# The cycles people live by: minute, hour, day, week.
CYCLES_US: Final = (60_000_000, 3_600_000_000, DAY_US, 7 * DAY_US)
# A longer season needs more history than anyone keeps at that rate.
MOST_SEASON: Final = 11_000

# Case matters: pandas has MS (month start) and ms, polars has m (minute) where pandas had M.
ALIASES: Final[dict[str, tuple[Unit, int | None]]] = {
    **dict.fromkeys(("ms", "L", "millisecond"), ("millisecond", None)),
    **dict.fromkeys(("s", "S", "second"), ("second", None)),
    **dict.fromkeys(("min", "m", "T", "minute"), ("minute", None)),
    **dict.fromkeys(("h", "H", "hour", "hourly"), ("hour", None)),
    **dict.fromkeys(("D", "d", "day", "daily"), ("day", None)),
    **dict.fromkeys(("B", "b", "business", "business day"), ("business", None)),
    **dict.fromkeys(("W", "w", "week", "weekly"), ("week", None)),
    **dict.fromkeys(("M", "mo", "month", "monthly"), ("month", None)),
    **dict.fromkeys(("Q", "q", "quarter", "quarterly"), ("quarter", None)),
    **dict.fromkeys(("Y", "y", "A", "year", "yearly"), ("year", None)),
    **{f"W-{name}": ("week", day) for day, name in enumerate(WEEKDAYS)},
    "MS": ("month", 1),
    "ME": ("month", 31),
    "QS": ("quarter", 1),
    "QE": ("quarter", 31),
    **dict.fromkeys(("YS", "AS"), ("year", 1)),
    "YE": ("year", 31),
}
CODES: Final[dict[str, str]] = {
    "index": "",
    "millisecond": "ms",
    "second": "s",
    "minute": "min",
    "hour": "h",
    "day": "D",
    "business": "B",
    "week": "W",
    "month": "M",
    "quarter": "Q",
    "year": "Y",
}


class Ticks(NamedTuple):
    """Stamps as whole numbers of a unit; two stamps share a grid only if their phases agree."""

    number: np.ndarray
    phase: np.ndarray


@final
@dataclass(frozen=True)
class Frequency:
    """A regular grid of stamps: `step` units from one to the next.

    `anchor` is the day of the month for months, quarters and years (31 means the last day), the
    weekday for weeks (0 is Monday), and None where the stamps themselves decide. The unit
    "index" is for integer times; "business" is Monday to Friday, holidays included.

    Raises:
        InputError: the unit is unknown, the step is below 1, or the anchor is no such day.

    Example:
        >>> frequency = Frequency("month", anchor=31)
        >>> frequency.after(np.datetime64("2024-01-31"), 2).astype("datetime64[D]").tolist()
        [datetime.date(2024, 2, 29), datetime.date(2024, 3, 31)]
        >>> str(frequency), Frequency.parse("15min")
        ('ME', Frequency(unit='minute', step=15, anchor=None))
    """

    unit: Unit
    step: int = 1
    anchor: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no grid can have."""
        if self.unit not in CODES:
            raise InputError(f'frequency unit "{self.unit}" is not one of: {", ".join(CODES)}')
        if self.step < 1:
            raise InputError(f"a frequency's step must be 1 or more, not {self.step}")
        if self.anchor is not None:
            days = range(7) if self.unit == "week" else range(1, 32)
            if self.anchor not in days or self.unit not in ("week", *UNIT_MONTHS):
                raise InputError(f'frequency "{self.unit}" cannot have the anchor {self.anchor}')

    @classmethod
    def parse(cls, text: "str | int | Frequency") -> "Frequency":
        """Read a pandas or polars alias ("D", "15min", "MS", "1mo"), or a whole number for index.

        The month in "QS-FEB" or "YE-DEC" is taken from the data, so it is not kept.

        Raises:
            InputError: the text is no frequency.
        """
        if isinstance(text, Frequency):
            return text
        code = re.sub(r"^((?:\d+)?[QYA][SE]?)-[A-Z]{3}$", r"\1", str(text).strip())
        exact = re.fullmatch(r"(\d*)([MQY])@(\d{1,2})", code)
        if exact:
            unit, _ = ALIASES[exact[2]]
            return cls(unit, int(exact[1] or 1), int(exact[3]))
        match = re.fullmatch(r"(\d*)\s*(\D*)", code)
        step, alias = (match[1], match[2]) if match else ("", code)
        if step and not alias:
            return cls("index", int(step))
        if alias not in ALIASES and alias.endswith("s") and alias[:-1] in CODES:
            alias = alias[:-1]
        if alias not in ALIASES:
            raise InputError(
                f'frequency "{text}" is not known; expected one like "h", "15min", "D", "B" '
                f'(business days), "W", "MS" (month start), "ME" (month end), "QS", "YS", '
                f"or a whole number where times are integers"
            )
        unit, anchor = ALIASES[alias]
        return cls(unit, int(step or 1), anchor)

    def __str__(self) -> str:
        """Return the code that `parse` reads back."""
        step = str(self.step) if self.step > 1 or self.unit == "index" else ""
        code = CODES[self.unit]
        if self.anchor is None:
            return step + code
        if self.unit == "week":
            return f"{step}W-{WEEKDAYS[self.anchor]}"
        suffix = {1: "S", 31: "E"}.get(self.anchor, f"@{self.anchor}")
        return step + code + suffix

    def to_json(self) -> str:
        """Return what a config file holds: the code of `parse`."""
        return str(self)

    @property
    def words(self) -> str:
        """The frequency as a person says it: `hourly`, `every 15 minutes`."""
        unit = {"index": "step", "business": "business day"}.get(self.unit, self.unit)
        if self.step > 1:
            return f"every {self.step} {unit}s"
        adverbs = {"day": "daily", "index": "every step", "business": "every business day"}
        return adverbs.get(
            self.unit, f"every {unit}" if unit.endswith(("second", "minute")) else f"{unit}ly"
        )

    @property
    def noun(self) -> str:
        """What one grid point is called when counted: `day`, `month`, `step`."""
        if self.step > 1 or self.unit == "index":
            return "step"
        return "business day" if self.unit == "business" else self.unit

    @property
    def stride(self) -> int:
        """The step in the numbers of `ticks` (months for quarters and years)."""
        return self.step * UNIT_MONTHS.get(self.unit, 1)

    @property
    def seasonal_candidates(self) -> tuple[int, ...]:
        """Season lengths worth testing, in steps, shortest first."""
        calendar = {"month": (12,), "quarter": (12,), "year": (12,), "week": (52,)}
        calendar |= {"business": (5,), "day": (7, 365), "index": ()}
        cycles, step = calendar.get(self.unit, CYCLES_US), self.stride
        if cycles is CYCLES_US:
            step = UNIT_US[self.unit] * self.step
        found = (cycle // step for cycle in cycles if cycle % step == 0)
        return tuple(season for season in found if 1 < season <= MOST_SEASON)

    def ticks(self, times: np.ndarray) -> Ticks:
        """Number stamps (n,) on this unit's own scale; a phase of -1 is on no grid at all."""
        if self.unit == "index":
            return Ticks(times.astype(np.int64), np.zeros(len(times), np.int64))
        us = times.astype("datetime64[us]").astype(np.int64)
        day, time_of_day = us // DAY_US, us % DAY_US
        weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
        if self.unit == "business":
            number = (day + 3) // 7 * 5 + np.minimum(weekday, 4)
            return Ticks(number, np.where(weekday > 4, -1, time_of_day))
        if self.unit in UNIT_MONTHS:
            return self._month_ticks(times, time_of_day)
        size = UNIT_US[self.unit]
        phase = us % size
        if self.anchor is not None:
            phase = np.where(weekday == self.anchor, phase, -1)
        return Ticks(us // size, phase)

    def _month_ticks(self, times: np.ndarray, time_of_day: np.ndarray) -> Ticks:
        months = times.astype("datetime64[M]")
        day = (times.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64) + 1
        if self.anchor is None:
            return Ticks(months.astype(np.int64), day * DAY_US + time_of_day)
        wanted = np.minimum(self.anchor, days_in_month(months))
        phase = np.where(day == wanted, self.anchor * DAY_US + time_of_day, -1)
        return Ticks(months.astype(np.int64), phase)

    def stamps(self, number: np.ndarray, phase: np.ndarray) -> np.ndarray:
        """Undo `ticks`: stamps (n,) as datetime64[us], or int64 for the unit "index"."""
        if self.unit == "index":
            return number.astype(np.int64)
        if self.unit == "business":
            us = (number // 5 * 7 + number % 5 - 3) * DAY_US + phase
        elif self.unit in UNIT_MONTHS:
            months = number.astype("datetime64[M]")
            day = np.minimum(phase // DAY_US, days_in_month(months))
            first = months.astype("datetime64[D]").astype(np.int64)
            us = (first + day - 1) * DAY_US + phase % DAY_US
        else:
            us = number * UNIT_US[self.unit] + phase
        return us.astype("datetime64[us]")

    def after(self, last: np.datetime64 | int, n: int) -> np.ndarray:
        """Return the `n` stamps that follow `last`, shape (n,)."""
        tick = self._one(last)
        number = tick.number + self.stride * np.arange(1, n + 1)
        return self.stamps(number, np.broadcast_to(tick.phase, (n,)))

    def range(self, first: np.datetime64 | int, last: np.datetime64 | int) -> np.ndarray:
        """Return the grid's stamps from `first` up to `last`, both included when on the grid."""
        tick, end = self._one(first), self.ticks(np.asarray([last]))
        count = int((end.number[0] - tick.number[0]) // self.stride) + 1
        number = tick.number + self.stride * np.arange(max(count, 0))
        stamps = self.stamps(number, np.broadcast_to(tick.phase, number.shape))
        return stamps[stamps <= np.asarray(last).astype(stamps.dtype)]

    def index_of(self, times: np.ndarray, first: np.datetime64 | int | None = None) -> np.ndarray:
        """Return how many steps each of `times` (n,) lies after `first` (default: `times[0]`).

        Raises:
            InputError: a stamp lies off the grid; the message names it.
        """
        if len(times) == 0:
            return np.zeros(0, np.int64)
        start = times[0] if first is None else first
        if self.unit in UNIT_MONTHS and self.anchor is None:
            day = int(self._one(start).phase[0] // DAY_US)
            return Frequency(self.unit, self.step, day).index_of(times, start)
        origin, tick = self._one(start), self.ticks(times)
        gone = tick.number - origin.number
        off = (tick.phase != origin.phase) | (gone % self.stride != 0)
        if off.any():
            stamp = times[int(np.argmax(off))]
            raise InputError(f"{stamp} does not lie on the {self.words} grid from {start}")
        return gone // self.stride

    def _one(self, stamp: np.datetime64 | int) -> Ticks:
        tick = self.ticks(np.asarray([stamp]))
        if tick.phase[0] < 0:
            raise InputError(f"{stamp} does not lie on a grid of frequency {self}")
        return tick


def days_in_month(months: np.ndarray) -> np.ndarray:
    """Return the number of days (n,) int64 in each datetime64[M]."""
    following = (months + np.timedelta64(1, "M")).astype("datetime64[D]")
    return (following - months.astype("datetime64[D]")).astype(np.int64)
