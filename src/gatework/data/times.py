"""A column of the user's as time stamps, and stamps written back the way the user writes them."""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, final

import numpy as np
import polars as pl

from gatework.data.checks import Source
from gatework.data.frequency import Frequency
from gatework.data.numbers import sample
from gatework.errors import InputError

UTC: Final = "UTC"


@final
@dataclass(frozen=True)
class TimeStyle:
    """How the user writes time, so that forecasts are written alike.

    Kinds: "integer" counts steps; "date" and "datetime" are those types; "number" is an integer
    that spells a date (2024, 20240131); "text" is any other writing. `pattern` is strftime's,
    with %q for the quarter, and is used by the last two. `timezone` is set where stamps had one.
    """

    kind: Literal["integer", "date", "datetime", "number", "text"] = "datetime"
    pattern: str = ""
    timezone: str = ""

    def write(self, times: np.ndarray, name: str) -> pl.Series:
        """Return stamps (n,), datetime64[us] or int64, as a column called `name`."""
        stamps = pl.Series(name, times)
        if self.kind == "integer":
            return stamps
        if self.kind == "date":
            return stamps.dt.date()
        if self.kind == "datetime":
            if not self.timezone:
                return stamps
            return stamps.dt.replace_time_zone(self.timezone, ambiguous="earliest")
        quarter = stamps.dt.quarter().cast(pl.String)
        before, _, behind = self.pattern.partition("%q")
        text = stamps.dt.strftime(before) if before else pl.Series(name, [""] * len(times))
        if behind or "%q" in self.pattern:
            text = text + quarter + behind
        return text.cast(pl.Int64) if self.kind == "number" else text


class Times(NamedTuple):
    """Stamps (n,) datetime64[us] or int64, how they were written, and what was noticed."""

    stamps: np.ndarray
    style: TimeStyle
    notes: tuple[str, ...] = ()


class Writing(NamedTuple):
    """One way of writing a time: what it looks like, and how text like it is read and written."""

    regex: str
    pattern: str
    style: TimeStyle


DATETIME: Final = TimeStyle("datetime")
_CLOCK: Final = r"[ T]\d{1,2}:\d{2}"
WRITINGS: Final = (
    Writing(r"^\d{4}-\d{1,2}-\d{1,2}$", "%Y-%m-%d", TimeStyle("date")),
    Writing(rf"^\d{{4}}-\d{{2}}-\d{{2}}{_CLOCK}$", "%Y-%m-%d %H:%M", DATETIME),
    Writing(
        rf"^\d{{4}}-\d{{2}}-\d{{2}}{_CLOCK}:\d{{2}}(\.\d+)?$", "%Y-%m-%d %H:%M:%S%.f", DATETIME
    ),
    Writing(
        rf"^\d{{4}}-\d{{2}}-\d{{2}}{_CLOCK}(:\d{{2}}(\.\d+)?)? ?(Z|[+-]\d{{2}}:?\d{{2}})$",
        "%Y-%m-%d %H:%M:%S%.f%z",
        TimeStyle("datetime", timezone=UTC),
    ),
    Writing(r"^\d{4}-\d{1,2}$", "%Y-%m", TimeStyle("text", "%Y-%m")),
    Writing(r"^\d{4}-?Q[1-4]$", "%YQ%q", TimeStyle("text", "%YQ%q")),
    Writing(r"^\d{4}/\d{1,2}/\d{1,2}$", "%Y/%m/%d", TimeStyle("text", "%Y/%m/%d")),
    Writing(r"^[A-Za-z]{3,9} \d{4}$", "%b %Y", TimeStyle("text", "%b %Y")),
    Writing(r"^[A-Za-z]{3,9}-\d{4}$", "%b-%Y", TimeStyle("text", "%b-%Y")),
)
# Written day or month first: only the data can tell which.
SLASHED: Final = r"^\d{1,2}([/.-])\d{1,2}[/.-]\d{4}( \d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?)?$"
WHOLE: Final = r"^[+-]?\d+$"
COMPACT_DAY: Final = r"^(18|19|20|21)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$"
YEAR: Final = r"^(1[5-9]|2[01])\d{2}$"


def looks_like_time(column: pl.Series) -> bool:
    """Tell whether a column holds dates or times, by its type or by how its text is written."""
    if column.dtype.is_temporal():
        return column.dtype != pl.Duration
    if column.dtype != pl.String:
        return False
    cells = sample(column).str.strip_chars()
    if not len(cells):
        return False
    regexes = [*(writing.regex for writing in WRITINGS), SLASHED, COMPACT_DAY]
    return max(int(cells.str.contains(regex).sum()) for regex in regexes) > len(cells) / 2


def parse_times(column: pl.Series, source: Source, frequency: Frequency | None = None) -> Times:
    """Read a column of dates, datetimes, months, quarters, years or whole numbers.

    Whole numbers are steps, unless they spell days (20240131), or years in a column that says so
    by its name or by a yearly `frequency`.

    Raises:
        InputError: a cell is empty or no such time; the message names its row.
    """
    if column.null_count():
        row = int(column.is_null().arg_max() or 0)
        raise InputError(f"{source.cell(row, column.name)}: expected a time, found nothing")
    if column.dtype == pl.Date or column.dtype == pl.Datetime:
        return _from_typed(column, source)
    if column.dtype.is_integer():
        return _from_whole(column.cast(pl.String), source, frequency)
    if column.dtype.is_float() and bool((column == column.round()).all()):
        return _from_whole(column.cast(pl.Int64).cast(pl.String), source, frequency)
    if column.dtype != pl.String:
        raise InputError(
            f'{source.name}, column "{column.name}": expected dates, times or whole numbers, '
            f"found {column.dtype} values"
        )
    cells = column.str.strip_chars()
    if cells.str.contains(WHOLE).all():
        return _from_whole(cells, source, frequency)
    return _from_text(cells, source)


def _from_typed(column: pl.Series, source: Source) -> Times:
    if column.dtype == pl.Date:
        return Times(_numpy(column), TimeStyle("date"))
    zone = column.dtype.time_zone if isinstance(column.dtype, pl.Datetime) else None
    if zone is None:
        return Times(_numpy(column), TimeStyle("datetime"))
    local = column.dt.replace_time_zone(None)
    if (local == local.dt.truncate("1d")).all() and zone != UTC:
        # Local days have 23 or 25 hours at a change of clocks: only local dates are regular.
        note = f'column "{column.name}": midnights in {zone} are taken as dates there'
        return Times(_numpy(local), TimeStyle("datetime", timezone=zone), (note,))
    note = f'column "{column.name}" is in {zone}; it was converted to UTC'
    utc = column.dt.convert_time_zone(UTC).dt.replace_time_zone(None)
    notes = () if zone == UTC else (note,)
    return Times(_numpy(utc), TimeStyle("datetime", timezone=UTC), notes)


def _from_whole(cells: pl.Series, source: Source, frequency: Frequency | None) -> Times:
    named_year = "year" in cells.name.lower() or (
        frequency is not None and frequency.unit == "year"
    )
    for regex, pattern, wanted in (
        (COMPACT_DAY, "%Y%m%d", True),
        (YEAR, "%Y", named_year),
    ):
        if wanted and cells.str.contains(regex).all():
            padded = cells if pattern == "%Y%m%d" else cells + "0101"
            stamps = padded.str.to_datetime("%Y%m%d", strict=False, time_unit="us")
            _all_read(stamps, cells, source)
            return Times(_numpy(stamps), TimeStyle("number", pattern))
    whole = cells.cast(pl.Int64, strict=False)
    _all_read(whole, cells, source)
    return Times(whole.to_numpy(), TimeStyle("integer"))


def _from_text(cells: pl.Series, source: Source) -> Times:
    counts = [int(cells.str.contains(writing.regex).sum()) for writing in WRITINGS]
    slashed = int(cells.str.contains(SLASHED).sum())
    if slashed > max(counts):
        return _from_slashed(cells, source)
    if not max(counts):
        raise InputError(
            f'{source.cell(0, cells.name)}: expected a time such as "2024-01-31", '
            f'"2024-01-31 17:00", "2024-01", "2024Q1" or a whole number, found "{cells[0]}"'
        )
    writing = WRITINGS[counts.index(max(counts))]
    like = cells.str.contains(writing.regex)
    _all_like(like, cells, source)
    stamps = _read(cells, writing)
    _all_read(stamps, cells, source)
    notes: tuple[str, ...] = ()
    if writing.style.timezone:
        notes = (f'column "{cells.name}" has UTC offsets; it was converted to UTC',)
    style = writing.style
    if "q" in style.pattern and "-" in cells[0]:
        style = TimeStyle("text", "%Y-Q%q")
    return Times(_numpy(stamps), style, notes)


def _read(cells: pl.Series, writing: Writing) -> pl.Series:
    """Read text in one writing; what is no date becomes null."""
    pattern = writing.pattern
    if pattern == "%YQ%q":
        month = (cells.str.slice(-1).cast(pl.Int64) * 3 - 2).cast(pl.String)
        text, pattern = cells.str.slice(0, 4) + "-" + month + "-1", "%Y-%m-%d"
    elif pattern.startswith("%b"):
        text = cells.str.slice(0, 3) + " " + cells.str.slice(-4) + " 1"
        pattern = "%b %Y %d"
    elif pattern == "%Y-%m":
        text, pattern = cells + "-1", "%Y-%m-%d"
    else:
        text = cells.str.replace("T", " ", literal=True)
    if pattern.endswith("%z"):
        text = text.str.replace(r" ?Z$", "+0000").str.replace(r" ([+-]\d\d:?\d\d)$", "$1")
        text = text.str.replace(r"^(\S+ \d{1,2}:\d{2})([+-])", "$1:00$2")
        return text.str.to_datetime(pattern, strict=False, time_unit="us").dt.replace_time_zone(
            None
        )
    return text.str.to_datetime(pattern, strict=False, time_unit="us")


def _from_slashed(cells: pl.Series, source: Source) -> Times:
    _all_like(cells.str.contains(SLASHED), cells, source)
    mark = cells[0].lstrip("0123456789")[0]
    text = cells.str.replace_all(r"[/.-]", mark)
    suffix = ("", " %H:%M", " %H:%M:%S")[cells[0].count(":")]
    if cells[0][-1] in "mM":
        suffix = suffix.replace("%H", "%I") + (" %p" if cells[0][-3] == " " else "%p")
    read = {}
    for words, order in (("day first", "%d{0}%m{0}%Y"), ("month first", "%m{0}%d{0}%Y")):
        pattern = order.format(mark) + suffix
        stamps = text.str.to_datetime(pattern, strict=False, time_unit="us")
        if not stamps.null_count():
            read[words] = (stamps, pattern)
    if len(read) != 1:
        problem = "can be read both day first and month first" if read else "are no dates"
        row = 0 if read else int(stamps.is_null().arg_max() or 0)
        raise InputError(
            f'{source.cell(row, cells.name)}: times like "{cells[row]}" {problem}; '
            f"write them as 2024-01-31"
        )
    [(words, (stamps, pattern))] = read.items()
    note = f'column "{cells.name}" is written {words}, as in "{cells[0]}"'
    return Times(_numpy(stamps), TimeStyle("text", pattern), (note,))


def _all_like(like: pl.Series, cells: pl.Series, source: Source) -> None:
    if not like.all():
        row = int((~like).arg_max() or 0)
        example = cells[int(like.arg_max() or 0)]
        raise InputError(
            f'{source.cell(row, cells.name)}: expected a time written like "{example}", '
            f'found "{cells[row]}"'
        )


def _all_read(read: pl.Series, cells: pl.Series, source: Source) -> None:
    if read.null_count():
        row = int(read.is_null().arg_max() or 0)
        raise InputError(
            f'{source.cell(row, cells.name)}: expected a time, found "{cells[row]}", '
            f"which does not exist"
        )


def _numpy(stamps: pl.Series) -> np.ndarray:
    return stamps.cast(pl.Datetime("us")).to_numpy()
