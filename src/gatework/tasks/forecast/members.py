"""Which windows each member of an ensemble is trained on, and which it never sees.

With much data each member leaves out another tenth: of the series where there are many, else of the
time. What it leaves out shows how far off it is on new data, and the ensemble as a whole still
learns from everything. With little data nothing can be spared, so other networks rehearse: each
ends its history earlier and is judged on what came next (rolling origins; Tashman 2000).
"""

from typing import Final, NamedTuple

import torch
from torch import Tensor

from gatework.data.store import Store, WindowSpec
from gatework.tasks.forecast.settings import ForecastSettings

_SHARE: Final = 0.1
_MANY_SERIES: Final = 50
_MIN_BLOCK: Final = 2  # horizons a left-out block of time must be long
_REHEARSALS: Final = 3
_LEAST_POOL: Final = 0.3  # of the windows, for the rehearsal that ends earliest
_FARTHEST: Final = 6  # horizons before the end that it ends; a longer history is not cut deeper


class MemberSplit(NamedTuple):
    """For each member the windows to train on, and the windows held out (empty: nothing is)."""

    pools: tuple[Tensor, ...]
    held: tuple[Tensor, ...]


def training_windows(store: Store, spec: WindowSpec) -> tuple[Tensor, Tensor]:
    """Return (W,) series and (W,) origins of all windows to train on.

    A first part of each series is context only.
    """
    need = max(spec.context, 2 * (spec.long_season or 0) + spec.season)
    series, origins = [], []
    for number, length in enumerate((store.stop - store.start).tolist()):
        last = length - spec.horizon
        first = min(need, max(length // 3, 1), max(last, 1))
        at = torch.arange(first, max(last + 1, first))  # none, if the horizon does not fit
        series.append(torch.full_like(at, number))
        origins.append(at)
    return torch.cat(series), torch.cat(origins)


def split_for_members(
    series: Tensor, origins: Tensor, store: Store, spec: WindowSpec, settings: ForecastSettings
) -> tuple[MemberSplit, str]:
    """Return the split of windows (W,) of `series` at `origins`, and the reason for its kind."""
    everything = torch.arange(len(origins))
    whole = MemberSplit((everything,) * settings.members, ())
    if settings.calibrate is False:
        return whole, "not asked for"
    count = len(store.start)
    if settings.calibrate is None and count < _MANY_SERIES:
        return whole, f"{count} series are too few to leave any out"
    parts = [(member + 1) / settings.members for member in range(settings.members)]
    if count >= _MANY_SERIES:
        place = torch.linspace(0, 1, count)[
            torch.randperm(count, generator=torch.Generator().manual_seed(settings.seed))
        ][series]
        margin = torch.zeros(len(series))
        reason = f"each member leaves out a tenth of {count} series"
    else:
        lengths = (store.stop - store.start)[series].double()
        place = origins / (lengths - spec.horizon)
        margin = spec.horizon / (lengths - spec.horizon)
        block = _SHARE * float((store.stop - store.start).max())
        if block < _MIN_BLOCK * spec.horizon:
            return whole, f"a tenth of the history is {block:.0f} stamps, under two horizons"
        reason = f"each member leaves out {block:.0f} stamps of time"
    held = tuple((place > part - _SHARE) & (place <= part) for part in parts)
    near = [(place > part - _SHARE - margin) & (place <= part + margin) for part in parts]
    pools = tuple(everything[~close] for close in near)
    if any(len(pool) == 0 for pool in pools) or not all(block.any() for block in held):
        return whole, "too few windows to leave any out"
    return MemberSplit(pools, tuple(everything[block] for block in held)), reason


def rehearsals(
    series: Tensor, origins: Tensor, store: Store, spec: WindowSpec
) -> MemberSplit | None:
    """Return splits at cuts ever nearer to the end of each series, or None where there is no room.

    A network's pool has its targets before its cut; held are the windows that start within a
    horizon after it.
    """
    to_last = (store.stop - store.start)[series] - spec.horizon - origins
    earliest = int(torch.quantile(to_last.double(), 1 - _LEAST_POOL)) - spec.horizon
    earliest = min(earliest, _FARTHEST * spec.horizon)
    if earliest < spec.horizon // 2:
        return None
    everything = torch.arange(len(origins))
    cuts = sorted({round(earliest * part / (_REHEARSALS - 1)) for part in range(_REHEARSALS)})
    return MemberSplit(
        tuple(everything[to_last >= cut + spec.horizon] for cut in cuts),
        tuple(everything[(to_last <= cut) & (to_last > cut - spec.horizon)] for cut in cuts),
    )
