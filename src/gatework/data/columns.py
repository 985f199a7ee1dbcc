"""Which column is the id, the time and the target, said by the user or found in the data."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import polars as pl

from gatework.data.checks import listed, near_names
from gatework.data.numbers import looks_numeric
from gatework.data.times import looks_like_time
from gatework.errors import InputError

DEFAULT_ID = "unique_id"
DEFAULT_TIME = "ds"
DEFAULT_TARGET = "y"


@final
@dataclass(frozen=True)
class Columns:
    """The user's names for the three columns of a long table; `id` is None for one series."""

    id: str | None
    time: str
    target: str


class FoundColumns(NamedTuple):
    """The columns, and one line for each choice that the user did not make."""

    columns: Columns
    notes: tuple[str, ...]


def find_columns(frame: pl.DataFrame, asked: Sequence[str | None], name: str) -> FoundColumns:
    """Settle the columns of `frame`.

    Args:
        frame: the table.
        asked: the (id, time, target) columns the user named, None where not.
        name: what messages call the table.

    Raises:
        InputError: a named column is absent, or an unnamed one cannot be told from the data.
    """
    _check_asked(frame, asked, name)
    id_col, time_col, target_col = asked
    named = [column for column in asked if column is not None]
    notes = []
    if id_col is None and DEFAULT_ID in frame.columns and DEFAULT_ID not in named:
        id_col = DEFAULT_ID
    taken = {id_col, time_col, target_col, DEFAULT_TARGET if target_col is None else None}
    if time_col is None:
        time_col = _find_time(frame, taken, name)
        if time_col != DEFAULT_TIME:
            notes.append(f'the time is column "{time_col}" (found from the data)')
    if target_col is None:
        target_col = _find_target(frame, {id_col, time_col}, name)
        if target_col != DEFAULT_TARGET:
            notes.append(f'the target is column "{target_col}" (found from the data)')
    if id_col is None:
        id_col = _find_id(frame, time_col, target_col)
        if id_col is not None:
            notes.append(f'the id is column "{id_col}" (found from the data: times repeat)')
    return FoundColumns(Columns(id_col, time_col, target_col), tuple(notes))


def _check_asked(frame: pl.DataFrame, asked: Sequence[str | None], name: str) -> None:
    for option, column in zip(("id", "time", "target"), asked, strict=True):
        if column is not None and column not in frame.columns:
            raise InputError(
                f'{name} has no column "{column}" for the {option}; it has '
                f"{listed(frame.columns, most=20)}{near_names(column, frame.columns)}"
            )
    named = [column for column in asked if column is not None]
    if len(set(named)) < len(named):
        raise InputError(f"{name}: the id, time and target must be different columns, not {named}")


def _find_time(frame: pl.DataFrame, taken: set[str | None], name: str) -> str:
    if DEFAULT_TIME in frame.columns and DEFAULT_TIME not in taken:
        return DEFAULT_TIME
    free = [column for column in frame.columns if column not in taken]
    dated = [column for column in free if looks_like_time(frame[column])]
    found = dated or [column for column in free if _is_count(frame[column])]
    if len(found) == 1:
        return found[0]
    problem = f"could each be it: {listed(found)}" if found else "none looks like dates or times"
    raise InputError(
        f'{name} has no column "{DEFAULT_TIME}" for the time, and of its columns '
        f"({listed(frame.columns, most=20)}) {problem}; name the time column"
    )


def _find_target(frame: pl.DataFrame, taken: set[str | None], name: str) -> str:
    if DEFAULT_TARGET in frame.columns and DEFAULT_TARGET not in taken:
        return DEFAULT_TARGET
    free = [column for column in frame.columns if column not in taken]
    if len(free) == 1:
        return free[0]
    found = [column for column in free if looks_numeric(frame[column])]
    if len(found) > 1:
        # Row numbers are often saved with a table, and nobody forecasts them.
        found = [column for column in found if not _is_count(frame[column])]
    if len(found) == 1:
        return found[0]
    problem = f"could each be it: {listed(found)}" if found else "none holds numbers"
    raise InputError(
        f'{name} has no column "{DEFAULT_TARGET}" for the target, and of its other columns '
        f"({listed(free, most=20)}) {problem}; name the target column"
    )


def _find_id(frame: pl.DataFrame, time_col: str, target_col: str) -> str | None:
    """Return the one column that tells repeated times apart, if there is just one."""
    if not frame[time_col].is_duplicated().any():
        return None
    found = []
    for column in frame.columns:
        if column in (time_col, target_col) or frame[column].dtype.is_float():
            continue
        # Names repeat: a column that is nearly unique is a remark or a second value.
        repeats = frame[column].n_unique() * 2 <= frame.height
        if repeats and not frame.select(column, time_col).is_duplicated().any():
            found.append(column)
    return found[0] if len(found) == 1 else None


def _is_count(column: pl.Series) -> bool:
    """Tell whether whole numbers rise by the same step from row to row."""
    if column.dtype == pl.String:
        column = column.str.strip_chars().cast(pl.Int64, strict=False)
    if not column.dtype.is_integer() or column.null_count() or len(column) < 3:
        return False
    steps = column.cast(pl.Int64).diff().drop_nulls()
    return steps.n_unique() == 1 and bool(steps[0] > 0)
