"""Rows of a file a few thousand at a time, so that a file of any size passes through little memory.

Text tables, JSON lines and parquet, also gzipped. What is wrong is named with its row.
"""

import csv
import gzip
import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec
import polars as pl

from gatework.data.checks import Source, counted, listed
from gatework.data.tables import SEPARATORS
from gatework.errors import InputError

CHUNK: Final = 4_096
_SNIFFED: Final = 100_000  # bytes that a separator is told from
_LONGEST_CELL: Final = 2**31 - 1  # Python's own limit is shorter than many a text


class Rows(NamedTuple):
    """Some rows of a file, in order, and how they are named in messages."""

    frame: pl.DataFrame
    source: Source


def read_rows(path: str | os.PathLike[str], *, chunk: int = CHUNK) -> Iterator[Rows]:
    """Yield the rows of a .csv, .tsv, .txt, .jsonl or .parquet file in chunks.

    Cells of text tables are text; those of JSON lines keep their types, lists too.

    Raises:
        InputError: There is no such file, or a row of it cannot be read.
    """
    file = Path(path)
    if file.is_dir():
        raise InputError(f"{file} is a folder; expected a file of rows")
    if not file.is_file():
        raise InputError(f"there is no file {file}")
    bare = file.name.removesuffix(".gz")
    if bare.endswith(".parquet"):
        yield from _parquet(file, chunk)
        return
    with gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb") as stream:
        lines = _lines(stream, file.name)  # type: ignore[arg-type]
        try:
            if bare.endswith((".jsonl", ".ndjson", ".json")):
                yield from _json_lines(lines, file.name, chunk)
            else:
                yield from _table(lines, file.name, chunk, tabs=bare.endswith(".tsv"))
        except (OSError, EOFError) as error:
            raise InputError(f"{file.name} is damaged: {error}") from error


def read_all(path: str | os.PathLike[str]) -> Rows:
    """Read the rows of a file at once.

    Raises:
        InputError: As `read_rows`, or there are none.
    """
    parts = list(read_rows(path))
    if not parts:
        raise InputError(f"{Path(path).name} has no rows")
    frames = [part.frame for part in parts]
    whole = frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal_relaxed")
    return Rows(whole, parts[0].source)


def _lines(stream: BinaryIO, name: str) -> Iterator[str]:
    """Yield the lines as text; only a newline ends one, so that texts may hold other breaks."""
    for number, line in enumerate(stream, start=1):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            if line[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise InputError(f"{name} is UTF-16 text; save it as UTF-8") from None
            raise InputError(
                f"{name}, line {number} is not UTF-8: byte 0x{line[error.start]:02x} at position "
                f"{error.start + 1}; save the file as UTF-8"
            ) from None
        if "\0" in text:
            raise InputError(f"{name}, line {number} holds a zero byte: it is no text file")
        yield text.removeprefix("\ufeff") if number == 1 else text


def _json_lines(lines: Iterator[str], name: str, chunk: int) -> Iterator[Rows]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    rows: list[dict[str, Any]] = []
    start = 1
    number = 0
    for number, line in enumerate(lines, start=1):
        if len(rows) == chunk:
            yield _objects(rows, Source(name, start))
            rows, start = [], number
        if not line.strip():
            # An empty row keeps its place, or the numbers of those after it would be wrong.
            rows.append({})
            continue
        try:
            rows.append(decoder.decode(line))
        except msgspec.DecodeError as error:
            raise InputError(
                f'{name}, line {number}: expected an object such as {{"text": "...", "label": '
                f'"..."}}: {error}'
            ) from None
    if rows:
        yield _objects(rows, Source(name, start))


def _objects(rows: list[dict[str, Any]], source: Source) -> Rows:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    try:
        frame = pl.DataFrame(
            {name: pl.Series(name, cells, strict=True) for name, cells in columns.items()}
        )
    except (TypeError, pl.exceptions.PolarsError):
        frame = pl.DataFrame({name: _mixed(name, cells, source) for name, cells in columns.items()})
    return Rows(frame, source)


def _mixed(name: str, cells: list[Any], source: Source) -> pl.Series:
    """Make a column of cells of several types: text if no cell is a list or an object."""
    try:
        return pl.Series(name, cells, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        for row, cell in enumerate(cells):
            if isinstance(cell, list | dict):
                raise InputError(
                    f"{source.cell(row, name)}: a list or object, where other rows hold a text or "
                    f"number"
                ) from None
        return pl.Series(name, [None if cell is None else str(cell) for cell in cells], pl.String)


def _table(lines: Iterator[str], name: str, chunk: int, *, tabs: bool) -> Iterator[Rows]:
    first = next(lines, "")
    if not first.strip():
        raise InputError(f"{name} is empty" if not first else f"{name}, row 1: expected a header")
    separator = "\t" if tabs else max(SEPARATORS, key=first[:_SNIFFED].count)
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(_chain(first, lines), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    start, number = 2, 1
    try:
        header = _header(next(reader), name)
        for number, row in enumerate(reader, start=2):
            if len(rows) == chunk:
                yield _cells(header, rows, Source(name, start))
                rows, start = [], number
            if len(row) not in (len(header), 0):
                raise InputError(
                    f"{name}, row {number}: expected {counted(len(header), 'cell')} as in the "
                    f"header, found {len(row)}; put texts that hold a {separator!r} in quotes"
                )
            rows.append(row or [""] * len(header))
    except csv.Error as error:
        raise InputError(f"{name}, row {number + 1}: {error}") from None
    if rows:
        yield _cells(header, rows, Source(name, start))
    elif number == 1:
        raise InputError(f"{name} has no rows, only the header {listed(header)}")


def _chain(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _header(cells: Sequence[str], name: str) -> list[str]:
    names = [cell.strip() or f"column_{place}" for place, cell in enumerate(cells, start=1)]
    twice = sorted({cell for cell in names if names.count(cell) > 1})
    if twice:
        raise InputError(f"{name}, row 1: more than one column is called {listed(twice)}")
    return names


def _cells(header: list[str], rows: list[list[str]], source: Source) -> Rows:
    columns = zip(*rows, strict=True)
    frame = pl.DataFrame(
        {
            name: pl.Series(name, cells, pl.String)
            for name, cells in zip(header, columns, strict=True)
        }
    )
    return Rows(frame, source)


def _parquet(file: Path, chunk: int) -> Iterator[Rows]:
    try:
        if file.suffix == ".gz":
            whole = pl.read_parquet(io.BytesIO(gzip.decompress(file.read_bytes()))).lazy()
        else:
            whole = pl.scan_parquet(file)
        height = whole.select(pl.len()).collect().item()
        for start in range(0, height, chunk):
            yield Rows(whole.slice(start, chunk).collect(), Source(file.name, start))
    except (OSError, EOFError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{file.name} is a damaged parquet file: {error}") from error
