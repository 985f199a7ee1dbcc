"""Many series on one regular grid: what the readers make and the tasks consume."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, final

import numpy as np

from gatework.data.checks import listed, near_names
from gatework.data.columns import Columns
from gatework.data.frequency import Frequency
from gatework.data.times import DATETIME, TimeStyle
from gatework.errors import InputError


@final
@dataclass(frozen=True, eq=False)
class Series:
    """One series on a regular grid.

    `times` (n,) is datetime64[us], or int64 where time is counted in steps; `values` (n,) is
    float64, NaN where missing. Both may be views of arrays shared by the whole panel.
    """

    id: str
    times: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        """Return the number of grid points, missing ones included."""
        return len(self.values)

    def part(self, start: int | None, stop: int | None) -> "Series":
        """Return the grid points of `slice(start, stop)`, as views."""
        return Series(self.id, self.times[start:stop], self.values[start:stop])


@final
@dataclass(frozen=True)
class PanelSchema:
    """What new data must agree with: saved with a run and checked when the run is used again."""

    columns: Columns
    frequency: Frequency
    season: int
    time: TimeStyle = DATETIME
    id_kind: Literal["text", "integer"] = "text"


@final
@dataclass(frozen=True, eq=False)
class Panel:
    """All series of a table, and how it was read.

    `season` is in steps, 1 for none. `notes` says what was found and repaired, one line each.
    `given` is the kind of frame it came from, so that answers can be of the same kind.

    Example:
        >>> times = np.arange("2024-01-01", "2024-01-11", dtype="datetime64[D]")
        >>> series = Series("shop", times.astype("datetime64[us]"), np.arange(10.0))
        >>> panel = Panel((series,), Frequency("day"), 7, Columns(None, "ds", "y"))
        >>> past, future = panel.split(3)
        >>> past.lengths.tolist(), future["shop"].values.tolist()
        ([7], [7.0, 8.0, 9.0])
    """

    series: tuple[Series, ...]
    frequency: Frequency
    season: int
    columns: Columns
    notes: tuple[str, ...] = ()
    time: TimeStyle = DATETIME
    id_kind: Literal["text", "integer"] = "text"
    given: str = "polars"

    def __len__(self) -> int:
        """Return the number of series."""
        return len(self.series)

    def __getitem__(self, series_id: str) -> Series:
        """Return the series of that id."""
        return self.select([series_id]).series[0]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the series, in order."""
        return tuple(series.id for series in self.series)

    @property
    def lengths(self) -> np.ndarray:
        """The number of grid points of each series, (S,) int64."""
        return np.array([len(series) for series in self.series], np.int64)

    @property
    def schema(self) -> PanelSchema:
        """What new data for the same model must agree with."""
        return PanelSchema(self.columns, self.frequency, self.season, self.time, self.id_kind)

    def select(self, ids: Iterable[str]) -> "Panel":
        """Return the series of these ids, in that order.

        Raises:
            InputError: an id is not there.
        """
        by_id = {series.id: series for series in self.series}
        chosen = list(ids)
        absent = [series_id for series_id in chosen if series_id not in by_id]
        if absent:
            raise InputError(
                f"no series {listed(absent)} among {len(self)}{near_names(absent[0], by_id)}"
            )
        return self._with(by_id[series_id] for series_id in chosen)

    def head(self, n: int) -> "Panel":
        """Return the first `n` grid points of each series."""
        return self._with(series.part(None, n) for series in self.series)

    def tail(self, n: int) -> "Panel":
        """Return the last `n` grid points of each series."""
        return self._with(series.part(max(len(series) - n, 0), None) for series in self.series)

    def truncate(self, n: int) -> "Panel":
        """Return each series without its last `n` grid points.

        Raises:
            InputError: a series has no more than `n`.
        """
        short = [series.id for series in self.series if len(series) <= n]
        if short:
            raise InputError(
                f"{len(short)} of {len(self)} series have only {n} {self.frequency.noun}s or "
                f"fewer, so nothing is left before the last {n}: {listed(short)}"
            )
        return self._with(series.part(None, len(series) - n) for series in self.series)

    def split(self, horizon: int) -> tuple["Panel", "Panel"]:
        """Return (all but the last `horizon` grid points, the last `horizon`) of each series."""
        return self.truncate(horizon), self.tail(horizon)

    def extend(self, newer: "Panel") -> "Panel":
        """Append newer grid points to the series of the same id; unknown ids are added.

        Grid points between the two become missing.

        Raises:
            InputError: the frequencies differ, or newer points are not later or not on the grid.
        """
        if newer.frequency != self.frequency:
            raise InputError(
                f"the newer data is {newer.frequency.words}, expected {self.frequency.words}"
            )
        joined = {series.id: series for series in self.series}
        for series in newer.series:
            old = joined.get(series.id)
            joined[series.id] = series if old is None else self._join(old, series)
        return self._with(joined.values())

    def _join(self, old: Series, new: Series) -> Series:
        if len(old) == 0 or len(new) == 0:
            return old if len(new) == 0 else new
        if new.times[0] <= old.times[-1]:
            raise InputError(
                f'series "{old.id}": newer data begins at {new.times[0]}, which is not after '
                f"{old.times[-1]}"
            )
        gap = int(self.frequency.index_of(new.times[:1], old.times[-1])[0]) - 1
        between = self.frequency.after(old.times[-1], gap)
        times = np.concatenate([old.times, between.astype(old.times.dtype), new.times])
        values = np.concatenate([old.values, np.full(gap, np.nan), new.values])
        return Series(old.id, times, values)

    def _with(self, series: Iterable[Series]) -> "Panel":
        return dataclasses.replace(self, series=tuple(series))
