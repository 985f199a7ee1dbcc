"""From files, frames, lists or arrays to labelled sequences and their schema."""

import dataclasses
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gatework.data.checks import Source
from gatework.data.frames import to_polars
from gatework.data.labelled import Recordings, Sequences, Texts
from gatework.data.labels import parse_labels
from gatework.data.rows import Rows, read_all
from gatework.data.series_rows import from_arrays, from_box, to_recordings
from gatework.data.text_rows import TextColumns, read_folders, to_texts
from gatework.errors import InputError
from gatework.tasks.classify.columns import DataOptions, choose_columns
from gatework.tasks.classify.schema import RecordingSchema, Schema, TextSchema, read_archive
from gatework.tasks.classify.scikit import flattened


class Read(NamedTuple):
    """Sequences, what other data for the same model must agree with, and a test part if given."""

    sequences: Sequences
    schema: Schema
    test: Sequences | None = None


def read(data: Any, labels: Any, options: DataOptions) -> Read:
    """Read data to learn from.

    Args:
        data: A path, a frame, texts, a list of arrays (T, V), or an array (S, T) or (S, T, V).
        labels: The label of each, where the data has no column of them; else None.
        options: Which columns are what.

    Raises:
        InputError: It cannot be read so.
    """
    if isinstance(data, str | os.PathLike):
        found = _read_path(Path(data), options)
    else:
        plain = _plain_sequences(data)
        if plain is not None and labels is None:
            raise InputError(
                "Classifier requires y to be passed, but the target y is None: give a label for "
                "each sequence"
            )
        if isinstance(plain, Texts):
            found = Read(plain, TextSchema())
        elif plain is not None:
            found = Read(plain, RecordingSchema(plain.features))
        else:
            rows = Rows(to_polars(data).frame, Source())
            found = _read_table(rows, options, labelled=labels is None)
    if labels is None:
        return found
    return found._replace(sequences=with_labels(found.sequences, labels))


def read_like(data: Any, schema: Schema, labels: Any = None) -> Sequences:
    """Read data for a model that was fitted on data of this schema.

    Raises:
        InputError: It does not agree with the schema.
    """
    if isinstance(data, str | os.PathLike):
        found = _read_path_like(Path(data), schema)
    else:
        plain = _plain_sequences(data)
        if plain is None:
            plain = schema.to_sequences(Rows(to_polars(data).frame, Source()))
        elif isinstance(plain, Recordings) and isinstance(schema, RecordingSchema):
            plain = schema.agreed(plain)
        found = plain
    return found if labels is None else with_labels(found, labels)


def with_labels(sequences: Sequences, labels: Any) -> Sequences:
    """Return the sequences with these labels, one for each.

    Raises:
        InputError: There are more or fewer.
    """
    grid = flattened(np.asarray(labels.to_list() if isinstance(labels, pl.Series) else labels))
    if grid.ndim == 0 or len(grid) != len(sequences):
        raise InputError(
            f"y has shape {grid.shape} for {len(sequences)} sequences; expected one label each"
        )
    if grid.dtype.kind == "f" and not np.array_equal(grid, np.round(grid)):
        raise InputError(
            "Unknown label type: continuous. y holds numbers with fractions; expected classes"
        )
    column = pl.Series("y", grid.tolist() if grid.ndim == 1 else _sets(grid))
    parsed, kind, several = parse_labels(column, Source("y"))
    return dataclasses.replace(sequences, labels=tuple(parsed), label_kind=kind, several=several)


def _sets(grid: np.ndarray) -> list[list[str]]:
    """The columns in which each row of zeros and ones has a one."""
    if grid.ndim != 2 or not np.isin(grid, (0, 1)).all():
        raise InputError(
            f"y has shape {grid.shape}; expected one a sequence, or a table of zeros and ones"
        )
    return [[str(k) for k in np.flatnonzero(row)] for row in grid]


def _plain_sequences(data: Any) -> Texts | Recordings | None:
    """Sequences of texts or arrays; None if it is neither, but may be a frame."""
    if isinstance(data, pl.Series) and data.dtype == pl.String:
        return Texts(data.fill_null("").to_list())
    if isinstance(data, list | tuple) and data:
        if all(isinstance(text, str) for text in data):
            return Texts([str(text) for text in data])
        return from_arrays(data)
    if not isinstance(data, np.ndarray):
        if hasattr(data, "toarray"):
            raise InputError("X is sparse; expected a dense array: give X.toarray()")
        if not hasattr(data, "__array__") or hasattr(data, "columns"):
            return None
        data = np.asarray(data)
    if data.ndim == 1 and data.dtype.kind in "UO" and all(isinstance(x, str) for x in data):
        return Texts([str(text) for text in data])
    return from_box(_numbers(data))


def _numbers(data: np.ndarray) -> np.ndarray:
    """(S, T, V) float64, of an array (S, T) or (S, T, V)."""
    if data.dtype.kind == "c":
        raise InputError(f"Complex data not supported: X is {data.dtype} {data.shape}")
    if data.ndim == 1:
        raise InputError(
            f"Expected 2D array, got 1D array instead: X has shape {data.shape}. Reshape your data "
            "as (series, time), or give a list of texts"
        )
    if data.ndim not in (2, 3) or data.dtype.kind not in "fiubO":
        raise InputError(
            f"X is {data.dtype} {data.shape}; expected texts, or numbers (series, time) or "
            f"(series, time, channel)"
        )
    if data.size == 0:
        which = "sample" if len(data) == 0 else "feature"
        raise InputError(
            f"Found array with 0 {which}(s) (shape={data.shape}) while a minimum of 1 is required."
        )
    try:
        box = data.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"X holds something that is no number: {error}") from error
    if np.isinf(box).any():
        raise InputError("X holds infinite values; expected numbers, or NaN where missing")
    return box if box.ndim == 3 else box[:, :, None]


def _read_path(path: Path, options: DataOptions) -> Read:
    archive = read_archive(path)
    if archive is not None:
        train, test = archive
        return Read(train, RecordingSchema(train.features, train.static_names), test)
    if path.is_dir():
        return Read(read_folders(path), TextSchema())
    return _read_table(read_all(path), options, labelled=True)


def _read_path_like(path: Path, schema: Schema) -> Sequences:
    archive = read_archive(path)
    if archive is not None:
        if not isinstance(schema, RecordingSchema):
            raise InputError(f"this model was fitted on texts; {path.name} holds none")
        return schema.agreed(archive[1] or archive[0])
    return read_folders(path) if path.is_dir() else schema.to_sequences(read_all(path))


def _read_table(rows: Rows, options: DataOptions, *, labelled: bool) -> Read:
    columns = choose_columns(rows, options, labelled=labelled)
    separator = options.separator
    if isinstance(columns, TextColumns):
        texts = to_texts(rows, columns, separator=separator)
        return Read(texts, TextSchema(columns, separator))
    found = to_recordings(rows, columns, separator=separator)
    return Read(found, RecordingSchema(found.features, columns.statics, columns, separator))


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
        if isinstance(part, Recordings):
            digest.update("\x1f".join((*part.features, "", *part.static_names)).encode())
            for array in (part.offsets, part.values, part.times, part.statics):
                digest.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
