"""Frames of any library in, polars inside, the same library out: the only file with narwhals."""

from typing import Any, NamedTuple

import narwhals as nw
import polars as pl
from narwhals.exceptions import NarwhalsError

from gatework.errors import InputError


class Given(NamedTuple):
    """A user's frame as polars, and the name of the library it came from."""

    frame: pl.DataFrame
    kind: str


def to_polars(frame: Any) -> Given:
    """Convert a pandas, pyarrow or polars frame (or any other that narwhals reads eagerly).

    A pandas index that holds times becomes a column.

    Raises:
        InputError: it is no such frame, or one of its columns cannot be converted.
    """
    if isinstance(frame, pl.DataFrame):
        return Given(frame, "polars")
    if isinstance(frame, pl.LazyFrame):
        raise InputError("expected a data frame, found a polars LazyFrame; call .collect() first")
    try:
        wrapped = nw.from_native(frame, eager_only=True)
    except TypeError:
        raise InputError(
            f"expected a data frame (pandas, polars or pyarrow), found {type(frame).__name__}"
        ) from None
    if wrapped.implementation.is_pandas() and str(frame.index.dtype).startswith("datetime64"):
        wrapped = nw.from_native(frame.reset_index(), eager_only=True)
    columns = [_column(wrapped[name]) for name in wrapped.columns]
    kind = "pandas" if wrapped.implementation.is_pandas_like() else wrapped.implementation.value
    return Given(pl.DataFrame(columns), kind)


def _column(column: nw.Series) -> pl.Series:
    try:
        # Periods, dates and decimals kept as Python objects read well as text; so they are parsed.
        as_text = column.dtype in (nw.Object, nw.Unknown)
        converted = (column.cast(nw.String) if as_text else column).to_polars()
    except (NarwhalsError, pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise InputError(
            f'column "{column.name}" of type {column.dtype} cannot be read: {error}; '
            f"convert or drop it"
        ) from error
    if isinstance(converted.dtype, pl.Categorical | pl.Enum):
        converted = converted.cast(pl.String)
    return converted


def from_polars(frame: pl.DataFrame, kind: str) -> Any:
    """Convert to the library that `to_polars` named: "pandas", "pyarrow", else polars it stays."""
    if kind == "pandas":
        return nw.from_native(frame).to_pandas()
    return nw.from_native(frame).to_arrow() if kind == "pyarrow" else frame
