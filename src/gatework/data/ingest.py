"""From the user's frame to a panel: columns found, cells read, rows checked, grid laid."""

import os
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gatework.data.checks import Source, counted, listed, near_names
from gatework.data.columns import Columns, find_columns
from gatework.data.frames import to_polars
from gatework.data.frequency import Frequency
from gatework.data.grid import Grid, Rows, check_sparse, find_frequency, lay, settle, show
from gatework.data.numbers import parse_numbers
from gatework.data.panel import Panel, PanelSchema, Series
from gatework.data.season import find_season
from gatework.data.times import TimeStyle, parse_times
from gatework.errors import InputError


class _Read(NamedTuple):
    rows: Rows
    style: TimeStyle
    notes: tuple[str, ...]


def to_panel(  # noqa: PLR0913 (the words of a data scientist's call, all optional, all by name)
    frame: Any,
    *,
    id_col: str | None = None,
    time_col: str | None = None,
    target_col: str | None = None,
    frequency: str | int | Frequency | None = None,
    season: int | None = None,
    source: str | os.PathLike[str] = "data frame",
    schema: PanelSchema | None = None,
) -> Panel:
    """Read a long table (one row for each series and time) as series on a regular grid.

    Columns default to unique_id, ds and y; those absent are found from the data where only one
    fits. Without an id column the table is one series. What was found or repaired is in the
    panel's `notes`.

    Args:
        frame: a polars, pandas or pyarrow frame.
        id_col: the column that names the series.
        time_col: the column of dates, times or whole numbers.
        target_col: the column of numbers to forecast.
        frequency: the step between stamps ("D", "15min", "MS", 1); found from the data if None.
        season: the season in steps, 1 for none; found from the data if None.
        source: what messages call the table, such as the file's name.
        schema: what the data must agree with, from a panel read before.

    Raises:
        InputError: the table cannot be read so; the message names the row and column.

    Example:
        >>> months = [f"20{year}-{month:02}" for year in range(10, 14) for month in range(1, 13)]
        >>> table = pl.DataFrame({"Month": months, "Sales": [float(i % 12) for i in range(48)]})
        >>> panel = to_panel(table)
        >>> panel.columns, str(panel.frequency), panel.season
        (Columns(id=None, time='Month', target='Sales'), 'MS', 12)
    """
    given = to_polars(frame)
    where = Source.of(source)
    if given.frame.height == 0:
        raise InputError(
            f"{where.name} has no rows, only the columns {listed(given.frame.columns)}"
        )
    asked = (id_col, time_col, target_col)
    if schema is None:
        columns, found = find_columns(given.frame, asked, where.name)
    else:
        columns, found = _schema_columns(given.frame, asked, schema, where.name), ()
    wanted = None if frequency is None else Frequency.parse(frequency)
    if schema is not None:
        if wanted not in (None, schema.frequency):
            raise InputError(
                f"the model was trained with frequency {schema.frequency}, not {wanted}"
            )
        wanted = schema.frequency
    read = _read_rows(given.frame, columns, where, wanted)
    if schema is not None:
        settled, grid = _lay_as_before(read, schema)
    else:
        settled, grid = _lay_new(read.rows, wanted)
    _check_series(read.rows, grid, columns.target, learns=schema is None)
    values = [grid.values[a:b] for a, b in zip(grid.offsets, grid.offsets[1:], strict=False)]
    if season is not None and season < 1:
        raise InputError(f"the season must be 1 step (none) or more, not {season}")
    length = season or (find_season(values, settled) if schema is None else schema.season)
    series = tuple(
        Series(series_id, grid.times[a:b], part)
        for series_id, part, a, b in zip(
            read.rows.ids, values, grid.offsets, grid.offsets[1:], strict=False
        )
    )
    choices = _choice_notes(settled, wanted, length, season or (schema and schema.season))
    shape = f"{len(series)} series, {counted(len(read.rows.times), 'row')}"
    id_is_integer = columns.id is not None and given.frame[columns.id].dtype.is_integer()
    return Panel(
        series=series,
        frequency=settled,
        season=length,
        columns=columns,
        notes=(shape, *found, *choices, *read.notes, *grid.notes, *_value_notes(grid, read.rows)),
        time=read.style,
        id_kind="integer" if id_is_integer else "text",
        given=given.kind,
    )


def _schema_columns(
    frame: pl.DataFrame, asked: tuple[str | None, ...], schema: PanelSchema, name: str
) -> Columns:
    known = schema.columns
    columns = Columns(asked[0] or known.id, asked[1] or known.time, asked[2] or known.target)
    for column in (columns.id, columns.time, columns.target):
        if column is not None and column not in frame.columns:
            raise InputError(
                f'{name} has no column "{column}", which the model was trained with; it has '
                f"{listed(frame.columns, most=20)}{near_names(column, frame.columns)}"
            )
    return columns


def _read_rows(
    frame: pl.DataFrame, columns: Columns, source: Source, wanted: Frequency | None
) -> _Read:
    used = [name for name in (columns.id, columns.time, columns.target) if name is not None]
    notes = []
    unused = [name for name in frame.columns if name not in used]
    if unused:
        notes.append(f"columns not used: {listed(unused)}")
    table = frame.select(used)
    blank = table.select(pl.all_horizontal(_is_blank(table[name]) for name in used)).to_series()
    if blank.any():
        notes.append(f"{counted(int(blank.sum()), 'empty row')} left out")
        table = table.filter(~blank)
        source = Source(source.name, source.first_row, np.flatnonzero(~blank.to_numpy()))
        if not table.height:
            raise InputError(f"{source.name} has only empty rows")
    times = parse_times(table[columns.time], source, wanted)
    numbers = parse_numbers(table[columns.target], source)
    ids, codes = _codes(table, columns, source)
    order = np.lexsort((times.stamps, codes))
    rows = Rows(
        codes[order],
        times.stamps[order],
        numbers.values[order],
        order,
        ids,
        source,
        columns.time,
    )
    same = np.diff(rows.codes) == 0
    _refuse_duplicates(rows, same, columns)
    if (np.diff(order)[same] < 0).any():
        notes.append("rows were not in order of time; they were sorted")
    return _Read(rows, times.style, (*notes, *times.notes, *numbers.notes))


def _is_blank(column: pl.Series) -> pl.Series:
    if column.dtype == pl.String:
        return column.is_null() | (column.str.strip_chars() == "")
    return column.is_null()


def _codes(
    table: pl.DataFrame, columns: Columns, source: Source
) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the ids in order of appearance, and for each row (n,) which of them it has."""
    if columns.id is None:
        return (columns.target,), np.zeros(table.height, np.int64)
    column = table[columns.id]
    absent = _is_blank(column)
    if absent.any():
        row = int(absent.arg_max() or 0)
        raise InputError(f"{source.cell(row, columns.id)}: expected the series' id, found nothing")
    ids = column.cast(pl.String).alias("id")
    unique = ids.unique(maintain_order=True).to_frame().with_row_index("code")
    codes = ids.to_frame().join(unique, on="id", how="left", maintain_order="left")["code"]
    return tuple(unique["id"]), codes.cast(pl.Int64).to_numpy()


def _refuse_duplicates(rows: Rows, same: np.ndarray, columns: Columns) -> None:
    twice = same & (rows.times[1:] == rows.times[:-1])
    if not twice.any():
        return
    row = int(np.argmax(twice))
    stamp = show(rows.times[row])
    pair = sorted(int(place) for place in rows.order[row : row + 2])
    first, second = (rows.source.row(place) for place in pair)
    which, advice = "", "if the table holds several series, name the column that tells them apart"
    if columns.id is not None:
        which = f' of series "{rows.ids[rows.codes[row]]}"'
        advice = "keep one row for each series and time"
    raise InputError(
        f"{second}: the time {stamp}{which} is there already ({first.split(', ', 1)[1]}); "
        f"{counted(int(twice.sum()), 'row')} in all like it; {advice}"
    )


def _lay_new(rows: Rows, wanted: Frequency | None) -> tuple[Frequency, Grid]:
    if wanted is not None:
        frequency = settle(wanted, rows)
        return frequency, lay(rows, frequency, given="asked for")
    frequency = find_frequency(rows)
    grid = lay(rows, frequency, given="found from the data")
    check_sparse(rows, frequency, expected="the most common step")
    return frequency, grid


def _lay_as_before(read: _Read, schema: PanelSchema) -> tuple[Frequency, Grid]:
    if (read.style.kind == "integer") != (schema.time.kind == "integer"):
        kinds = ("dates or times", "whole numbers")
        is_integer = read.style.kind == "integer"
        raise InputError(
            f'{read.rows.source.name}, column "{read.rows.time_column}" holds {kinds[is_integer]}; '
            f"the model was trained with {kinds[not is_integer]}"
        )
    grid = lay(read.rows, schema.frequency, given="as in training")
    check_sparse(read.rows, schema.frequency, expected="as in training")
    return schema.frequency, grid


def _check_series(rows: Rows, grid: Grid, target: str, *, learns: bool) -> None:
    """Refuse series without anything to learn from, or, where none is learnt, to go on from."""
    name = rows.source.name
    lengths = np.diff(grid.offsets)
    short = np.flatnonzero(lengths < 2)
    if learns and len(short):
        raise InputError(
            f"{name}: {counted(len(short), 'series')} of {len(lengths)} too short (2 rows are the "
            f"least): {listed([rows.ids[i] for i in short])}"
        )
    low, high = _ranges(grid)
    empty = np.flatnonzero(np.isnan(low))
    if len(empty):
        raise InputError(
            f'{name}, column "{target}" has not a single value'
            if len(low) == 1
            else f"{name}: {counted(len(empty), 'series')} of {len(lengths)} without a single "
            f"value: {listed([rows.ids[i] for i in empty])}"
        )
    if learns and (low == high).all():
        raise InputError(
            f"{name}: the target never changes (always {low[0]:g}), so there is nothing to learn"
            if len(low) == 1
            else f"{name}: none of the {len(low)} series ever changes, so there is nothing to learn"
        )


def _ranges(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Return the smallest and largest value of each series, (S,) each, NaN if all are missing."""
    starts = grid.offsets[:-1]
    return np.fmin.reduceat(grid.values, starts), np.fmax.reduceat(grid.values, starts)


def _choice_notes(
    frequency: Frequency, wanted: Frequency | None, season: int, asked: int | None
) -> tuple[str, ...]:
    by = "given" if wanted is not None else "found from the data"
    length = f"season of {season} {frequency.noun}s" if season > 1 else "no season"
    return (
        f"frequency: {frequency.words} ({by})",
        f"{length} ({'given' if asked else 'found from the data'})",
    )


def _value_notes(grid: Grid, rows: Rows) -> tuple[str, ...]:
    notes = []
    missing = int(np.isnan(rows.values).sum())
    if missing:
        notes.append(f"{missing} of {counted(len(rows.values), 'target value')} missing")
    low, high = _ranges(grid)
    constant = np.flatnonzero(low == high)
    if len(constant):
        notes.append(
            f"{len(constant)} of {len(low)} series never change: "
            f"{listed([rows.ids[i] for i in constant])}"
        )
    ends = np.isnan(grid.values[grid.offsets[1:] - 1])
    if ends.any():
        notes.append(f"{int(ends.sum())} of {len(low)} series end in missing values")
    return tuple(notes)
