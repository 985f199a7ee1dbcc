"""From files, frames, lists or arrays to labelled sequences and their schema."""

import dataclasses
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gatework.data.checks import Source, listed
from gatework.data.frames import to_polars
from gatework.data.labelled import Sequences, Texts
from gatework.data.labels import parse_labels
from gatework.data.rows import Rows, read_all
from gatework.data.text_rows import (
    LABEL_NAMES,
    TextColumns,
    find_named,
    find_text_column,
    read_folders,
    require_column,
    to_texts,
)
from gatework.errors import InputError
from gatework.tasks.classify.schema import Schema, TextSchema


@dataclass(frozen=True)
class DataOptions:
    """Which columns of the data are what; None is found from the data.

    Args:
        label: Column of the labels.
        text: Column of the texts.
        id: Column that names the sequences.
        separator: What stands between several labels in one cell, such as ;
    """

    label: str | None = None
    text: str | None = None
    id: str | None = None
    separator: str | None = None


class Read(NamedTuple):
    """Sequences, and what other data for the same model must agree with."""

    sequences: Sequences
    schema: Schema


def read(data: Any, labels: Any, options: DataOptions) -> Read:
    """Read data to learn from.

    Args:
        data: A path, a frame, or texts.
        labels: The label of each, where the data has no column of them; else None.
        options: Which columns are what.

    Raises:
        InputError: It cannot be read so.
    """
    if isinstance(data, str | os.PathLike):
        found = _read_path(Path(data), options)
    elif _is_texts(data):
        found = Read(Texts([str(text) for text in data]), TextSchema())
    else:
        rows = Rows(to_polars(data).frame, Source())
        found = _read_table(rows, options)
    if labels is None:
        return found
    return Read(with_labels(found.sequences, labels), found.schema)


def read_like(data: Any, schema: Schema, labels: Any = None) -> Sequences:
    """Read data for a model that was fitted on data of this schema.

    Raises:
        InputError: It does not agree with the schema.
    """
    if isinstance(data, str | os.PathLike):
        path = Path(data)
        found = read_folders(path) if path.is_dir() else schema.to_sequences(read_all(path))
    elif _is_texts(data):
        found = Texts([str(text) for text in data])
    else:
        found = schema.to_sequences(Rows(to_polars(data).frame, Source()))
    return found if labels is None else with_labels(found, labels)


def with_labels(sequences: Sequences, labels: Any) -> Sequences:
    """Return the sequences with these labels, one for each.

    Raises:
        InputError: There are more or fewer.
    """
    values = np.asarray(labels, dtype=object) if isinstance(labels, list | tuple) else labels
    grid = np.asarray(values)
    if len(grid) != len(sequences):
        raise InputError(
            f"{len(grid)} labels for {len(sequences)} sequences; expected one for each"
        )
    column = pl.Series("y", list(labels) if grid.ndim == 1 else _sets(grid))
    parsed, kind, several = parse_labels(column, Source("y"))
    return dataclasses.replace(sequences, labels=tuple(parsed), label_kind=kind, several=several)


def _sets(grid: np.ndarray) -> list[list[str]]:
    """The columns in which each row of zeros and ones has a one."""
    if grid.ndim != 2 or not np.isin(grid, (0, 1)).all():
        raise InputError(
            f"labels have shape {grid.shape}; expected one a sequence, or a table of zeros and ones"
        )
    return [[str(k) for k in np.flatnonzero(row)] for row in grid]


def _is_texts(data: Any) -> bool:
    if isinstance(data, np.ndarray):
        return data.ndim == 1 and data.dtype.kind in "UO" and all(isinstance(x, str) for x in data)
    if isinstance(data, list | tuple):
        return all(isinstance(text, str) for text in data)
    return isinstance(data, pl.Series) and data.dtype == pl.String


def _read_path(path: Path, options: DataOptions) -> Read:
    if path.is_dir():
        return Read(read_folders(path), TextSchema())
    return _read_table(read_all(path), options)


def _read_table(rows: Rows, options: DataOptions) -> Read:
    frame, name = rows.frame, rows.source.name
    label = options.label or find_named(frame.columns, LABEL_NAMES)
    if label is None:
        raise InputError(
            f"{name} has no column of labels that can be told by its name; name it with the option "
            f"label; it has {listed(frame.columns, most=20)}"
        )
    require_column(frame.columns, label, "label", name)
    text = options.text or find_text_column(frame, [label, options.id])
    if text is None:
        raise InputError(f"{name} has no column of texts; it has {listed(frame.columns, most=20)}")
    if options.id is not None:
        require_column(frame.columns, options.id, "id", name)
    columns = TextColumns(text, label, options.id)
    texts = to_texts(rows, columns, separator=options.separator)
    return Read(texts, TextSchema(columns, options.separator))


def digest_of(sequences: Iterable[Sequences | None]) -> str:
    """Return the SHA-256 of sequences and their labels, so that the same data is known again."""
    digest = hashlib.sha256()
    for part in sequences:
        digest.update(b"\1" if part is None else b"\2")
        if part is None:
            continue
        for label in part.labels or ():
            digest.update("\x1f".join(label or ("\0",)).encode("utf-8", "surrogatepass") + b"\n")
        if isinstance(part, Texts):
            for text in part.texts:
                digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()
