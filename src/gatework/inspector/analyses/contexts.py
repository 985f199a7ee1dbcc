"""What makes a unit high or low: its top contexts, and how it answers to each word."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatework.errors import InputError
from gatework.inspector.analyses.rows import check_unit, locate, values_of
from gatework.inspector.trace import Array, PassTrace, Recording

READING = (
    "The places at which a unit stands highest and lowest, with the steps around them. What they "
    "share is a guess at what the unit is for; a guess only, since the middle of its range is not "
    "shown and ten places always seem to share something. Put the guess to the test with the unit "
    "search or with an ablation. The expected response says by how much the memory changes, on "
    "average, at the step that reads a word."
)


class Context(NamedTuple):
    """One place at which a unit is high or low.

    Attributes:
        sequence: which.
        step: the step in it.
        value: the unit's value there.
        before: the names of up to `width` steps before it in time, never of another sequence.
        word: the name of the step itself.
        after: those after it.
    """

    sequence: int
    step: int
    value: float
    before: tuple[str, ...]
    word: str
    after: tuple[str, ...]

    def __str__(self) -> str:
        around = (*self.before, f"[{self.word}]", *self.after)
        return f"{self.value:+.3f}  sequence {self.sequence}, step {self.step}: {' '.join(around)}"


class TopContexts(NamedTuple):
    """The highest places of a unit, the highest first, and the lowest, the lowest first."""

    highest: tuple[Context, ...]
    lowest: tuple[Context, ...]

    def __str__(self) -> str:
        parts = ["highest", *map(str, self.highest), "lowest", *map(str, self.lowest)]
        return "\n".join(parts)


def top_contexts(
    recording: Recording,
    part: PassTrace,
    unit: int,
    count: int = 5,
    *,
    state: str | None = None,
    width: int = 5,
) -> TopContexts:
    """Where a unit is highest and lowest (Karpathy et al. 2015; Bau et al. 2019).

    Places that would lie within each other's context are shown once, at the more extreme.

    Args:
        recording: that the part is of; it has the names of the steps.
        part: one of its passes.
        unit: which, from 0.
        count: how many places.
        state: of which state or gate; None is the memory.
        width: how many steps to show on either side, and how far apart places must be.

    Raises:
        InputError: there is no such unit or state, or a number is negative.

    Example:
        >>> import torch, gatework
        >>> x = torch.randn(6, 1, 3)
        >>> recorded = gatework.trace(gatework.GRU(3, 8), x, steps=["gating"])[""]
        >>> found = top_contexts(recorded, recorded.find(), 0, count=1, width=1)
        >>> place = found.highest[0]
        >>> place.word == "gating"[place.step]
        True
    """
    values = values_of(part, state)
    check_unit(unit, values.shape[1])
    if count < 0 or width < 0:
        raise InputError(f"count is {count} and width is {width}; expected 0 or more.")
    column = values[:, unit].astype(np.float64)
    return TopContexts(
        _extreme(recording, part, column, count, width),
        _extreme(recording, part, column, count, width, sign=-1),
    )


def _extreme(
    recording: Recording, part: PassTrace, column: Array, count: int, width: int, sign: int = 1
) -> tuple[Context, ...]:
    """The rows where sign * column is largest, far enough from each other."""
    known = np.flatnonzero(np.isfinite(column))
    sequences, steps = locate(part.offsets, known)
    free = np.ones(len(column), dtype=bool)
    found: list[Context] = []
    for place in np.argsort(-sign * column[known], kind="stable"):
        if len(found) == count:
            break
        row, sequence, step = int(known[place]), int(sequences[place]), int(steps[place])
        if not free[row]:
            continue
        start, stop = int(part.offsets[sequence]), int(part.offsets[sequence + 1])
        free[max(start, row - width) : min(stop, row + width + 1)] = False
        names = recording.step_names(sequence)
        found.append(
            Context(
                sequence,
                step,
                float(column[row]),
                tuple(names[max(0, step - width) : step]),
                names[step],
                tuple(names[step + 1 : step + 1 + width]),
            )
        )
    return tuple(found)


class Responses(NamedTuple):
    """How the memory changes at each word.

    Attributes:
        words: (W,) the words, the most frequent first.
        counts: (W,) how often each was read.
        mean: (W, H) the mean change m' - m at the step that reads it.
    """

    words: tuple[str, ...]
    counts: NDArray[np.int64]
    mean: Array


def expected_response(
    recording: Recording, part: PassTrace, *, state: str | None = None, fewest: int = 1
) -> Responses:
    """The mean change of each unit at each word: s(u, w) = E[m'_u - m_u | x_t = w].

    The model of a unit's answer in RNNVis (Ming et al. 2017, arXiv:1710.10777).

    Args:
        recording: that the part is of; its steps must have names.
        part: one of its passes.
        state: whose change; None is the memory.
        fewest: words that were read less often are left out.

    Raises:
        InputError: the steps have no names, or `state` is no state.

    Example:
        >>> import torch, gatework
        >>> x = torch.randn(6, 1, 3)
        >>> recorded = gatework.trace(gatework.GRU(3, 8), x, steps=["gating"])[""]
        >>> expected_response(recorded, recorded.find()).words
        ('g', 'a', 'i', 'n', 't')
    """
    if recording.steps is None:
        raise InputError("the steps have no names: give steps= to gatework.trace, say, tokens.")
    name = part.cell.memory if state is None else state
    if name not in part.initial:
        raise InputError(f"{name!r} is no state; expected one of {', '.join(part.initial)}.")
    after = values_of(part, name).astype(np.float64)
    before = [part.sequence(b).before(name) for b in range(len(part.offsets) - 1)]
    change = after - np.concatenate(before) if before else after
    known = np.isfinite(change).all(1)
    words, inverse = np.unique(np.array(recording.steps, dtype=object), return_inverse=True)
    counts = np.bincount(inverse[known], minlength=len(words))
    totals = np.zeros((len(words), change.shape[1]))
    np.add.at(totals, inverse[known], change[known])
    order = [w for w in np.argsort(-counts, kind="stable") if counts[w] >= max(fewest, 1)]
    return Responses(
        tuple(str(words[w]) for w in order), counts[order], totals[order] / counts[order, None]
    )
