"""A column of the user's as float64, with every bad cell named by its row."""

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from gatework.data.checks import Source, counted
from gatework.errors import InputError

# Squares and sums of far larger values are no numbers any more.
LARGEST: Final = 1e100
MISSING: Final = ("", "na", "n/a", "#n/a", "nan", "null", "none", ".", "-")


class Numbers(NamedTuple):
    """Values (n,) float64, NaN where missing, and what was read in a special way."""

    values: np.ndarray
    notes: tuple[str, ...]


def looks_numeric(column: pl.Series) -> bool:
    """Tell whether more than half of a sample of the cells that are not missing are numbers."""
    if column.dtype != pl.String:
        return column.dtype.is_numeric()
    cells = sample(column).str.strip_chars()
    cells = cells.filter(~is_missing(cells))
    numbers = cells.str.replace(",", ".").cast(pl.Float64, strict=False)
    return numbers.len() - numbers.null_count() > cells.len() / 2


def sample(column: pl.Series, most: int = 1000) -> pl.Series:
    """Return up to `most` cells that are not null, spread over the column."""
    cells = column.drop_nulls()
    return cells.gather_every(max(1, len(cells) // most))


def is_missing(cells: pl.Series) -> pl.Series:
    """Tell which text cells are empty or one of the usual marks for a missing value."""
    return (cells.is_null() | cells.str.to_lowercase().is_in(MISSING)).fill_null(value=True)


def parse_numbers(column: pl.Series, source: Source) -> Numbers:
    """Read a column as numbers.

    Raises:
        InputError: a cell is neither a finite number nor missing; the message names its row.
    """
    notes: tuple[str, ...] = ()
    if column.dtype == pl.String:
        numbers, notes = _from_text(column, source)
    elif column.dtype.is_numeric() or column.dtype == pl.Null:
        numbers = column.cast(pl.Float64)
    else:
        raise InputError(
            f'{source.name}, column "{column.name}": expected numbers, found {column.dtype} values'
        )
    values = numbers.fill_null(float("nan")).to_numpy()
    infinite = np.isinf(values)
    if infinite.any():
        row = int(np.argmax(infinite))
        raise InputError(
            f"{source.cell(row, column.name)}: expected a finite number, found {values[row]}; "
            f"leave the cell empty if the value is not known"
        )
    large = np.abs(values) > LARGEST
    if large.any():
        row = int(np.argmax(large))
        raise InputError(
            f"{source.cell(row, column.name)}: {values[row]:g} is too large to reckon with "
            f"(more than {LARGEST:g}); correct the cell, or divide the column"
        )
    return Numbers(values, notes)


def _from_text(column: pl.Series, source: Source) -> tuple[pl.Series, tuple[str, ...]]:
    notes = []
    numbers = column.cast(pl.Float64, strict=False)
    if not numbers.null_count() and not numbers.is_nan().any():
        return numbers, ()
    cells = column.str.strip_chars()
    missing = is_missing(cells)
    numbers = cells.cast(pl.Float64, strict=False)
    if _has_decimal_commas(cells.filter(~missing)):
        numbers = cells.str.replace(",", ".").cast(pl.Float64, strict=False)
        notes.append(f'column "{column.name}" is written with decimal commas')
    bad = numbers.is_null() & ~missing
    if bad.any():
        row = int(bad.arg_max() or 0)
        raise InputError(
            f'{source.cell(row, column.name)}: expected a number, found "{column[row]}"'
            + _hint(cells[row])
        )
    marks = cells.filter(missing & cells.is_not_null() & (cells != "")).value_counts(sort=True)
    if marks.height:
        found = ", ".join(f'"{mark}" ({count})' for mark, count in marks.rows())
        total = counted(int(marks["count"].sum()), "cell")
        notes.append(f'column "{column.name}": {total} read as missing: {found}')
    return numbers, tuple(notes)


def _has_decimal_commas(cells: pl.Series) -> bool:
    """Tell 12,5 from 1,234: decimal commas only if some cell cannot be grouped thousands."""
    commas = cells.str.contains(r"^[+-]?\d+,\d+$")
    if not commas.any() or cells.str.contains(".", literal=True).any():
        return False
    return not bool(cells.filter(commas).str.contains(r"^[+-]?\d{1,3},\d{3}$").all())


def _hint(cell: str) -> str:
    if "," in cell and cell.replace(",", "").replace(".", "").lstrip("+-").isdigit():
        return "; write numbers without thousands separators"
    return "; correct the cell, or leave it empty if the value is not known"
