"""Forecasts as a frame in the user's own words: column names, time writing, kind of frame."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from gatework.data.frames import from_polars
from gatework.data.panel import Panel
from gatework.errors import InputError


def forecast_frame(
    panel: Panel,
    values: Mapping[str, np.ndarray],
    *,
    times: Sequence[np.ndarray] | None = None,
    cutoffs: Sequence[np.datetime64 | int] | None = None,
) -> pl.DataFrame:
    """Build a long frame: the id (if the user has one), the time, `cutoff` if given, the values.

    Args:
        panel: gives names, time writing and, for `times`, the ends of the series.
        values: by output column, (S, H): one row for each series, one column for each step ahead.
        times: (H,) stamps for each of the S series; default: the H stamps after each one's last.
        cutoffs: the last training stamp of each series, (S,).

    Raises:
        InputError: an output column has the name of the id or time column.

    Example:
        >>> from gatework.data import Columns, Frequency, Series
        >>> panel = Panel((Series("a", np.arange(3), np.ones(3)),), Frequency("index"), 1,
        ...               Columns("unique_id", "ds", "y"))
        >>> forecast_frame(panel, {"gatework": np.array([[5.0, 6.0]])}).rows()
        [('a', 3, 5.0), ('a', 4, 6.0)]
    """
    columns = panel.columns
    horizon = next(iter(values.values())).shape[1]
    for name, block in values.items():
        if name in (columns.id, columns.time, "cutoff"):
            raise InputError(f'the forecast column "{name}" has the name of a column of the data')
        if block.shape != (len(panel), horizon):
            raise ValueError(f"{name} has shape {block.shape}, expected {(len(panel), horizon)}")
    if times is None:
        times = [panel.frequency.after(series.times[-1], horizon) for series in panel.series]
    out = []
    if columns.id is not None:
        ids = pl.Series(columns.id, np.repeat(np.array(panel.ids, object), horizon), pl.String)
        out.append(ids.cast(pl.Int64) if panel.id_kind == "integer" else ids)
    out.append(panel.time.write(np.concatenate(list(times)), columns.time))
    if cutoffs is not None:
        out.append(panel.time.write(np.repeat(np.asarray(cutoffs), horizon), "cutoff"))
    out += [pl.Series(name, block.reshape(-1)) for name, block in values.items()]
    return pl.DataFrame(out)


def as_given(frame: pl.DataFrame, panel: Panel) -> Any:
    """Return `frame` as the kind of frame the panel was read from."""
    return from_polars(frame, panel.given)
