"""What a step of a recording is: each time as it was read, or the mean over a length of time."""

import math
from typing import Final

import numpy as np

from gatework.data.labelled import Recordings
from gatework.tasks.classify.settings import ClassifySettings
from gatework.tasks.settings import Choice

_EVEN: Final = 1e-6
_LONG: Final = 64  # steps that a series is averaged down to, if it is smooth enough
_KEPT: Final = 0.95  # part of the variance that has to stay
_SPARSE: Final = 0.5  # part of the values missing from which few steps hold much
_FEW: Final = 24  # steps that sparse events are averaged into


def choose_step(
    recordings: Recordings, settings: ClassifySettings
) -> tuple[float | None, list[Choice]]:
    """Return how much time to average into one step, and why; None is none.

    Of long, regular, smooth series it is as much as leaves them `_LONG` steps, or half of that and
    so on, until little of their variance is lost; of many sparse events, what makes `_FEW` steps of
    a recording.
    """
    if settings.step is not None or not len(recordings.values):
        return settings.step, []
    typical = len(recordings.values) / len(recordings)
    gaps = steps_apart(recordings)
    missing = float(np.isnan(recordings.values).mean())
    if recordings.times is not None and missing >= _SPARSE and typical >= 2 * _FEW:
        # Three digits: a length of time that a person can read.
        step = float(f"{np.median(_spans(recordings)) / _FEW:.3g}")
        reason = f"{typical:.0f} times a recording, {missing:.1%} of the values missing"
        return step, [Choice("step", step, reason)]
    if missing or uneven(gaps):
        return None, []
    return _smoothest(recordings, float(gaps[0]) if len(gaps) else 1.0, typical)


def _smoothest(
    recordings: Recordings, apart: float, typical: float
) -> tuple[float | None, list[Choice]]:
    """What `choose_step` says of regular series without gaps."""
    whole = _variance(recordings)
    moving = whole > 0
    every = math.ceil(typical / _LONG) if moving.any() else 1
    while every > 1:
        averaged = binned(recordings, every * apart)
        kept = float(np.mean(_variance(averaged)[moving] / whole[moving]))
        if kept >= _KEPT:
            reason = f"{typical:.0f} steps a recording; {kept:.1%} of their variance stays"
            return every * apart, [Choice("step", every * apart, reason)]
        every //= 2
    return None, []


def _spans(recordings: Recordings) -> np.ndarray:
    """The time from the first to the last step of each recording of two or more."""
    assert recordings.times is not None
    full = np.flatnonzero(recordings.lengths > 1)
    ends = recordings.offsets[1:][full] - 1
    return recordings.times[ends] - recordings.times[recordings.offsets[full]]


def uneven(gaps: np.ndarray) -> bool:
    """Return whether the times between steps differ."""
    return len(gaps) > 0 and float(np.ptp(gaps)) > _EVEN * float(gaps.max())


def _variance(recordings: Recordings) -> np.ndarray:
    """(V,) the mean square of the differences from each recording's own mean."""
    full = np.flatnonzero(recordings.lengths)
    lengths, values = recordings.lengths[full], recordings.values.astype(np.float64)
    mean = np.add.reduceat(values, recordings.offsets[full]) / lengths[:, None]
    return np.square(values - np.repeat(mean, lengths, axis=0)).mean(0)


def steps_apart(recordings: Recordings) -> np.ndarray:
    """Return the times between neighbouring steps of all recordings."""
    if recordings.times is None or len(recordings.times) < 2:
        return np.zeros(0)
    inside = np.diff(recordings.owners) == 0
    return np.diff(recordings.times)[inside]


def binned(recordings: Recordings, step: float | None) -> Recordings:
    """Average what was seen of each feature over every `step` of time, or of steps where there are
    no times; bins without any are left out."""
    if step is None:
        return recordings
    width = recordings.values.shape[1]
    times = recordings.times
    if times is None:
        times = np.arange(len(recordings.values)) - np.repeat(
            recordings.offsets[:-1], recordings.lengths
        )
    bins = np.floor(times / step).astype(np.int64)
    owners = recordings.owners
    new = np.ones(len(bins), bool)
    new[1:] = (np.diff(bins) != 0) | (np.diff(owners) != 0)
    place = np.cumsum(new) - 1
    count = int(place[-1]) + 1 if len(place) else 0
    seen = np.isfinite(recordings.values)
    where = (place[:, None] * width + np.arange(width))[seen]
    total = np.bincount(where, recordings.values[seen], count * width)
    number = np.bincount(where, minlength=count * width)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (total / number).reshape(count, width).astype(np.float32)
    lengths = np.bincount(owners[new], minlength=len(recordings))
    return Recordings(
        values,
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        recordings.features,
        None if recordings.times is None else bins[new] * step,
        recordings.statics,
        recordings.static_names,
        ids=recordings.ids,
        places=recordings.places,
    )


def cut(recordings: Recordings, longest: int) -> Recordings:
    """Keep the first `longest` steps of each."""
    if not len(recordings) or recordings.lengths.max() <= longest:
        return recordings
    inside = np.arange(len(recordings.values)) - np.repeat(
        recordings.offsets[:-1], recordings.lengths
    )
    kept = inside < longest
    lengths = np.minimum(recordings.lengths, longest)
    return Recordings(
        recordings.values[kept],
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        recordings.features,
        None if recordings.times is None else recordings.times[kept],
        recordings.statics,
        recordings.static_names,
        ids=recordings.ids,
        places=recordings.places,
    )
