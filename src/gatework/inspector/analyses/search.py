"""Query by example: finding stretches in which the units do what they did in one."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from gatework.errors import InputError
from gatework.inspector.analyses.rows import check_unit, values_of
from gatework.inspector.trace import Array, PassTrace

READING = (
    "Choose a stretch of a sequence; the search finds others where the chosen units run the same "
    "course. The score is a correlation: 1 for the same shape, whatever its level and size, so a "
    "tiny wiggle may match a big one. If the matches share a meaning, so do, perhaps, the units: "
    "matches are what to look at, not a proof."
)
BLOCK = 1024  # windows looked at together, to bound memory


class Window(NamedTuple):
    """The steps `start` to `stop` - 1 of a sequence."""

    sequence: int
    start: int
    stop: int

    def overlaps(self, other: "Window") -> bool:
        """Whether a step is in both."""
        same = self.sequence == other.sequence
        return same and self.start < other.stop and other.start < self.stop


class Match(NamedTuple):
    """A window and its correlation with the query, -1 to 1."""

    window: Window
    score: float


def similar(
    part: PassTrace,
    query: Window,
    count: int = 10,
    *,
    units: list[int] | None = None,
    state: str | None = None,
) -> tuple[Match, ...]:
    """The windows whose courses are most like those of `query`, the most like first.

    The score is the normalised correlation: with each unit's mean over the window taken off,
    sum(a b) / sqrt(sum(a^2) sum(b^2)) over all chosen units and steps. Windows overlap neither the
    query nor a better match, nor the border of a sequence; those that do not change, or hold NaN,
    have no score. Our own; the idea is that of LSTMVis.

    Args:
        part: one layer and direction.
        query: at least two steps.
        count: how many matches.
        units: these alone; all if None.
        state: which state or gate; None is the memory.

    Raises:
        InputError: the query is no window of the trace, too short, or does not change; or there is
            no such unit or state.

    Example:
        >>> import torch, gatework
        >>> x = torch.randn(5, 1, 3).repeat(4, 1, 1)  # the same five steps, four times
        >>> part = gatework.trace(gatework.LSTM(3, 8), x)[""].find()
        >>> similar(part, Window(0, 6, 9), count=1)[0].window
        Window(sequence=0, start=11, stop=14)
    """
    values = values_of(part, state).astype(np.float64)
    for unit in units or ():
        check_unit(unit, values.shape[1])
    chosen = values if units is None else values[:, units]
    width = query.stop - query.start
    check_window(part, query, shortest=2)
    first = part.offsets[query.sequence] + query.start
    wanted = chosen[first : first + width].T
    wanted = wanted - wanted.mean(1, keepdims=True)
    size = np.sqrt((wanted**2).sum())
    if not size > 0:
        raise InputError(f"{query} holds NaN, or units that do not change; choose another.")
    found: list[Match] = []
    for sequence in range(len(part.offsets) - 1):
        rows = chosen[part.offsets[sequence] : part.offsets[sequence + 1]]
        if len(rows) >= width:
            scores = _correlations(rows, wanted / size)
            found += [
                Match(Window(sequence, start, start + width), float(scores[start]))
                for start in np.flatnonzero(np.isfinite(scores)).tolist()
            ]
    found.sort(key=lambda match: -match.score)
    return _apart(found, query, count)


def _correlations(rows: Array, wanted: Array) -> Array:
    """The correlation of each window of (n, U) rows with (U, W), which has size 1; NaN if none."""
    windows = sliding_window_view(rows, wanted.shape[1], axis=0)
    scores = np.full(len(windows), np.nan)
    for start in range(0, len(windows), BLOCK):
        block = windows[start : start + BLOCK]
        centred = block - block.mean(2, keepdims=True)
        sizes = np.sqrt(np.einsum("nuw,nuw->n", centred, centred))
        dots = np.einsum("nuw,uw->n", centred, wanted)
        changes = sizes > 1e-12 * (1 + np.abs(block).max(axis=(1, 2)))  # more than rounding
        np.divide(dots, sizes, out=scores[start : start + BLOCK], where=changes)
    return scores


def _apart(found: list[Match], query: Window, count: int) -> tuple[Match, ...]:
    """The first `count` that overlap neither the query nor one before them."""
    kept: list[Match] = []
    taken: dict[int, list[Window]] = {query.sequence: [query]}
    for match in found:
        if len(kept) >= count:
            break
        others = taken.setdefault(match.window.sequence, [])
        if not any(match.window.overlaps(other) for other in others):
            kept.append(match)
            others.append(match.window)
    return tuple(kept)


def check_window(part: PassTrace, query: Window, *, shortest: int) -> None:
    """Refuse a window that is not in the trace, or too short.

    Raises:
        InputError: it is.
    """
    count = len(part.offsets) - 1
    if not 0 <= query.sequence < count:
        raise InputError(f"{query} was asked for; the trace holds {count} sequences, from 0.")
    length = int(part.offsets[query.sequence + 1] - part.offsets[query.sequence])
    if not 0 <= query.start < query.stop <= length:
        raise InputError(f"{query} was asked for; that sequence has {length} steps, from 0.")
    if query.stop - query.start < shortest:
        raise InputError(f"{query} is too short; expected at least {shortest} steps.")
