"""What is chosen from the data where the user chose nothing, each with its reason in words."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from torch import Tensor

from gatework.data import calendar
from gatework.data.panel import Panel, Series
from gatework.data.store import BASES, Base, WindowSpec
from gatework.data.windows import Windows
from gatework.errors import InputError
from gatework.tasks.forecast.settings import ForecastSettings
from gatework.tasks.settings import Choice

_YEAR_US: Final = 365 * 86_400_000_000
_GROWTH: Final = 0.5  # swings that grow with the level to this power or more are multiplicative
_MAX_CONTEXT: Final = 168
_BASE_MARGIN: Final = 0.98  # a base must be this much better than the one listed before it
SMALL: Final = 1_000  # stamps under which a network soon learns by heart
LITTLE: Final = 5_000  # stamps under which its own intervals are too sure, and others rehearse


class Effort(NamedTuple):
    """How large a network is trained, and for how long."""

    hidden_size: int
    steps: int
    batch_size: int


def choose_spec(panel: Panel, settings: ForecastSettings) -> tuple[WindowSpec, list[Choice]]:
    """Return how windows are cut and scaled (the base still to be chosen), and why.

    Raises:
        InputError: No series is long enough for a single window.
    """
    horizon = settings.horizon
    longest = int(panel.lengths.max(initial=0))
    if longest < horizon + 2:
        raise InputError(
            f"the longest of {len(panel)} series has {longest} {panel.frequency.noun}s; horizon "
            f"{horizon} needs at least {horizon + 2}: give longer series or a shorter horizon"
        )
    choices: list[Choice] = []

    def choose(name: str, value: object, reason: str) -> None:
        choices.append(Choice(name, value, reason))

    season = panel.season if settings.season is None else settings.season
    if season > longest - horizon:
        choose("season", 1, f"a season of {season} is longer than the history before the horizon")
        season = 1
    typical = int(np.median(panel.lengths))
    long_season = calendar.long_season(panel.frequency, season)
    if long_season is not None and typical < 2 * long_season + horizon:
        choose("long_season", None, f"{typical} stamps hold no two long seasons of {long_season}")
        long_season = None
    elif long_season is not None:
        choose(
            "long_season", long_season, f"{typical} stamps hold {typical // long_season} of them"
        )
    week = calendar.steps_per_week(panel.frequency)
    yearly = week is not None and any(_spans_years(series) for series in panel.series)
    if week is not None:
        reason = (
            "the history holds at least two years" if yearly else "less than two years of history"
        )
        choose("yearly", yearly, reason)
    log, reason = _choose_log(panel, season)
    if settings.log is None:
        choose("log", log, reason)
    else:
        log = settings.log
    context = settings.context
    if context is None:
        seasons = max(3, -(-56 // season))
        context = min(seasons * season, _MAX_CONTEXT, max(longest - horizon, 1))
        choose("context", context, f"{context / season:.3g} seasons of {season}")
    spec = WindowSpec(horizon, context, season, long_season, week or 1, log, yearly)
    return spec, choices


def choose_base(windows: Windows, sample: Tensor) -> tuple[Base, str]:
    """Return the simple forecast with the least error; a later one in the list must be clearly
    better."""
    errors = windows.simple_errors(sample).tolist()
    best = 0
    for candidate, error in enumerate(errors):
        if error < _BASE_MARGIN * errors[best]:
            best = candidate
    listed = ", ".join(f"{name} {error:.3f}" for name, error in zip(BASES, errors, strict=True))
    return BASES[best], f"least error on training windows, in scales: {listed}"


def choose_effort(
    stamps: int, windows: int, settings: ForecastSettings
) -> tuple[Effort, list[Choice]]:
    """Return the effort for so many stamps of training data cut into so many windows."""
    small = stamps < SMALL
    by_size = Effort(
        hidden_size=16 if small else 32 if stamps < 5_000 else 48,
        steps=40 if small else 400 if stamps < 50_000 else 1_000,
        batch_size=16 if windows < 256 else 64,
    )
    chosen = {
        name: getattr(settings, name)
        for name in Effort._fields
        if getattr(settings, name) is not None
    }
    effort = by_size._replace(**chosen)
    reason = f"{stamps:,} stamps in {windows:,} windows"
    free = [name for name in Effort._fields if name not in chosen]
    return effort, [Choice(name, getattr(effort, name), reason) for name in free]


def _spans_years(series: Series) -> bool:
    return int((series.times[-1] - series.times[0]).astype("timedelta64[us]").astype(np.int64)) >= (
        2 * _YEAR_US
    )


def _choose_log(panel: Panel, season: int) -> tuple[bool, str]:
    """Compare how swings within a block grow with the block's level, over all series."""
    if not all(np.nanmin(s.values, initial=np.inf) > 0 for s in panel.series):
        return False, "not all values are above zero"
    powers = np.array(list(_powers(panel, max(season, 8))))
    if len(powers) == 0:
        return False, "too little history to see whether swings grow with the level"
    power = float(np.median(powers))
    grow = power > _GROWTH
    return grow, f"swings grow as the level to the power {power:.2f}; log from {_GROWTH} on"


def _powers(panel: Panel, block: int) -> Iterator[float]:
    """For each series long enough: the slope of log swing over log level, blocks being points."""
    for series in panel.series:
        count = len(series) // block
        if count < 4:
            continue
        blocks = series.values[-count * block :].reshape(count, block)
        blocks = blocks[~np.isnan(blocks).any(axis=1)]
        level, swing = blocks.mean(1), blocks.std(1)
        usable = swing > 0
        if usable.sum() < 4:
            continue
        x, y = np.log(level[usable]), np.log(swing[usable])
        spread = float(np.var(x))
        if spread > 1e-4:
            yield float(np.mean((x - x.mean()) * (y - y.mean())) / spread)
