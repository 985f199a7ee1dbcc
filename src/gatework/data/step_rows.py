"""Recordings with a label at every step: long tables, a row a step, and .npz files of boxes."""

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from gatework.data.archives import read_arrays
from gatework.data.checks import Source, counted, listed, near_names
from gatework.data.conll import Sentence
from gatework.data.labels import parse_labels
from gatework.data.numbers import looks_numeric
from gatework.data.rows import Rows
from gatework.data.series_rows import (
    ID_NAMES,
    TIME_NAMES,
    Arranged,
    SeriesColumns,
    arrange,
    values_of,
)
from gatework.data.text_rows import LABEL_NAMES, find_named
from gatework.errors import InputError

STEP_LABELS: Final = (*LABEL_NAMES, "state", "activity", "tag", "beat", "phase")
SINCE: Final = "time since the step before"  # a feature of ours, where times are uneven
_EVEN: Final = 1e-6


class Steps(NamedTuple):
    """The recordings of some rows.

    Attributes:
        recordings: In order of appearance; their tokens are the times of the steps.
        rows: (n,) which step each row is of, counted through all recordings.
        notes: What a reader must know of the data, one line each.
    """

    recordings: list[Sentence]
    rows: np.ndarray
    notes: tuple[str, ...]


def choose_step_columns(
    rows: Rows, *, label: str | None, id: str | None, time: str | None
) -> SeriesColumns:
    """Settle which columns of a long table are what: as said, or by their usual names.

    Raises:
        InputError: A named column is absent, there are no labels, or no numbers.
    """
    frame, name = rows.frame, rows.source.name
    for role, wanted in (("label", label), ("id", id), ("time", time)):
        if wanted is not None and wanted not in frame.columns:
            raise InputError(
                f'{name} has no column "{wanted}" for the {role}; it has '
                f"{listed(frame.columns, most=20)}{near_names(wanted, frame.columns)}"
            )
    label = label or find_named(frame.columns, STEP_LABELS)
    if label is None:
        raise InputError(
            f"{name} has neither words nor a label at each step that can be told by its name; name "
            f"the column with the option tags; it has {listed(frame.columns, most=20)}"
        )
    rest = [each for each in frame.columns if each != label]
    id = id or find_named(rest, ID_NAMES)
    rest = [each for each in rest if each != id]
    time = time or find_named(rest, TIME_NAMES)
    features = tuple(each for each in rest if each != time and looks_numeric(frame[each]))
    if not features:
        raise InputError(
            f"{name} has neither a column that is called after words nor one of numbers to tell "
            f"the labels by; it has {listed(frame.columns, most=20)}; name the words with the "
            "option tokens"
        )
    columns = SeriesColumns(id, time, label, features)
    return dataclasses.replace(columns, features=(*features, *_since(rows, columns)))


def read_steps(rows: Rows, columns: SeriesColumns, *, tagged: bool = True) -> Steps:
    """Read the recordings of a long table.

    Rows that are not in order of time are sorted, rows of one recording and time are one step with
    their mean, and both are reported. A step without a label ends a recording where labels are
    wanted: nothing is learnt from it.

    Args:
        rows: The table.
        columns: What its columns are.
        tagged: Whether there must be labels; if not, none are read.

    Raises:
        InputError: A column is absent or holds no numbers, or one step has two labels.
    """
    notes: list[str] = []
    _require(rows, columns, tagged=tagged)
    arranged = arrange(rows, columns, notes)
    firsts = arranged.firsts
    measured = dataclasses.replace(
        columns, features=tuple(name for name in columns.features if name != SINCE)
    )
    values = values_of(rows, measured, arranged, notes)
    if SINCE in columns.features:
        values = np.concatenate([values, _gaps(arranged)[:, None].astype(np.float32)], 1)
    steps = np.empty(len(arranged.steps), np.int64)
    steps[arranged.order] = arranged.steps
    lengths = np.bincount(arranged.codes[firsts], minlength=len(arranged.ids))
    ends = np.cumsum(lengths)
    times = _written(rows.frame, columns, firsts, ends - lengths, lengths)
    labels = _labels(rows, columns, steps, firsts) if tagged else None
    first_row = rows.source.first_row
    found = [
        Sentence(
            times[start:end],
            None,
            row=int(firsts[start]) + first_row,
            values=values[start:end],
        )
        for start, end in zip((ends - lengths).tolist(), ends.tolist(), strict=True)
    ]
    if labels is not None:
        found = _labelled(found, labels, firsts + first_row, notes)
    return Steps(found, steps, tuple(notes))


def rows_of_npz(path: Path) -> tuple[Rows, Rows | None]:
    """Read X_train (S, T, V), y_train (S, T), maybe lengths_train (S,), and the same with _test, as
    long tables: series, step, the channels, label. X and y alone will do, or X alone.

    Raises:
        InputError: It is no such file.
    """
    arrays = read_arrays(path)
    for suffixes in (("_train", "_test"), ("", "")):
        if f"X{suffixes[0]}" in arrays:
            train = _rows_of(arrays, suffixes[0], path)
            has_test = suffixes[1] and f"X{suffixes[1]}" in arrays
            return train, _rows_of(arrays, suffixes[1], path) if has_test else None
    raise InputError(f"{path} holds {listed(sorted(arrays))}; expected X_train, or X")


def steps_of_arrays(
    arrays: Sequence[np.ndarray], labels: Sequence[Sequence[object]] | None = None
) -> list[Sentence]:
    """Make recordings of arrays (T,) or (T, V), with a label for each step if there are any.

    Raises:
        InputError: Their shapes or counts do not agree; the place is named.

    Example:
        >>> steps_of_arrays([np.zeros((2, 3))], [["on", "off"]])[0].tags
        ('on', 'off')
    """
    if labels is not None and len(labels) != len(arrays):
        raise InputError(f"there are {len(arrays)} recordings and {len(labels)} lists of labels")
    found: list[Sentence] = []
    width = None
    for place, array in enumerate(arrays):
        table = np.asarray(array)
        table = table[:, None] if table.ndim == 1 else table
        if (
            table.ndim != 2
            or table.dtype.kind not in "fiub"
            or table.shape[1] != (table.shape[1] if width is None else width)
        ):
            raise InputError(
                f"recording {place} (counting from 0) is {table.dtype} {np.shape(array)}; expected "
                f"numbers (T,) or (T, V), with the same V for all"
            )
        width = table.shape[1]
        tags = None if labels is None else tuple(str(each) for each in labels[place])
        if tags is not None and len(tags) != len(table):
            raise InputError(
                f"recording {place} (counting from 0) has {counted(len(table), 'step')} and "
                f"{counted(len(tags), 'label')}"
            )
        times = tuple(map(str, range(len(table))))
        found.append(Sentence(times, tags, row=place, values=table.astype(np.float32)))
    return found


def _require(rows: Rows, columns: SeriesColumns, *, tagged: bool) -> None:
    names = rows.frame.columns
    wanted = [columns.id, columns.time, *columns.features, columns.label if tagged else None]
    for name in wanted:
        if name not in (None, SINCE) and name not in names:
            raise InputError(
                f'{rows.source.name} has no column "{name}"; it has {listed(names, most=20)}'
                f"{near_names(str(name), names)}"
            )


def _since(rows: Rows, columns: SeriesColumns) -> tuple[str, ...]:
    """A feature for the time between steps, if that is not always the same."""
    if columns.time is None:
        return ()
    gaps = _gaps(arrange(rows, columns, []))
    gaps = gaps[np.isfinite(gaps)]
    uneven = len(gaps) > 0 and float(np.ptp(gaps)) > _EVEN * float(gaps.max())
    return (SINCE,) if uneven else ()


def _gaps(arranged: Arranged) -> np.ndarray:
    """(N,) time since the step before; NaN at the first of a recording."""
    assert arranged.times is not None
    firsts = arranged.firsts
    gaps = np.diff(arranged.times[firsts], prepend=np.nan)
    starts = np.diff(arranged.codes[firsts], prepend=-1) != 0
    return np.where(starts, np.nan, gaps)


def _written(
    frame: pl.DataFrame,
    columns: SeriesColumns,
    firsts: np.ndarray,
    starts: np.ndarray,
    lengths: np.ndarray,
) -> tuple[str, ...]:
    """(N,) the times of the steps as the table has them, or their places from 0."""
    if columns.time is not None:
        return tuple(frame[columns.time].cast(pl.String).gather(firsts).to_list())
    return tuple(map(str, (np.arange(len(firsts)) - np.repeat(starts, lengths)).tolist()))


def _labels(
    rows: Rows, columns: SeriesColumns, steps: np.ndarray, firsts: np.ndarray
) -> list[str | None]:
    """The label of each step; None where no row of it has one."""
    assert columns.label is not None
    parsed, _, _ = parse_labels(rows.frame[columns.label], rows.source)
    found: list[str | None] = [None] * len(firsts)
    for row, (step, label) in enumerate(zip(steps.tolist(), parsed, strict=True)):
        if label is None:
            continue
        if found[step] not in (None, label[0]):
            raise InputError(
                f'{rows.source.cell(row, columns.label)}: "{label[0]}", but another row of that '
                f'time says "{found[step]}"; a step has one label'
            )
        found[step] = label[0]
    if not any(found):
        raise InputError(f'{rows.source.name}, column "{columns.label}": no row has a label')
    return found


def _labelled(
    recordings: Sequence[Sentence],
    labels: Sequence[str | None],
    rows: np.ndarray,
    notes: list[str],
) -> list[Sentence]:
    """Cut recordings into the stretches that have labels."""
    absent = [place for place, label in enumerate(labels) if label is None]
    if absent:
        notes.append(
            f"{counted(len(absent), 'step')} without a label left out, first in row "
            f"{rows[absent[0]]}"
        )
    found: list[Sentence] = []
    begin = 0
    for one in recordings:
        own = labels[begin : begin + len(one.tokens)]
        cuts = [-1, *(place for place, label in enumerate(own) if label is None), len(own)]
        for before, after in pairwise(cuts):
            part = slice(before + 1, after)
            tags = tuple(label for label in own[part] if label is not None)
            if tags:
                found.append(
                    Sentence(
                        one.tokens[part],
                        tags,
                        row=int(rows[begin + before + 1]),
                        values=None if one.values is None else one.values[part],
                    )
                )
        begin += len(own)
    return found


def _rows_of(arrays: dict[str, np.ndarray], suffix: str, path: Path) -> Rows:
    box, labels = arrays[f"X{suffix}"], arrays.get(f"y{suffix}")
    box = box[:, :, None] if box.ndim == 2 else box
    if box.ndim != 3 or box.dtype.kind not in "fiu":
        raise InputError(
            f"{path}: X{suffix} is {box.dtype} {box.shape}; expected numbers (series, time, V)"
        )
    if labels is not None and labels.shape != box.shape[:2]:
        raise InputError(
            f"{path}: y{suffix} has shape {labels.shape}; expected a label for each step, "
            f"{box.shape[:2]} (for a label a series, `gatework fit classify`)"
        )
    # Without lengths, to the last step that has a value.
    seen = np.isfinite(box.astype(np.float64)).any(axis=2) * np.arange(1, box.shape[1] + 1)
    lengths = np.asarray(arrays.get(f"lengths{suffix}", seen.max(axis=1)))
    inside = np.arange(box.shape[1]) < lengths[:, None]
    series, step = np.nonzero(inside)
    columns = {"series": pl.Series(series), "step": pl.Series(step)}
    columns |= {f"channel {v}": pl.Series(box[inside][:, v]) for v in range(box.shape[2])}
    if labels is not None:
        columns["label"] = pl.Series(labels[inside].tolist())
    return Rows(pl.DataFrame(columns), Source(path.name + (f", {suffix[1:]}" if suffix else "")))
