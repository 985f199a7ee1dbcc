"""How newer data relates to the data of a fit: it continues it, holds it, or is other data."""

from typing import Final

import numpy as np

from gatework.data import Panel, Series

_SAME: Final = 0.5  # part of the overlap that must agree: a few revised values are the same series


def join(known: Panel, newer: Panel) -> Panel:
    """Return `newer` with the history put before each series that begins after its known end."""
    by_id = {series.id: series for series in known.series}
    late = [
        series.id
        for series in newer.series
        if series.id in by_id and series.times[0] > by_id[series.id].times[-1]
    ]
    if not late:
        return newer
    return known.select(late).extend(newer).select(newer.ids)


def steps_seen(known: Panel, newer: Panel) -> dict[str, int]:
    """Return, by id, how many steps of a series of `newer` the fit has seen; others are absent."""
    by_id = {series.id: series for series in known.series}
    seen = {}
    for series in newer.series:
        old = by_id.get(series.id)
        if old is not None and _is_same(old, series):
            seen[series.id] = int(np.searchsorted(series.times, old.times[-1], side="right"))
    return seen


def _is_same(old: Series, new: Series) -> bool:
    _, here, there = np.intersect1d(old.times, new.times, return_indices=True)
    if not len(here):
        return False
    equal = np.isclose(old.values[here], new.values[there], rtol=1e-9, equal_nan=True)
    return bool(equal.mean() >= _SAME)
