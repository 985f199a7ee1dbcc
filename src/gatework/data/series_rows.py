"""Recordings from rows of a table: a row for each step (long), for each event, or each series."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, final

import numpy as np
import polars as pl

from gatework.data.checks import Source, counted, listed, near_names
from gatework.data.labelled import Recordings
from gatework.data.labels import Kind, Label, parse_labels
from gatework.data.numbers import looks_numeric, parse_numbers
from gatework.data.rows import Rows
from gatework.data.times import parse_times
from gatework.errors import InputError

ID_NAMES: Final = ("id", "unique_id", "series", "series_id", "case", "case_id", "patient", "record")
TIME_NAMES: Final = ("time", "t", "ds", "timestamp", "date", "datetime", "step")
_HOUR: Final = 3_600_000_000  # in microseconds


@final
@dataclass(frozen=True)
class SeriesColumns:
    """Which columns of a table are what.

    Args:
        id: Names the recording a row is of; None: every row is a recording (a wide table).
        time: When it was; None: rows follow on each other one step apart.
        label: The label, the same in all rows of a recording.
        features: The numbers; of events, the variables there may be.
        statics: Numbers that do not change in a recording.
        variable: Of events, which variable a row is of; None: each variable has its own column.
        value: Of events, its value.
    """

    id: str | None
    time: str | None
    label: str | None
    features: tuple[str, ...]
    statics: tuple[str, ...] = ()
    variable: str | None = None
    value: str | None = None


class Arranged(NamedTuple):
    """The rows of a long table by recording and time.

    Attributes:
        ids: The recordings in order of appearance.
        codes: (n,) which of them each row is of.
        times: (n,) when each row was, in hours where times are dates; None: there are no times.
        order: (n,) the rows sorted by recording, then time.
        steps: (n,) which step each of the sorted rows is of, counted through all recordings.
    """

    ids: tuple[str, ...]
    codes: np.ndarray
    times: np.ndarray | None
    order: np.ndarray
    steps: np.ndarray

    @property
    def firsts(self) -> np.ndarray:
        """(N,) the row of each step, or the first of its rows."""
        return self.order[np.unique(self.steps, return_index=True)[1]]


def to_recordings(
    rows: Rows, columns: SeriesColumns, *, separator: str | None = None
) -> Recordings:
    """Read the recordings of some rows.

    Rows that are not in order of time are sorted; rows of the same recording and time are averaged;
    both are reported.

    Raises:
        InputError: A column is absent or holds no numbers, or a recording has two labels.
    """
    _require(rows, columns)
    if columns.id is None:
        return _wide(rows, columns, separator)
    frame, source = rows.frame, rows.source
    notes: list[str] = []
    arranged = arrange(rows, columns, notes)
    ids, codes, times, order, _ = arranged
    values = values_of(rows, columns, arranged, notes)
    firsts = arranged.firsts
    lengths = np.bincount(codes[firsts], minlength=len(ids))
    found = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    starts = order[np.searchsorted(codes[order], np.arange(len(ids)))]
    labels, kind, several = _labels(frame, columns, source, codes, ids, separator)
    return Recordings(
        values,
        found,
        columns.features,
        None if times is None else times[firsts],
        _statics(frame, columns, source, starts),
        columns.statics,
        labels=labels,
        label_kind=kind,
        several=several,
        ids=ids,
        places=[f'{source.name}, "{each}"' for each in ids],
        notes=tuple(notes),
    )


def arrange(rows: Rows, columns: SeriesColumns, notes: list[str]) -> Arranged:
    """Sort the rows of a long table; without an id column they are one recording.

    Raises:
        InputError: A row has no id or no time.
    """
    frame, source = rows.frame, rows.source
    ids, codes = ("",), np.zeros(frame.height, np.int64)
    if columns.id is not None:
        ids, codes = _codes(frame[columns.id], source, columns.id)
    times = _times(frame[columns.time], source, notes) if columns.time else None
    steps = np.arange(frame.height)
    if times is None:
        return Arranged(ids, codes, None, np.argsort(codes, kind="stable"), steps)
    order = np.lexsort((times, codes))
    if (np.diff(order)[np.diff(codes[order]) == 0] < 0).any():
        notes.append("rows were not in order of time; they were sorted")
    steps = _merge(codes[order], times[order], order, source, columns, notes)
    return Arranged(ids, codes, times, order, steps)


def whole_recordings(parts: Iterable[Rows], name: str) -> Iterator[Rows]:
    """Regroup rows so that no recording is cut by the end of a part: memory holds one part more.

    Args:
        parts: Rows of a file in order.
        name: The column that names the recording.

    Raises:
        InputError: The rows of a recording are not together in the file.
    """
    done: set[str] = set()
    waiting: list[Rows] = []
    for part in parts:
        if name not in part.frame.columns:
            yield part  # whoever reads it says what is wrong
            return
        ids = part.frame[name].cast(pl.String)
        last = ids[-1]
        cut = int((ids == last).arg_true()[0]) if len(ids) else 0
        for earlier in ids[:cut].unique(maintain_order=True).to_list():
            if earlier in done:
                row = int((ids == earlier).arg_true()[0])
                raise InputError(
                    f'{part.source.cell(row, name)}: rows of "{earlier}" stand apart from '
                    f"others of it; sort the file by {name}"
                )
        if waiting and (cut or waiting[-1].frame[name].cast(pl.String)[-1] != last):
            waiting.append(Rows(part.frame[:cut], part.source))
            whole = _joined(waiting)
            done.update(whole.frame[name].cast(pl.String).unique().to_list())
            yield whole
            waiting = []
        elif cut:
            whole = Rows(part.frame[:cut], part.source)
            done.update(whole.frame[name].cast(pl.String).unique().to_list())
            yield whole
        rest = Source(part.source.name, part.source.first_row + cut)
        waiting.append(Rows(part.frame[cut:], rest))
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[Rows]) -> Rows:
    frames = [part.frame for part in parts if part.frame.height]
    return Rows(pl.concat(frames, how="diagonal_relaxed"), parts[0].source)


def _require(rows: Rows, columns: SeriesColumns) -> None:
    names = rows.frame.columns
    wanted = [columns.id, columns.time, *columns.statics]
    wanted += [columns.variable, columns.value] if columns.variable else list(columns.features)
    for name in wanted:
        if name is not None and name not in names:
            raise InputError(
                f'{rows.source.name} has no column "{name}"; it has {listed(names, most=20)}'
                f"{near_names(name, names)}"
            )


def _codes(column: pl.Series, source: Source, name: str) -> tuple[tuple[str, ...], np.ndarray]:
    """The ids in order of appearance, and for each row which of them it is of."""
    text = column.cast(pl.String)
    absent = text.is_null() | (text.str.strip_chars() == "")
    if absent.any():
        row = int(absent.arg_max() or 0)
        raise InputError(f"{source.cell(row, name)}: expected the name of a recording, found none")
    unique, codes = np.unique(text.to_numpy().astype(str), return_inverse=True)
    first = np.full(len(unique), len(text))
    np.minimum.at(first, codes, np.arange(len(text)))
    rank = np.empty(len(unique), np.int64)
    rank[np.argsort(first)] = np.arange(len(unique))
    return tuple(unique[np.argsort(first)].tolist()), rank[codes]


def _times(column: pl.Series, source: Source, notes: list[str]) -> np.ndarray:
    """(n,) float64: numbers as they are, dates and times in hours."""
    if looks_numeric(column):
        values = parse_numbers(column, source).values
        missing = np.isnan(values)
        if missing.any():
            row = int(np.argmax(missing))
            raise InputError(f"{source.cell(row, column.name)}: expected a time, found none")
        return values
    read = parse_times(column, source)
    notes += read.notes
    if read.stamps.dtype.kind != "M":
        return read.stamps.astype(np.float64)
    return read.stamps.astype("datetime64[us]").astype(np.int64) / _HOUR


def _merge(
    codes: np.ndarray,
    times: np.ndarray,
    order: np.ndarray,
    source: Source,
    columns: SeriesColumns,
    notes: list[str],
) -> np.ndarray:
    """(n,) which step each sorted row is of: rows of one recording and time are one step."""
    same = (np.diff(codes) == 0) & (np.diff(times) == 0)
    if same.any() and columns.variable is None:
        row = int(max(order[int(np.argmax(same)) : int(np.argmax(same)) + 2]))
        notes.append(
            f"{counted(int(same.sum()), 'row')} of a recording and time that are there already "
            f"were averaged with it, the first is {source.row(row)}"
        )
    return np.concatenate([[0], np.cumsum(~same)])


def values_of(
    rows: Rows, columns: SeriesColumns, arranged: Arranged, notes: list[str]
) -> np.ndarray:
    """Return (N, V) float32 means of what was seen of each step and feature, NaN where nothing was.

    Raises:
        InputError: A cell is no number.
    """
    frame, source = rows.frame, rows.source
    order, steps = arranged.order, arranged.steps
    count = int(steps[-1]) + 1 if len(steps) else 0
    width = len(columns.features)
    if columns.variable is None:
        table = np.empty((len(order), width))
        for place, name in enumerate(columns.features):
            read = parse_numbers(frame[name], source)
            notes += read.notes
            table[:, place] = read.values[order]
        if count == len(order):
            return table.astype(np.float32)
        flat, where = table.ravel(), (steps[:, None] * width + np.arange(width)).ravel()
    else:
        assert columns.value is not None
        names = {name: place for place, name in enumerate(columns.features)}
        said = frame[columns.variable].cast(pl.String).fill_null("").to_list()
        places = np.array([names.get(name.strip(), -1) for name in said], np.int64)[order]
        strange = sorted({name for name in said if name.strip() not in names} - {""})
        if strange:
            notes.append(f"variables not known from training were left out: {listed(strange)}")
        flat = parse_numbers(frame[columns.value], source).values[order]
        where = np.where(places >= 0, steps * width + places, -1)
    seen = np.isfinite(flat) & (where >= 0)
    total = np.bincount(where[seen], flat[seen], count * width)
    number = np.bincount(where[seen], minlength=count * width)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (total / number).reshape(count, width).astype(np.float32)


def _labels(
    frame: pl.DataFrame,
    columns: SeriesColumns,
    source: Source,
    codes: np.ndarray,
    ids: Sequence[str],
    separator: str | None,
) -> tuple[tuple[Label | None, ...] | None, Kind, bool]:
    """One label a recording: that of its rows, some of which may have none."""
    if columns.label is None or columns.label not in frame.columns:
        return None, "text", False
    rows, kind, several = parse_labels(frame[columns.label], source, separator=separator)
    found: list[Label | None] = [None] * len(ids)
    for row, (code, label) in enumerate(zip(codes.tolist(), rows, strict=True)):
        if label is None or found[code] == label:
            continue
        if found[code] is not None:
            raise InputError(
                f'{source.cell(row, columns.label)}: "{";".join(label)}", but earlier rows of '
                f'"{ids[code]}" say "{";".join(found[code] or ())}"; a recording has one label'
            )
        found[code] = label
    return tuple(found), kind, several


def _statics(
    frame: pl.DataFrame, columns: SeriesColumns, source: Source, starts: np.ndarray
) -> np.ndarray:
    if not columns.statics:
        return np.zeros((0, 0), np.float32)
    each = [parse_numbers(frame[name], source).values[starts] for name in columns.statics]
    return np.stack(each, 1).astype(np.float32)


def _wide(rows: Rows, columns: SeriesColumns, separator: str | None) -> Recordings:
    """A row a series, a column a step; what is missing at the end is past the end."""
    frame, source = rows.frame, rows.source
    notes: list[str] = []
    table = np.empty((frame.height, len(columns.features)))
    for place, name in enumerate(columns.features):
        read = parse_numbers(frame[name], source)
        notes += read.notes
        table[:, place] = read.values
    labels, kind, several = None, "text", False
    if columns.label is not None and columns.label in frame.columns:
        parsed, kind, several = parse_labels(frame[columns.label], source, separator=separator)
        labels = tuple(parsed)
    found = from_box(table[:, :, None], features=("value",))
    return Recordings(
        found.values,
        found.offsets,
        found.features,
        labels=labels,
        label_kind=kind,
        several=several,
        places=[source.row(row) for row in range(frame.height)],
        notes=tuple(notes),
    )


def from_box(box: np.ndarray, *, features: tuple[str, ...] | None = None) -> Recordings:
    """Read (S, T, V) series, of which the steps at the end that are all NaN are past their end."""
    seen: np.ndarray = np.any(np.isfinite(box), axis=2)
    lengths = box.shape[1] - np.argmax(seen[:, ::-1], axis=1)
    lengths[~np.any(seen, axis=1)] = 0
    inside = np.arange(box.shape[1]) < lengths[:, None]
    names = features or tuple(f"channel {place}" for place in range(box.shape[2]))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Recordings(box[inside].astype(np.float32), offsets, names)


def from_arrays(arrays: Sequence[np.ndarray]) -> Recordings:
    """Read a list of series (T,) or (T, V).

    Raises:
        InputError: They differ in V, or hold no numbers.
    """
    parts = []
    for place, array in enumerate(arrays):
        try:
            part = np.asarray(array, np.float32)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"series {place} (counting from 0) holds no numbers: {error}"
            ) from None
        part = part[:, None] if part.ndim == 1 else part
        if part.ndim != 2 or part.shape[1] != parts[0].shape[1] if parts else part.ndim != 2:
            raise InputError(
                f"series {place} (counting from 0) has shape {np.shape(array)}; expected (T,) or "
                f"(T, V), with the same V for all"
            )
        parts.append(part)
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    names = tuple(f"channel {place}" for place in range(parts[0].shape[1]))
    return Recordings(np.concatenate(parts), offsets, names)
