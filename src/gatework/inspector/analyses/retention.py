"""How long each unit remembers: its timescale from what its keep gate did, or would at rest."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from gatework.cells import LSTM
from gatework.cells.activations import ACTIVATIONS
from gatework.errors import InputError
from gatework.inspector.analyses.rows import roles_of
from gatework.inspector.trace import Array, PassTrace

READING = (
    "The timescale of a unit is the number of steps after which 1/e (37 %) of what it held is "
    "left, the half-life that after which half is, at the rate at which its keep gate stood on "
    "average over these sequences. Units sorted by it show what a layer divides its memory into. "
    "A unit that clears itself on certain steps forgets in jumps, not at a rate: then believe the "
    "survival curve. The timescale from the biases is that of the gate with nothing coming in, "
    "where training began more than where it ended."
)


class Timescales(NamedTuple):
    """How long each unit remembers, in steps.

    Attributes:
        timescale: (H,) tau = -1 / mean(log keep); 0 where it never keeps, inf where it never
            forgets, NaN where there was no step.
        half_life: (H,) tau ln 2.
        mean_keep: (H,) the mean of keep, which overstates memory (Jensen): for comparison.
        resets: (H,) the part of the steps at which keep was 0; tau is 0 if there is one.
    """

    timescale: Array
    half_life: Array
    mean_keep: Array
    resets: Array


def timescales(part: PassTrace) -> Timescales:
    """The timescale of each unit, from what its keep gate did (Tallec & Ollivier 2018).

    tau = -1 / mean_t(log keep_t), over all steps of all sequences but those with NaN, and with
    |keep| where a gate can be negative: so that exp(-T / tau) is what T such steps leave. It
    describes forgetting as exponential, which holds only if gradients decay so (arXiv:2111.03282).

    Example:
        >>> import torch, gatework
        >>> trace = gatework.trace(gatework.LSTM(3, 8, forget_bias=3.0), torch.zeros(10, 1, 3))
        >>> bool(15 < timescales(trace[""].find()).timescale.mean() < 25)
        True
    """
    keep = np.abs(roles_of(part)[0])
    known = np.isfinite(keep)
    counts = known.sum(0)
    with np.errstate(divide="ignore"):
        logs = np.log(np.where(known, keep, 1.0))
    found = _from_mean_log(_mean(logs, counts))
    zeros = _mean(np.where(known, keep == 0, 0.0), counts)
    return Timescales(found, found * np.log(2), _mean(np.where(known, keep, 0.0), counts), zeros)


def bias_timescales(part: PassTrace) -> Array:
    """(H,) the timescale of each unit from the biases of its keep gate alone.

    tau = -1 / log s(b), where b = b_ih + b_hh (torch has two) or, with layer norm, the sum of its
    two shifts, and s is the gate's activation: inputs, states and peepholes count as 0. Tallec &
    Ollivier 2018 write 1 / (1 - s(b)), which is half a step more where tau is long. inf without a
    forget gate, 0 for an RNN.

    Example:
        >>> import torch, gatework
        >>> lstm = gatework.LSTM(3, 8, init="chrono", longest_lag=100)
        >>> tau = bias_timescales(gatework.trace(lstm, torch.zeros(1, 1, 3))[""].find())
        >>> bool(tau.max() < 100)
        True
    """
    cell, width = part.cell, part.hidden_size
    if cell.keep_gate is None:
        return np.full(width, np.inf if isinstance(cell, LSTM) else 0.0)
    start = cell.gates.index(cell.keep_gate) * width
    total = np.zeros(width)
    for name in ("bias_ih", "bias_hh", "norm_ih_bias", "norm_hh_bias"):
        if name in part.params:
            total += part.params[name][start : start + width]
    activation = cell.gate_activation if isinstance(cell, LSTM) else "sigmoid"
    keep = np.abs(ACTIVATIONS[activation](torch.from_numpy(total)).numpy())
    with np.errstate(divide="ignore"):
        return _from_mean_log(np.log(keep))


class Survival(NamedTuple):
    """What is left of the memory after some steps.

    Attributes:
        lags: (K,) numbers of steps.
        mean: (K, H) the mean over all places of |prod keep| over that many steps.
        counts: (K,) over how many places; NaN in `mean` where 0.
    """

    lags: NDArray[np.int64]
    mean: Array
    counts: NDArray[np.int64]


def survival(part: PassTrace, lags: NDArray[np.int64] | list[int] | None = None) -> Survival:
    """R(lag): how much of what a unit held is left `lag` steps later, on average.

    It says what one number cannot: forgetting in jumps, or never. Windows do not cross the border
    of a sequence; those with NaN are left out.

    Args:
        part: one layer and direction.
        lags: in steps, from 0; if None 0, 1, 2, 4, 8, ... below the longest sequence.

    Raises:
        InputError: a lag is negative.

    Example:
        >>> import torch, gatework
        >>> recorded = gatework.trace(gatework.LSTM(3, 8), torch.randn(10, 2, 3))
        >>> survival(recorded[""].find()).lags.tolist()
        [0, 1, 2, 4, 8]
    """
    lengths = np.diff(part.offsets)
    longest = int(lengths.max(initial=0))
    if lags is None:
        lags = [0] + [2**power for power in range(longest.bit_length()) if 2**power <= longest]
    sequences = [(at, n) for at, n in zip(part.offsets[:-1], lengths, strict=True) if n > 0]
    wanted = np.asarray(lags, np.int64)
    if (wanted < 0).any():
        raise InputError(f"lag {wanted.min()} was asked for; expected 0 or more steps.")
    keep = np.abs(roles_of(part)[0])
    known = np.isfinite(keep)
    zero = keep == 0
    logs = np.log(np.where(known & ~zero, keep, 1.0))
    # Sums up to each row: the product over a window is a difference, if no zero or NaN is in it.
    sums = _running(logs)
    zeros, unknown = _running(zero.astype(int)), _running((~known.all(1)).astype(int))
    totals = np.zeros((len(wanted), part.hidden_size))
    counts = np.zeros(len(wanted), np.int64)
    for place, lag in enumerate(wanted):
        starts = np.concatenate(
            [np.arange(first, first + length - lag + 1) for first, length in sequences]
            or [np.zeros(0, np.int64)]
        )
        starts = starts[unknown[starts + lag] == unknown[starts]]
        left = np.exp(sums[starts + lag] - sums[starts])
        totals[place] = np.where(zeros[starts + lag] > zeros[starts], 0.0, left).sum(0)
        counts[place] = len(starts)
    return Survival(wanted, _mean_of_sum(totals, counts[:, None]), counts)


def _running(rows: NDArray[Any]) -> NDArray[Any]:
    """The sum of all rows before each, and of all."""
    return np.concatenate([np.zeros((1, *rows.shape[1:]), rows.dtype), np.cumsum(rows, axis=0)])


def _mean(rows: Array, counts: NDArray[Any]) -> Array:
    return _mean_of_sum(rows.sum(0), counts)


def _mean_of_sum(totals: Array, counts: NDArray[Any]) -> Array:
    missing = np.full(totals.shape, np.nan)
    return np.divide(totals, counts, out=missing, where=np.broadcast_to(counts > 0, totals.shape))


def _from_mean_log(mean_log: Array) -> Array:
    """-1 / mean(log keep); growth counts as never forgetting."""
    with np.errstate(divide="ignore"):
        return np.where(mean_log >= 0, np.inf, -1 / mean_log)
