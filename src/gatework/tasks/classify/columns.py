"""Which columns of a table are what: said by the user, or found from names and contents."""

import dataclasses
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from gatework.data.checks import listed
from gatework.data.numbers import looks_numeric
from gatework.data.rows import Rows
from gatework.data.series_rows import ID_NAMES, TIME_NAMES, SeriesColumns
from gatework.data.text_rows import (
    LABEL_NAMES,
    TEXT_NAMES,
    TextColumns,
    find_named,
    find_text_column,
    require_column,
)
from gatework.errors import InputError

VARIABLE_NAMES: Final = ("variable", "parameter", "name", "event", "item")
VALUE_NAMES: Final = ("value", "val", "result", "amount")
Kind = Literal["text", "series", "events", "wide"]


@dataclass(frozen=True)
class DataOptions:
    """Which columns of the data are what; None is found from the data.

    Args:
        label: Column of the labels.
        text: Column of the texts.
        id: Column that names the sequences.
        time: Column of the times of a recording's steps.
        statics: Columns of numbers that do not change in a recording, apart by commas.
        kind: What the table holds: text, series (a row a step), events (a row a value, with columns
            `variable` and `value`), or wide (a row a series).
        separator: What stands between several labels in one cell, such as ;
    """

    label: str | None = None
    text: str | None = None
    id: str | None = None
    time: str | None = None
    statics: str | None = None
    kind: Kind | None = None
    separator: str | None = None


def choose_columns(
    rows: Rows, options: DataOptions, *, labelled: bool
) -> TextColumns | SeriesColumns:
    """Settle the columns of a table.

    Args:
        rows: The table.
        options: What the user said.
        labelled: Whether there has to be a column of labels.

    Raises:
        InputError: A named column is absent, or one that is needed cannot be told.
    """
    frame, name = rows.frame, rows.source.name
    statics = tuple(part.strip() for part in (options.statics or "").split(",") if part.strip())
    for role in ("label", "text", "id", "time"):
        wanted = getattr(options, role)
        if wanted is not None:
            require_column(frame.columns, wanted, role, name)
    for wanted in statics:
        require_column(frame.columns, wanted, "statics", name)
    label = options.label or find_named(frame.columns, LABEL_NAMES)
    if label is None and labelled:
        raise InputError(
            f"{name} has no column of labels that can be told by its name; name it with the option "
            f"label; it has {listed(frame.columns, most=20)}"
        )
    kind = options.kind or _find_kind(frame, options, label)
    if kind == "text":
        text = options.text or find_text_column(frame, [label, options.id])
        if text is None:
            held = listed(frame.columns, most=20)
            raise InputError(f"{name} has no column of texts; it has {held}")
        return TextColumns(text, label, options.id)
    if kind == "wide":
        return _wide(frame, options, label, name)
    return _long(frame, options, SeriesColumns(None, None, label, (), statics), kind, name)


def _long(
    frame: pl.DataFrame, options: DataOptions, columns: SeriesColumns, kind: Kind, name: str
) -> SeriesColumns:
    rest = [each for each in frame.columns if each not in (columns.label, *columns.statics)]
    identity = options.id or find_named(rest, ID_NAMES)
    if identity is None:
        raise InputError(
            f"{name} has no column that names the recording of a row; name it with the option id; "
            f"it has {listed(frame.columns, most=20)}"
        )
    rest = [column for column in rest if column != identity]
    time = options.time or find_named(rest, TIME_NAMES)
    rest = [column for column in rest if column != time]
    columns = dataclasses.replace(columns, id=identity, time=time)
    if kind == "events":
        return _events(frame, columns, rest, name)
    features = tuple(column for column in rest if looks_numeric(frame[column]))
    if not features:
        raise _none_of_numbers(frame, name)
    return dataclasses.replace(columns, features=features)


def _none_of_numbers(frame: pl.DataFrame, name: str) -> InputError:
    held = listed(frame.columns, most=20)
    return InputError(f"{name} has no column of numbers; it has {held}")


def _find_kind(frame: pl.DataFrame, options: DataOptions, label: str | None) -> Kind:
    free = [column for column in frame.columns if column not in (label, options.id)]
    if options.text is not None or find_named(free, TEXT_NAMES):
        return "text"
    identity = options.id or find_named(free, ID_NAMES)
    repeats = identity is not None and frame[identity].n_unique() < frame.height
    if repeats and find_named(free, VARIABLE_NAMES) and find_named(free, VALUE_NAMES):
        return "events"
    if options.time is not None or repeats:
        return "series"
    numeric = [column for column in free if looks_numeric(frame[column])]
    return "wide" if len(numeric) > max(1, len(free) // 2) else "text"


def _wide(frame: pl.DataFrame, options: DataOptions, label: str | None, name: str) -> SeriesColumns:
    out = (label, options.id)
    features = tuple(
        column for column in frame.columns if column not in out and looks_numeric(frame[column])
    )
    if not features:
        raise _none_of_numbers(frame, name)
    return SeriesColumns(None, None, label, features)


def _events(
    frame: pl.DataFrame, columns: SeriesColumns, rest: list[str], name: str
) -> SeriesColumns:
    variable, value = find_named(rest, VARIABLE_NAMES), find_named(rest, VALUE_NAMES)
    if variable is None or value is None or columns.time is None:
        raise InputError(
            f"{name}: events need columns time, variable and value; it has "
            f"{listed(frame.columns, most=20)}"
        )
    known = frame[variable].cast(pl.String).str.strip_chars().drop_nulls().unique().sort()
    names = tuple(each for each in known.to_list() if each)
    return dataclasses.replace(columns, features=names, variable=variable, value=value)
