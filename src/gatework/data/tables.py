"""Files of rows and columns: text tables and parquet in, text tables and parquet out."""

import csv
import difflib
import gzip
import io
import os
import re
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from gatework.data.checks import Source, counted, listed
from gatework.errors import InputError
from gatework.files import atomic_write

SEPARATORS: Final = (",", ";", "\t", "|")
SNIFFED_LINES: Final = 20
# Files that are often sent where a table was meant, by their first bytes.
NOT_TABLES: Final = (
    (b"PK\x03\x04", "is a spreadsheet or zip file; save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel file; save the sheet as CSV"),
    (b"\xff\xfe", "is UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "is UTF-16 text; save it as UTF-8"),
    (b"%PDF", "is a PDF file; expected a CSV or parquet table"),
)


def read_table(path: str | os.PathLike[str]) -> pl.DataFrame:
    """Read a table: .csv, .tsv, .txt (also gzipped) or .parquet, told apart by content.

    Text is not converted: every column of a text table is a String column, so that whoever reads
    numbers or times from it can name the row of a bad cell. Empty lines at the end are dropped.

    Raises:
        InputError: there is no such file, or it is no table with one header and even rows.
    """
    file = Path(path)
    data = _bytes_of(file)
    if data[:4] == b"PAR1":
        try:
            return pl.read_parquet(io.BytesIO(data))
        except pl.exceptions.PolarsError as error:
            raise InputError(f"{file.name} is a damaged parquet file: {error}") from error
    text = _text_of(data, file.name)
    first = text.find("\n")
    if first < 0:
        raise InputError(f"{file.name} has no rows, only the header {text[:80]!r}")
    bare = _without_quoted(text, file.name)
    separator = _separator_of(bare)
    names = _names_of(text, separator, file.name)
    _check_even(bare, separator, len(names), Source(file.name, 2))
    frame = pl.read_csv(text.encode(), separator=separator, infer_schema=False)
    return frame.rename(dict(zip(frame.columns, names, strict=True)))


def write_table(frame: pl.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a table, whole or not at all: .parquet as parquet, .tsv with tabs, else as CSV."""
    file = Path(path)
    with atomic_write(file) as beside:
        if file.suffix == ".parquet":
            frame.write_parquet(beside)
        else:
            separator = "\t" if file.suffix == ".tsv" else ","
            beside.write_text(as_text(frame, separator), encoding="utf-8")


def as_text(frame: pl.DataFrame, separator: str = ",", *, header: bool = True) -> str:
    """Write a table as text: times as people write them, numbers without digits of no meaning.

    Example:
        >>> print(as_text(pl.DataFrame({"ds": [1], "y": [1 / 3]})), end="")
        ds,y
        1,0.333333333
    """
    clocks = [
        pl.col(name).dt.to_string("%Y-%m-%d %H:%M:%S%.f" + ("%:z" if dtype.time_zone else ""))
        for name, dtype in frame.schema.items()
        if isinstance(dtype, pl.Datetime)
    ]
    numbers = pl.selectors.float().round_sig_figs(9)
    return frame.with_columns(numbers, *clocks).write_csv(
        separator=separator, include_header=header
    )


def _bytes_of(file: Path) -> bytes:
    if file.is_dir():
        inside = sorted(entry.name for entry in file.iterdir() if entry.is_file())
        held = f"; it holds {listed(inside)}" if inside else ""
        raise InputError(f"{file} is a folder; expected a table file{held}")
    if not file.exists():
        raise InputError(f"there is no file {file}{_near_files(file)}")
    data = file.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError) as error:
            raise InputError(f"{file.name} is a damaged gzip file: {error}") from error
    for start, problem in NOT_TABLES:
        if data.startswith(start):
            raise InputError(f"{file.name} {problem}")
    if not data.strip():
        raise InputError(f"{file.name} is empty")
    return data


def _near_files(file: Path) -> str:
    if not file.parent.is_dir():
        return f"; there is no folder {file.parent} either"
    names = [entry.name for entry in file.parent.iterdir()]
    near = difflib.get_close_matches(file.name, names, n=3)
    return f"; did you mean {listed(near)}?" if near else ""


def _text_of(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} is not UTF-8 text: byte 0x{data[error.start]:02x} at offset {error.start}; "
            f"save it as UTF-8"
        ) from None
    if "\0" in text:
        raise InputError(f"{name} is not a text table: zero byte at offset {data.index(0)}")
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.strip("\n") if "\n\n" in text[-2:] or text[:1] == "\n" else text.rstrip("\n")


def _without_quoted(text: str, name: str) -> str:
    """Return the text with quoted parts cut out, so that separators and newlines can be counted."""
    if '"' not in text:
        return text
    bare = re.sub(r'"[^"]*"', "", text)
    if '"' in bare:
        row = bare[: bare.index('"')].count("\n") + 1
        raise InputError(f"{name}, row {row}: a quoted cell is never closed")
    return bare


def _separator_of(bare: str) -> str:
    """Return the separator that splits most lines like the first, into the most cells."""
    lines = [line for line in bare[:100_000].split("\n")[:SNIFFED_LINES] if line]

    def merit(separator: str) -> tuple[int, int]:
        cells = lines[0].count(separator)
        return sum(line.count(separator) == cells for line in lines) if cells else 0, cells

    return max(SEPARATORS, key=merit)


def _names_of(text: str, separator: str, file: str) -> list[str]:
    header = next(csv.reader(io.StringIO(text), delimiter=separator))
    names = [name.strip() for name in header]
    if all(re.fullmatch(r"[+-]?[\d.,:/ -]+", name) for name in names):
        raise InputError(
            f"{file}, row 1: expected column names, found {listed(names)}; add a header row"
        )
    # A nameless column is usually the row number that pandas and R write first.
    names = [name or f"column_{place + 1}" for place, name in enumerate(names)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{file}, row 1: more than one column is called {listed(twice)}")
    return names


def _check_even(bare: str, separator: str, width: int, source: Source) -> None:
    """Refuse a row with more or fewer cells than the header; rows without any text may stay."""
    line = np.frombuffer(bare.encode() + b"\n", np.uint8)
    ends = np.flatnonzero(line == ord("\n"))
    cells = np.diff(np.searchsorted(np.flatnonzero(line == ord(separator)), ends), prepend=0) + 1
    empty = np.diff(ends, prepend=-1) == 1
    uneven = (cells != width) & ~empty
    if uneven.any():
        row = int(np.argmax(uneven))
        raise InputError(
            f"{source.row(row - 1)}: expected {counted(width, 'cell')} as in the header, "
            f"found {cells[row]}; {counted(int(uneven.sum()), 'row')} in all like it"
        )
