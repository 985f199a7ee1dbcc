"""Search by pattern: which units are on together, and where else they are (LSTMVis)."""

from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from gatework.errors import InputError
from gatework.inspector.analyses.rows import values_of
from gatework.inspector.analyses.search import Window, check_window
from gatework.inspector.trace import PassTrace

READING = (
    "Units count as on above a threshold. A match is a run of steps through which the units that "
    "were on in your stretch are on again; Jaccard is 1 where exactly these are on, and falls with "
    "every one that is missing or besides. Raise the threshold, or ask that the units be off at "
    "the ends, until few matches are left; if those share a meaning, these units may carry it."
)


@final
@dataclass(frozen=True)
class Criteria:
    """What counts as on, and what as a match.

    Args:
        threshold: Where on begins; if negative, downwards.
        off_before: Wanted units must be off at the step before, in the query and in a match; the
            border of a sequence counts as off.
        off_after: The same for the step after.
        missing: How many wanted units a match may lack.
        shortest: The fewest steps of a match.

    Raises:
        InputError: a number is out of range.
    """

    threshold: float = 0.3
    off_before: bool = False
    off_after: bool = False
    missing: int = 0
    shortest: int = 2

    def __post_init__(self) -> None:
        if self.threshold == 0 or not np.isfinite(self.threshold):
            raise InputError(f"threshold is {self.threshold}; expected a number other than 0.")
        if self.missing < 0 or self.shortest < 1:
            raise InputError(
                f"missing is {self.missing} and shortest is {self.shortest}; expected at least 0 "
                "units and 1 step."
            )


class PatternMatch(NamedTuple):
    """A run of steps through which the wanted units are on.

    Attributes:
        window: the steps.
        units: which of the wanted units are on through all of it.
        others: how many units that were not wanted are on through all of it too.
        jaccard: wanted units that are on, over all that are wanted or on.
    """

    window: Window
    units: tuple[int, ...]
    others: int
    jaccard: float


class Pattern(NamedTuple):
    """The units that the query has on, and the runs that have them on too, the best first."""

    units: tuple[int, ...]
    matches: tuple[PatternMatch, ...]


def pattern(
    part: PassTrace,
    query: Window,
    count: int = 10,
    *,
    criteria: Criteria | None = None,
    state: str | None = "h",
) -> Pattern:
    """Find the runs through which the units that are on in `query` are on again.

    As in LSTMVis (Strobelt et al. 2018, arXiv:1606.07461): wanted are the units that are on at all
    steps of the query. A match is a run, as long as it can be, with at most `missing` of them off
    at each step; the most units on through all of it come first, then the fewest units besides,
    then the longest run.

    Args:
        part: one layer and direction.
        query: one step or more.
        count: how many matches.
        criteria: what counts as on, and what as a match.
        state: which state or gate; None is the memory.

    Raises:
        InputError: the query is no window of the trace, or no unit is on in it.

    Example:
        >>> import torch, gatework
        >>> x = torch.randn(5, 1, 3).repeat(4, 1, 1)
        >>> part = gatework.trace(gatework.LSTM(3, 8), x)[""].find()
        >>> found = pattern(part, Window(0, 6, 8), criteria=Criteria(threshold=0.01))
        >>> len(found.units) > 0
        True
    """
    chosen = criteria or Criteria()
    check_window(part, query, shortest=1)
    values = values_of(part, state)
    above = chosen.threshold > 0
    on = values >= chosen.threshold if above else values <= chosen.threshold
    wanted = _held(on, part.offsets, query, chosen)
    if not wanted.any():
        raise InputError(
            f"no unit is on through {query} at threshold {chosen.threshold}; lower it, or ask for "
            "less."
        )
    need = max(int(wanted.sum()) - chosen.missing, 1)
    matches = []
    for window in _runs(on[:, wanted].sum(1) >= need, part.offsets, chosen.shortest):
        there = _held(on, part.offsets, window, chosen)
        both = np.flatnonzero(there & wanted)
        if len(both) >= need and not window.overlaps(query):
            others = int((there & ~wanted).sum())
            jaccard = len(both) / int((there | wanted).sum())
            matches.append(PatternMatch(window, tuple(both.tolist()), others, jaccard))
    matches.sort(key=_rank)
    return Pattern(tuple(np.flatnonzero(wanted).tolist()), tuple(matches[:count]))


def _rank(match: PatternMatch) -> tuple[int, int, int]:
    return -len(match.units), match.others, match.window.start - match.window.stop


def _held(
    on: NDArray[np.bool_], offsets: NDArray[np.int64], window: Window, criteria: Criteria
) -> NDArray[np.bool_]:
    """(H,) the units on through all of a window, and off where they must be."""
    first, end = offsets[window.sequence], offsets[window.sequence + 1]
    before, after = first + window.start - 1, first + window.stop
    through = np.logical_and.reduce(on[first + window.start : after])
    if criteria.off_before and before >= first:
        through = through & ~on[before]
    if criteria.off_after and after < end:
        through = through & ~on[after]
    return through


def _runs(holds: NDArray[np.bool_], offsets: NDArray[np.int64], shortest: int) -> list[Window]:
    """The longest runs of True within each sequence."""
    found = []
    for sequence in range(len(offsets) - 1):
        inside = holds[offsets[sequence] : offsets[sequence + 1]]
        edges = np.diff(np.concatenate([[0], inside.astype(np.int8), [0]]))
        starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        found += [
            Window(sequence, int(start), int(stop))
            for start, stop in zip(starts, stops, strict=True)
            if stop - start >= shortest
        ]
    return found
