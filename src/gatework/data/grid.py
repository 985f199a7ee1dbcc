"""Finding the frequency of sorted stamps, and laying the values of all series on its grid."""

from typing import NamedTuple

import numpy as np

from gatework.data.checks import Source, counted, listed
from gatework.data.frequency import DAY_US, UNIT_MONTHS, UNIT_US, Frequency, days_in_month
from gatework.errors import InputError

# A grid with more than this many points for each row is a wrong stamp, not a series with gaps.
MOST_POINTS_A_ROW = 50


class Rows(NamedTuple):
    """A long table sorted by series and time.

    `codes` (n,) numbers the series from 0 in order, `times` (n,) are datetime64[us] or int64,
    `values` (n,) float64, `order` (n,) the row of the source each came from.
    """

    codes: np.ndarray
    times: np.ndarray
    values: np.ndarray
    order: np.ndarray
    ids: tuple[str, ...]
    source: Source
    time_column: str

    @property
    def starts(self) -> np.ndarray:
        """The first row of each series, (S,)."""
        return np.flatnonzero(np.diff(self.codes, prepend=-1))

    def name(self, row: int) -> str:
        """Name the time cell of a row for a message."""
        return self.source.cell(int(self.order[row]), self.time_column)


class Grid(NamedTuple):
    """All series on the grid, end to end: `offsets` (S + 1,) cuts `times` and `values` (N,)."""

    times: np.ndarray
    values: np.ndarray
    offsets: np.ndarray
    notes: tuple[str, ...]


def find_frequency(rows: Rows) -> Frequency:
    """Return the most common step between the stamps of a series, in the unit that fits.

    Raises:
        InputError: no series has two stamps, or the step is below a millisecond.
    """
    within = np.diff(rows.codes) == 0
    if not within.any():
        raise InputError(
            f"{rows.source.name}: every series has a single row, so the frequency cannot be "
            f"found; give it, as in frequency D"
        )
    if rows.times.dtype.kind == "i":
        return Frequency("index", _mode(np.diff(rows.times)[within]))
    us = rows.times.astype(np.int64)
    step = _mode(np.diff(us)[within])
    times_of_day = us % DAY_US
    same_time = bool((np.diff(times_of_day)[within] == 0).all())
    if step % DAY_US == 0 and same_time:
        return _by_calendar(rows, within) or _by_days(us, within, step // DAY_US)
    for unit in ("day", "hour", "minute", "second", "millisecond"):
        if step % UNIT_US[unit] == 0:
            return Frequency(unit, step // UNIT_US[unit])
    raise InputError(
        f"{rows.source.name}: the usual step of {step} microseconds is below a millisecond; "
        f"number the steps with whole numbers instead"
    )


def _mode(steps: np.ndarray) -> int:
    values, counts = np.unique(steps, return_counts=True)
    return int(values[np.argmax(counts)])


def _by_calendar(rows: Rows, within: np.ndarray) -> Frequency | None:
    """Return months, quarters or years if all stamps lie on one day of the month, else None."""
    if _mode(np.diff(rows.times.astype("datetime64[D]").astype(np.int64))[within]) < 28:
        return None
    anchor = _month_anchor(rows.times)
    if (Frequency("month", anchor=anchor).ticks(rows.times).phase < 0).any():
        return None
    step = _mode(np.diff(rows.times.astype("datetime64[M]").astype(np.int64))[within])
    if step % 12 == 0:
        return Frequency("year", step // 12, anchor)
    if step % 3 == 0:
        return Frequency("quarter", step // 3, anchor)
    return Frequency("month", step, anchor)


def _month_anchor(times: np.ndarray) -> int:
    """Return the day of the month that stamps share, 31 if each is the last of its month."""
    months = times.astype("datetime64[M]")
    days = times.astype("datetime64[D]") - months.astype("datetime64[D]")
    day = days.astype(np.int64) + 1
    return 31 if (day == days_in_month(months)).all() else int(day.max())


def settle(frequency: Frequency, rows: Rows) -> Frequency:
    """Check a frequency that was asked for, and take the day of the month from the data.

    Raises:
        InputError: a calendar frequency was asked for integer times, or the reverse.
    """
    if (frequency.unit == "index") != (rows.times.dtype.kind == "i"):
        found = "whole numbers" if rows.times.dtype.kind == "i" else "dates or times"
        wanted = "a whole number" if rows.times.dtype.kind == "i" else 'one like "D" or "h"'
        raise InputError(
            f'{rows.source.name}, column "{rows.time_column}" holds {found}, so the frequency '
            f'cannot be "{frequency}"; expected {wanted}'
        )
    if frequency.unit in UNIT_MONTHS and frequency.anchor is None:
        return Frequency(frequency.unit, frequency.step, _month_anchor(rows.times))
    return frequency


def _by_days(us: np.ndarray, within: np.ndarray, step: int) -> Frequency:
    if step == 1:
        weekday = (us // DAY_US + 3) % 7
        over_weekend = within & (weekday[:-1] == 4) & (weekday[1:] == 0)
        if over_weekend.any() and (weekday < 5).all():
            return Frequency("business")
    return Frequency("week", step // 7) if step % 7 == 0 else Frequency("day", step)


def lay(rows: Rows, frequency: Frequency, *, given: str) -> Grid:
    """Put the rows on the grid of `frequency`; points without a row are missing.

    Args:
        rows: the sorted rows, without duplicates.
        frequency: the grid's step.
        given: who chose the frequency, as messages say it: "found from the data", "asked for".

    Raises:
        InputError: a stamp lies off the grid, or the grid is far larger than the data.
    """
    starts = rows.starts
    counts = np.diff(starts, append=len(rows.times))
    number, phase = frequency.ticks(rows.times)
    gone = number - np.repeat(number[starts], counts)
    off = (phase != np.repeat(phase[starts], counts)) | (phase < 0) | (gone % frequency.stride != 0)
    if off.any():
        raise InputError(_off_message(rows, frequency, off, given))
    position = gone // frequency.stride
    lengths = position[starts + counts - 1] + 1
    _check_density(rows, frequency, position, lengths, counts)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if offsets[-1] == len(rows.times):
        return Grid(rows.times, rows.values, offsets, ())
    values = np.full(offsets[-1], np.nan)
    values[np.repeat(offsets[:-1], counts) + position] = rows.values
    steps = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    numbers = np.repeat(number[starts], lengths) + steps * frequency.stride
    times = frequency.stamps(numbers, np.repeat(phase[starts], lengths))
    gaps = int((np.diff(position) > 1).sum())
    noun = frequency.noun + "s"
    note = (
        f"{counted(gaps, 'gap')}, {offsets[-1] - len(rows.times)} of {offsets[-1]} {noun} missing"
    )
    return Grid(times, values, offsets, (note,))


def _off_message(rows: Rows, frequency: Frequency, off: np.ndarray, given: str) -> str:
    code = rows.codes[int(np.argmax(off))]
    series = np.flatnonzero(rows.codes == code)
    first, bad = int(series[0]), int(np.argmax(off))
    # When most of the series disagrees with its first stamp, that stamp is the stray one.
    if frequency.ticks(rows.times[bad : bad + 1]).phase[0] < 0:
        return (
            f"{rows.name(bad)}: {show(rows.times[bad])} does not lie on a grid of frequency "
            f'"{frequency}" ({given}); correct the row or the frequency'
        )
    if off[first] or off[series].sum() > len(series) / 2:
        return (
            f"{rows.name(first)}: {show(rows.times[first])} does not lie on the {frequency.words} "
            f"grid ({given}) of the rows after it; correct the row or give the frequency"
        )
    which = f' of series "{rows.ids[code]}"' if len(rows.ids) > 1 else ""
    return (
        f"{rows.name(bad)}: {show(rows.times[bad])} does not lie on the {frequency.words} grid "
        f"({given}){which} that begins at {show(rows.times[first])}; correct the row or give "
        f"the frequency"
    )


def _check_density(
    rows: Rows,
    frequency: Frequency,
    position: np.ndarray,
    lengths: np.ndarray,
    counts: np.ndarray,
) -> None:
    if lengths.sum() > MOST_POINTS_A_ROW * len(rows.times) + 1000:
        row = int(np.argmax(np.where(np.diff(rows.codes) == 0, np.diff(position), 0)))
        raise InputError(
            f"{rows.name(row + 1)}: {show(rows.times[row + 1])} follows {show(rows.times[row])}, "
            f"which leaves {position[row + 1] - position[row] - 1} {frequency.noun}s without a "
            f"row; correct the row or give the frequency"
        )


def check_sparse(rows: Rows, frequency: Frequency, *, expected: str) -> None:
    """Refuse series in which no two stamps are one step apart: theirs is another frequency.

    Args:
        rows: the sorted rows, all on the grid.
        frequency: the step that was expected of them.
        expected: where it comes from, as the message says it.

    Raises:
        InputError: there are such series.
    """
    number, _ = frequency.ticks(rows.times)
    within = np.diff(rows.codes) == 0
    steps = np.where(within, np.diff(number), np.iinfo(np.int64).max)
    starts = rows.starts
    counts = np.diff(starts, append=len(number))
    smallest = np.minimum.reduceat(np.append(steps, np.iinfo(np.int64).max), starts)
    # The last entry of each series' run is the step to the next series, masked above.
    sparse = np.flatnonzero((smallest > frequency.stride) & (counts > 2))
    if len(sparse):
        first = int(starts[sparse[0]])
        raise InputError(
            f"{rows.source.name}: expected {frequency.words} stamps ({expected}), but in "
            f"{listed([rows.ids[code] for code in sparse])} the next stamp after "
            f"{show(rows.times[first])} is {show(rows.times[first + 1])}"
        )


def show(stamp: np.datetime64 | np.int64) -> str:
    """Return a stamp as people write it: no T, and no clock at midnight."""
    text = str(stamp)
    if "T" not in text:
        return text
    return text.replace("T", " ").removesuffix(".000000").removesuffix(" 00:00:00")
