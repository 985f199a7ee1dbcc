"""A panel laid out flat, with everything a forecasting window gathers from computed once."""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from gatework.data import calendar
from gatework.data.frequency import Frequency
from gatework.data.panel import Panel, Series
from gatework.data.profiles import LOOK_AHEAD, centred_level, fill, key_profile
from gatework.errors import InputError

Base = Literal[
    "last", "season", "median_3", "median_6", "season_drift", "long_season", "long_season_level"
]
BASES: Final[tuple[Base, ...]] = get_args(Base)
_LOG_FLOOR: Final = 1e-3  # of the mean so far: what the logarithm takes for zero and below


@dataclass(frozen=True)
class WindowSpec:
    """How windows are cut, scaled and described; part of a saved model.

    Args:
        horizon: Steps to forecast.
        context: Steps of history the encoder reads.
        season: Steps in the main season; 1 is none.
        long_season: Steps in a longer season; None is none.
        week: Steps in a calendar week, 1 where that means nothing.
        log: Forecast the logarithm.
        yearly: Look up earlier occurrences of the same calendar day.
        base: The simple forecast that the network corrects.
    """

    horizon: int
    context: int
    season: int
    long_season: int | None = None
    week: int = 1
    log: bool = False
    yearly: bool = False
    base: Base = "season"

    @property
    def level_ahead(self) -> int:
        """Steps after a stamp that its centred level may use."""
        return 3 * self.season

    @property
    def profile_ahead(self) -> int:
        """Steps after a stamp that its yearly profile may use."""
        return LOOK_AHEAD * self.week


class Store(NamedTuple):
    """S series of N stamps in all; each series is followed by `horizon` stamps of future.

    values and level (N,) float64, NaN in the future; known (N,) bool; calendar (N, C) float32;
    previous (N, K) flat positions of the last occurrence of each yearly key, or -1; after (N, K,
    2) float32 what was known after it; sums (N + 1, 3) float64 running sums of the value, its
    absolute step and its absolute seasonal step; start and stop (S,) bounds of each series' past.
    """

    values: Tensor
    level: Tensor
    known: Tensor
    calendar: Tensor
    previous: Tensor
    after: Tensor
    sums: Tensor
    start: Tensor
    stop: Tensor


def build_store(panel: Panel, spec: WindowSpec) -> Store:
    """Lay out a panel for windows.

    Raises:
        InputError: A series holds no value at all.
    """
    rows = [_lay_out(series, panel.frequency, spec) for series in panel.series]
    lengths = torch.tensor([len(row.values) for row in rows])
    begin = torch.cumsum(lengths, 0) - lengths
    values, level, known, covariates, previous, after, sums, *_ = (
        torch.cat(parts) for parts in zip(*rows, strict=True)
    )
    shift = torch.repeat_interleave(begin, lengths)[:, None]
    return Store(
        values,
        level,
        known,
        covariates,
        torch.where(previous >= 0, previous + shift, -1),
        after,
        torch.cumsum(torch.cat([torch.zeros(1, 3, dtype=torch.float64), sums]), 0),
        begin,
        begin + lengths - spec.horizon,
    )


def _lay_out(series: Series, frequency: Frequency, spec: WindowSpec) -> Store:
    """Lay out one series, as if it were the panel; its sums are not summed yet."""
    known = ~np.isnan(series.values)
    if not known.any():
        raise InputError(f'series "{series.id}" has no value; leave it out')
    n, m = len(series.values), spec.season
    values = fill(series.values, m)
    if spec.log:
        values = to_log(values)
    times = np.concatenate([series.times, frequency.after(series.times[-1], spec.horizon)])
    keys = calendar.yearly_keys(times, frequency) if spec.yearly else {}
    per_day = calendar.steps_per_day(frequency)
    profiles = [
        key_profile(key, values, known, week=spec.week, per_day=per_day) for key in keys.values()
    ]
    empty = np.zeros((n + spec.horizon, 0), np.int64), np.zeros((n, 0, 2))
    previous = np.stack([profile.previous for profile in profiles], 1) if profiles else empty[0]
    after = np.stack([profile.after for profile in profiles], 1) if profiles else empty[1]
    season_ago = np.concatenate([values[:m], values[:-m]])[:n]
    steps = np.abs(np.diff(values, prepend=values[0]))
    sums = np.stack([values, steps, np.abs(values - season_ago)], 1)

    def padded(array: np.ndarray, filler: float) -> Tensor:
        tail = np.full((spec.horizon, *array.shape[1:]), filler, array.dtype)
        return torch.from_numpy(np.concatenate([array, tail]))

    return Store(
        values=padded(values, np.nan),
        level=padded(centred_level(values, m), np.nan),
        known=padded(known, 0),
        calendar=torch.from_numpy(calendar.features(times, frequency)),
        previous=torch.from_numpy(previous),
        after=padded(after.astype(np.float32), 0),
        sums=padded(sums, 0),
        start=torch.zeros(1),
        stop=torch.zeros(1),
    )


def to_log(values: np.ndarray) -> np.ndarray:
    """Return the logarithm; below a thousandth of the mean size so far counts as that."""
    size = np.cumsum(np.abs(values)) / np.arange(1, len(values) + 1)
    return np.log(np.maximum(values, np.where(size > 0, _LOG_FLOOR * size, 1.0)))
