"""From files, frames and lists to sentences or recordings, and what other data must agree with."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, final

import numpy as np

from gatework.data.checks import Source
from gatework.data.conll import Sentence, TagColumns
from gatework.data.frames import to_polars
from gatework.data.rows import Rows, read_all, read_rows
from gatework.data.series_rows import SeriesColumns, whole_recordings
from gatework.data.step_rows import (
    STEP_LABELS,
    choose_step_columns,
    read_steps,
    rows_of_npz,
    steps_of_arrays,
)
from gatework.data.tagged import (
    TOKENS,
    read_lines,
    read_tagged,
    sentences_of,
    sentences_of_frame,
)
from gatework.data.text_rows import find_named
from gatework.errors import InputError
from gatework.tasks.tag.texts import Asked, read_asked, texts_or_tokens

Schema = TagColumns | SeriesColumns
_TABLES: Final = {".csv", ".parquet"}


@final
@dataclass(frozen=True)
class Options:
    """Where the user said what is; None is found.

    Args:
        tokens: Where the words are.
        tags: Where the tags are, or the labels of steps.
        label: Where sentences have a label.
        id: The column that names the recording of a row.
        time: The column of a recording's times.
    """

    tokens: str | None = None
    tags: str | None = None
    label: str | None = None
    id: str | None = None
    time: str | None = None


class Read(NamedTuple):
    """What there is to learn from, what other data must agree with, notes, and a test part that
    came in the same file."""

    sentences: Iterable[Sentence]
    schema: Schema
    notes: tuple[str, ...] = ()
    test: Iterable[Sentence] | None = None


def read(data: Any, tags: Any, labels: Any, options: Options) -> Read:
    """Read data to learn from: sentences of words, or recordings with a label at each step.

    Args:
        data: A path, a frame, lists of words, or a list of arrays (T,) or (T, V).
        tags: With lists, a list of tags for each.
        labels: With lists of words, a label for each, if sentences have labels.
        options: What is where.

    Raises:
        InputError: It cannot be read.
    """
    words = TagColumns(options.tokens, options.tags, options.label)
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        if _holds_steps(path, options):
            rows, test = rows_of_npz(path) if path.suffix == ".npz" else (read_all(path), None)
            return _read_table(rows, test, options)
    elif isinstance(data, list | tuple):
        if _are_arrays(data):
            width = np.shape(data[0])[1] if np.ndim(data[0]) > 1 else 1
            features = tuple(f"channel {place}" for place in range(width))
            schema = SeriesColumns(None, None, None, features)
            return Read(read_like(data, tags, labels, schema), schema)
    else:
        frame = to_polars(data).frame
        if not _names_words(frame.columns, options):
            return _read_table(Rows(frame, Source()), None, options)
    return Read(read_like(data, tags, labels, words), words)


def read_like(data: Any, tags: Any, labels: Any, schema: Schema) -> Iterable[Sentence]:
    """Read tagged data for a model that was fitted on data of this schema.

    Raises:
        InputError: It cannot be read, or does not agree with the schema.
    """
    if isinstance(data, list | tuple):
        if tags is None:
            raise InputError("with lists, give their tags as well: fit(words, tags)")
        if isinstance(schema, SeriesColumns):
            return steps_of_arrays(data, tags)
        return sentences_of(data, tags, labels)
    if isinstance(schema, TagColumns):
        if isinstance(data, str | os.PathLike):
            return read_tagged(data, schema)
        return sentences_of_frame(data, schema)
    if isinstance(data, str | os.PathLike):
        return [one for rows in parts_of(Path(data), schema) for one in _steps(rows, schema)]
    return _steps(Rows(to_polars(data).frame, Source()), schema)


def part_like(given: Any, schema: Schema) -> Iterable[Sentence]:
    """Read another part of the data: a path, a frame, or a tuple of lists.

    Raises:
        InputError: It cannot be read, or does not agree with the schema.
    """
    if not isinstance(given, tuple):
        return read_like(given, None, None, schema)
    data, tags, labels, *_ = (*given, None, None)
    return read_like(data, tags, labels, schema)


def asked_in(data: Any, schema: Schema) -> Iterable[Asked]:
    """Read what to tag, without tags: a path, a frame, or a list of texts, lists or arrays.

    Raises:
        InputError: It cannot be read, or does not agree with the schema.
    """
    if isinstance(data, str | os.PathLike):
        if isinstance(schema, TagColumns):
            return read_asked(Path(data), schema)
        return (one for rows in parts_of(Path(data), schema) for one in _untagged(rows, schema))
    if isinstance(data, list | tuple):
        if isinstance(schema, TagColumns):
            return texts_or_tokens(data)
        return map(Asked, steps_of_arrays(data))
    if isinstance(schema, TagColumns):
        return map(Asked, sentences_of_frame(data, schema, tagged=False))
    return _untagged(Rows(to_polars(data).frame, Source()), schema)


def parts_of(path: Path, schema: SeriesColumns) -> Iterator[Rows]:
    """Yield the rows of a file of recordings, whole recordings at a time; of .npz the test part.

    Raises:
        InputError: There is no such file, or a row is wrong.
    """
    if path.suffix == ".npz":
        train, test = rows_of_npz(path)
        yield test or train
    elif schema.id is None:
        yield read_all(path)
    else:
        yield from whole_recordings(read_rows(path), schema.id)


def _read_table(rows: Rows, test: Rows | None, options: Options) -> Read:
    schema = choose_step_columns(rows, label=options.tags, id=options.id, time=options.time)
    found = read_steps(rows, schema)
    return Read(
        found.recordings, schema, found.notes, None if test is None else _steps(test, schema)
    )


def _steps(rows: Rows, schema: SeriesColumns) -> list[Sentence]:
    return read_steps(rows, schema).recordings


def _untagged(rows: Rows, schema: SeriesColumns) -> Iterable[Asked]:
    return map(Asked, read_steps(rows, schema, tagged=False).recordings)


def _are_arrays(data: Sequence[Any]) -> bool:
    return bool(data) and isinstance(data[0], np.ndarray) and data[0].dtype.kind in "fiub"


def _holds_steps(path: Path, options: Options) -> bool:
    """Tell a table of recordings from words."""
    suffixes = set(path.suffixes)
    if ".npz" in suffixes:
        return True
    if suffixes & _TABLES:
        return not _names_words(next(read_rows(path, chunk=1)).frame.columns, options)
    if ".tsv" not in suffixes or options.tokens is not None:
        return False
    # Columns of words between tabs have no header.
    first = next((line.text for line in read_lines(path)), "")
    names = [cell.strip() for cell in first.split("\t")]
    known = options.tags in names if options.tags else find_named(names, STEP_LABELS)
    return bool(known) and not _names_words(names, options)


def _names_words(names: Sequence[str], options: Options) -> bool:
    return options.tokens is not None or any(name in names for name in TOKENS)
