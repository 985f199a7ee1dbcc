"""Forecasting windows over a panel: by index, gathered and scaled only when a batch is loaded.

A window is a series and a cutoff. Of the values it reads only what lies before the cutoff. They
are put relative to the window's level and divided by its scale; the target is what a simple
seasonal base forecast leaves over.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, final

import torch
from torch import Generator, Tensor

from gatework.data import calendar
from gatework.data.frequency import Frequency
from gatework.data.store import BASES, Store, WindowSpec

_LAGS: Final = 6  # seasonal lags that medians are taken over; the first four are inputs too
_LEVEL_SEASONS: Final = 4
_CLIP: Final = 20.0  # a scaled input beyond this says no more


class WindowBatch(NamedTuple):
    """B windows, time first.

    past (context, B, P) and future (horizon, B, F) are what the network reads; base (horizon, B)
    is the simple forecast; target (horizon, B) what to add to it, NaN where missing or not yet
    known; level and scale (B,) float64 undo the scaling: value = level + scale * (base +
    addition).
    """

    past: Tensor
    future: Tensor
    base: Tensor
    target: Tensor
    level: Tensor
    scale: Tensor


@final
class Windows:
    """The windows of a laid-out panel at given origins, as a source of training batches.

    Args:
        store: A panel laid out by `build_store` with the same spec.
        spec: How windows are cut and scaled.
        series: (W,) int64 which series each window is of.
        origins: (W,) int64 the first step to forecast, counted from the series' first stamp; at
            least 1.
        pools: For each member of an ensemble, the windows it is trained on; a batch holds
            `batch_size` of each pool, in the order of the pools.
        batch_size: Windows of each pool in a batch.
        batches: Batches in an epoch.
    """

    def __init__(
        self,
        store: Store,
        spec: WindowSpec,
        series: Tensor,
        origins: Tensor,
        *,
        pools: Sequence[Tensor] = (),
        batch_size: int = 64,
        batches: int = 50,
    ) -> None:
        self.store, self.spec = store, spec
        self.start = store.start[series]
        self.origins = self.start + origins
        self.pools, self.batch_size, self.batches = tuple(pools), batch_size, batches
        self._ahead = torch.arange(spec.horizon)[:, None]
        self._behind = torch.arange(-spec.context, 0)[:, None]

    def __len__(self) -> int:
        return len(self.origins)

    def plan(self, generator: Generator) -> list[Tensor]:
        """Return one epoch of batches, each drawn with replacement from every pool in turn."""

        def draw(pool: Tensor) -> Tensor:
            return pool[torch.randint(len(pool), (self.batch_size,), generator=generator)]

        return [torch.cat([draw(pool) for pool in self.pools]) for _ in range(self.batches)]

    def load(self, index: Tensor) -> WindowBatch:
        """Return the windows of (B,) indices."""
        view = _View(self.store, self.spec, self.start[index], self.origins[index])
        ahead = view.origin + self._ahead
        level, scale = view.level(), view.scale()
        lags = view.seasonal_lags(ahead) - level[:, None]
        simple = view.simple_forecasts(ahead, lags, level)
        base = simple[..., BASES.index(self.spec.base)]
        target = self.store.values[ahead] - level - base
        target = torch.where(self.store.known[ahead], target, torch.nan)
        season_step = view.mean_of(2, 4 * self.spec.season) / scale
        described = torch.cat([simple, lags[..., :4], view.long_season(ahead, level)], -1)
        future = [
            _scaled(described, scale),
            self.store.calendar[ahead],
            view.yearly(ahead, scale),
            torch.log(season_step + 1e-3).expand_as(ahead)[..., None],
            (self._ahead / self.spec.horizon).expand_as(ahead)[..., None],
        ]
        return WindowBatch(
            past=self._past(view, level, scale),
            future=torch.cat([part.float() for part in future], -1),
            base=(base / scale).float(),
            target=(target / scale).float(),
            level=level,
            scale=scale,
        )

    def simple_errors(self, index: Tensor) -> Tensor:
        """Return (len(BASES),) each base's mean absolute error in scaled units on known targets."""
        view = _View(self.store, self.spec, self.start[index], self.origins[index])
        ahead = view.origin + self._ahead
        level, scale = view.level(), view.scale()
        lags = view.seasonal_lags(ahead) - level[:, None]
        simple = view.simple_forecasts(ahead, lags, level)
        error = (self.store.values[ahead] - level)[..., None] - simple
        known = self.store.known[ahead]
        return (error.abs() / scale[:, None])[known].mean(0)

    def _past(self, view: "_View", level: Tensor, scale: Tensor) -> Tensor:
        at = view.origin + self._behind
        inside = at >= view.start
        at = torch.maximum(at, view.start)
        values = self.store.values[at]
        seasons = range(1, 5)
        usual = torch.stack([view.at_phase(at - self.spec.season * k) for k in seasons])
        described = torch.stack([values - level, values - usual.median(0).values], -1)
        described = torch.where(inside[..., None], _scaled(described, scale), 0.0)
        known = (inside & self.store.known[at]).float()[..., None]
        return torch.cat(
            [described.float(), known, self.store.calendar[at], view.yearly(at, scale).float()], -1
        )


def feature_words(
    spec: WindowSpec, frequency: Frequency, yearly: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a word for each input of the past and of the future of a `WindowBatch`.

    Args:
        spec: How windows are cut and described.
        frequency: Of the panel.
        yearly: The names of the yearly keys, in order.
    """
    calendar_words = calendar.feature_words(frequency)
    earlier = tuple(
        f"{what} {key.replace('_', ' ')}" for key in yearly for what in ("earlier", "known")
    )
    lags = tuple(f"lag {k} seasons" for k in range(1, 5))
    long = ("long lag 1", "long lag 2", "long lag 3", "level then", "level now")
    past = ("value", "beyond usual", "is known", *calendar_words, *earlier)
    future = (
        *(base.replace("_", " ") for base in BASES),
        *lags,
        *(long if spec.long_season is not None else ()),
        *calendar_words,
        *earlier,
        "season step",
        "place in horizon",
    )
    return past, future


class _View(NamedTuple):
    """B windows and what can be looked up for them; positions are flat, relative to nothing."""

    store: Store
    spec: WindowSpec
    start: Tensor
    origin: Tensor

    def at_phase(self, at: Tensor, season: int | None = None) -> Tensor:
        """Values at positions; before the series' start, the same season position's first value."""
        m = season or self.spec.season
        short = (self.start - at).clamp_min(0)
        at = at + m * -(-short // m)
        return self.store.values[torch.minimum(at, self.origin - 1)]

    def mean_of(self, column: int, steps: int, *, skip: int = 0) -> Tensor:
        """(B,) the mean of a column of `sums` over the last steps, but `skip`, before the
        origin."""
        high = torch.maximum(self.origin - skip, self.start + 1)
        low = torch.maximum(high - steps, self.start)
        return (self.store.sums[high, column] - self.store.sums[low, column]) / (high - low)

    def level(self) -> Tensor:
        """(B,) the median of the last seasons' means."""
        m = self.spec.season
        means = [self.mean_of(0, m, skip=m * k) for k in range(_LEVEL_SEASONS)]
        return torch.stack(means).quantile(0.5, dim=0)

    def scale(self) -> Tensor:
        """(B,) the mean absolute step of the context, at least a tenth of the whole past's; never
        0."""
        recent = self.mean_of(1, max(self.spec.context, self.spec.season))
        scale = torch.maximum(recent, 0.1 * self.mean_of(1, len(self.store.values)))
        return torch.where(scale > 0, scale, 1.0)

    def seasonal_lags(self, ahead: Tensor) -> Tensor:
        """(H, B, 6) values at the same season position, newest known first."""
        m = self.spec.season
        first = m * ((ahead - self.origin) // m + 1)
        return torch.stack([self.at_phase(ahead - first - m * j) for j in range(_LAGS)], -1)

    def simple_forecasts(self, ahead: Tensor, lags: Tensor, level: Tensor) -> Tensor:
        """(H, B, len(BASES)) in the order of BASES, relative to the level."""
        m, q = self.spec.season, self.spec.long_season
        season = lags[..., 0]
        seasons = (ahead - self.origin) // m + 1
        drift = seasons * (self.mean_of(0, m) - self.mean_of(0, m, skip=m))
        far, far_level = season, season
        if q is not None:
            far = self.at_phase(ahead - q * ((ahead - self.origin) // q + 1), q) - level
            far_level = self._from_level(ahead - self._old_enough(ahead, q), q)
        return torch.stack(
            [
                (self.store.values[self.origin - 1] - level).expand_as(ahead),
                season,
                lags[..., :3].median(-1).values,
                lags.quantile(0.5, dim=-1),
                season + drift,
                far,
                far_level,
            ],
            -1,
        )

    def long_season(self, ahead: Tensor, level: Tensor) -> Tensor:
        """(H, B, 5 or 0) lags of the longer season from the level then, and that level's course."""
        q = self.spec.long_season
        if q is None:
            return ahead.new_zeros((*ahead.shape, 0), dtype=torch.float64)
        back = self._old_enough(ahead, q)
        lags = [self._from_level(ahead - back - more, q) for more in (0, self.spec.season, q)]
        then = self._level_at(ahead - back, level)
        cutoff = self._level_at(self.origin - 1 - back, level)
        return torch.stack([*lags, then - cutoff, level - cutoff], -1)

    def _level_at(self, at: Tensor, level: Tensor) -> Tensor:
        """The centred level, or `level` where that would look beyond the origin."""
        at = torch.maximum(at, self.start)
        known = at + self.spec.level_ahead < self.origin
        return torch.where(known, self.store.level[at], level)

    def _old_enough(self, ahead: Tensor, q: int) -> Tensor:
        """The least multiple of q steps back whose centred level ends before the origin."""
        return q * -(-(ahead - self.origin + 1 + self.spec.level_ahead) // q)

    def _from_level(self, at: Tensor, q: int) -> Tensor:
        """Values relative to the level around them; zero where too little is known."""
        short = (self.start - at).clamp_min(0)
        at = at + q * -(-short // q)
        known = at + self.spec.level_ahead < self.origin
        at = torch.minimum(at, self.origin - 1)
        return torch.where(known, self.store.values[at] - self.store.level[at], 0.0)

    def yearly(self, at: Tensor, scale: Tensor) -> Tensor:
        """(T, B, 2 K) what was known before the origin of earlier occurrences of each yearly
        key."""
        previous, after = self.store.previous, self.store.after
        found = previous[at]
        keys = torch.arange(found.shape[-1])
        limit = (self.origin - self.spec.profile_ahead)[:, None]
        while (late := (found >= 0) & (found >= limit)).any():
            found = torch.where(late, previous[found.clamp_min(0), keys], found)
        what = after[found.clamp_min(0), keys]
        what = torch.stack([what[..., 0] / scale[:, None], what[..., 1].double()], -1)
        return torch.where(found[..., None] < 0, 0.0, what).clamp(-_CLIP, _CLIP).flatten(-2)


def _scaled(values: Tensor, scale: Tensor) -> Tensor:
    return (values / scale[:, None]).clamp(-_CLIP, _CLIP)
