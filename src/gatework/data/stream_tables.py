"""Texts from tables, one a row, for corpora: JSON lines, CSV, parquet."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from gatework.data.checks import listed
from gatework.data.rows import read_rows
from gatework.data.text_rows import find_text_column, require_column
from gatework.errors import InputError

TABLES: Final = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")


def is_table(path: Path) -> bool:
    """Whether the name of a file says that it is a table; it may be gzipped.

    Example:
        >>> is_table(Path("a.jsonl.gz")), is_table(Path("a.txt"))
        (True, False)
    """
    return path.name.lower().removesuffix(".gz").endswith(TABLES)


def read_texts(path: Path, column: str | None) -> Iterator[str]:
    """Yield the texts of a table, row by row; rows without one are left out.

    Args:
        path: The table.
        column: Which column they are in; None: by its name, or the one of the longest texts.

    Raises:
        InputError: There is no such column, it holds no texts, or a row cannot be read.
    """
    for number, (frame, source) in enumerate(read_rows(path)):
        if column is None:
            column = find_text_column(frame, ())
        if column is None:
            raise InputError(
                f"{path} has no column of texts; it has {listed(frame.columns, most=20)}. Say "
                "which one it is: --text-column, text_column"
            )
        if number == 0:
            require_column(frame.columns, column, "text", str(path))
        if column not in frame.columns:  # JSON lines need not all have the same names
            continue
        cells = frame[column]
        if cells.dtype.is_nested():
            raise InputError(f'{path}, column "{column}": expected texts, found {cells.dtype}')
        for place, text in enumerate(cells.cast(pl.String)):
            if text and "\0" in text:
                raise InputError(f"{source.cell(place, column)}: a zero byte, which is no text")
            if text:
                yield text
