"""The ledgers of many sequences: what each holds at its end, and what stands out in it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gatework.errors import InputError
from gatework.inspector.analyses.ledger import NamedStep, ledger
from gatework.inspector.trace import Array, PassTrace

READING = (
    "For each sequence, the steps that its memory holds at the end. Two rankings: by share, in "
    "which units that forget at once put the last steps first, so choose the units with a long "
    "timescale; and by how far a step stands out from what the same place holds in the other "
    "sequences, in the unit where it does most, which needs no choice. One unit may hardly be "
    "moved by a step that others know well: a value in the middle of its range writes nothing."
)
FEWEST_SEQUENCES = 8  # below this, "usual" means nothing


class Holding(NamedTuple):
    """Which steps hold the memory at the end of one sequence, and the parts that are no step's."""

    sequence: int
    strongest: tuple[NamedStep, ...]
    initial: float
    other: float


def holdings(
    part: PassTrace,
    count: int = 3,
    *,
    units: Sequence[int] | None = None,
    weight: Array | None = None,
) -> tuple[Holding, ...]:
    """For each sequence the steps that hold most of its last memory; arguments as in `shares`.

    Example:
        >>> import torch, gatework
        >>> recorded = gatework.trace(gatework.GRU(3, 8), torch.randn(10, 2, 3))
        >>> [len(held.strongest) for held in holdings(recorded[""].find())]
        [3, 3]
    """
    found = []
    for index in range(len(part.offsets) - 1):
        entry = ledger(part.sequence(index))
        shares = entry.shares(units=units, weight=weight)
        named = entry.strongest(count, units=units, weight=weight)
        found.append(Holding(index, named, shares.initial, shares.other))
    return tuple(found)


class Outstanding(NamedTuple):
    """The steps of one sequence whose part of its last memory is least usual.

    Attributes:
        sequence: which.
        steps: their numbers, the most unusual first.
        scores: how many usual deviations each is away from the usual.
        units: in which unit that is so.
    """

    sequence: int
    steps: tuple[int, ...]
    scores: tuple[float, ...]
    units: tuple[int, ...]


def outstanding(part: PassTrace, count: int = 3) -> tuple[Outstanding, ...]:
    """For each sequence the steps that its memory knows something particular about.

    A step's row of the ledger is compared with the rows of all sequences at the same distance from
    the end, unit by unit: |A - median A| / (1.4826 MAD + 0.01 sd(m)), where sd(m) is the spread of
    the unit's last memory, and the unit where that is largest counts. Our own construction.

    Raises:
        InputError: there are fewer than 8 sequences to say what is usual.

    Example:
        >>> import torch, gatework
        >>> recorded = gatework.trace(gatework.LSTM(3, 8), torch.randn(10, 20, 3))
        >>> len(outstanding(recorded[""].find(), count=2)[19].steps)
        2
    """
    lengths = np.diff(part.offsets)
    if np.count_nonzero(lengths) < FEWEST_SEQUENCES:
        raise InputError(
            f"the trace holds {np.count_nonzero(lengths)} sequences with steps; at least "
            f"{FEWEST_SEQUENCES} are needed to say what is usual."
        )
    entries = [ledger(part.sequence(index)) for index in range(len(lengths))]
    # Row k of a sequence is the step that was read k steps before its last.
    by_lag = np.full((len(entries), lengths.max(), part.hidden_size), np.nan)
    for index, entry in enumerate(entries):
        by_lag[index, : lengths[index]] = entry.written[:: 1 if part.reverse else -1]
    last = np.array([entry.memory for entry in entries if entry.step is not None])
    whole = last[np.isfinite(last).all(1)]
    spread = whole.std(0) if len(whole) else np.zeros(part.hidden_size)
    scores = np.zeros(by_lag.shape)
    for lag in range(by_lag.shape[1]):
        reaching = np.flatnonzero(lengths > lag)
        if len(reaching) >= FEWEST_SEQUENCES:
            scores[reaching, lag] = _deviations(by_lag[reaching, lag], spread)
    found = []
    for index, length in enumerate(lengths):
        best = scores[index, :length].max(axis=1, initial=0.0)
        order = np.argsort(-best, kind="stable")[:count]
        steps = order if part.reverse else length - 1 - order
        units = scores[index, order].argmax(axis=1)
        found.append(
            Outstanding(
                index, tuple(steps.tolist()), tuple(best[order].tolist()), tuple(units.tolist())
            )
        )
    return tuple(found)


def _deviations(rows: Array, spread: Array) -> Array:
    """How far each of (n, H) rows is from their median, in their usual deviations; 0 for NaN."""
    finite = np.where(np.isfinite(rows), rows, np.nan)
    usable = np.isfinite(finite).any(axis=0)
    scores = np.zeros(rows.shape)
    away = np.abs(finite[:, usable] - np.nanmedian(finite[:, usable], axis=0))
    scale = 1.4826 * np.nanmedian(away, axis=0) + 0.01 * spread[usable]
    scores[:, usable] = np.divide(away, scale, out=np.zeros_like(away), where=scale > 0)
    return np.nan_to_num(scores, nan=0.0)
