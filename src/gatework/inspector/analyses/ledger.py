"""The memory ledger: which step wrote what is in the memory now, and how much of it is left.

Unrolling m_t = keep_t m_{t-1} + write_t candidate_t from the first step that was read gives

    m_T = sum_t R_t write_t candidate_t + R_0 m_0 + sum_t R_t other_t,    R_t = prod_{s>t} keep_s

element by element, which is exact (Murdoch & Szlam 2017, arXiv:1702.02540, their gamma before the
output). `other_t` is what a step did besides: a cell clip, rounding.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gatework.errors import InputError
from gatework.inspector.analyses.rows import check_unit, roles_of, table
from gatework.inspector.trace import Array, SequencePass

READING = (
    "Each row says how much of the memory after the chosen step was written at that row's step and "
    "is still there; the rows, the initial state and what neither explains add up to the memory "
    "itself. A tall bar far back is something remembered; bars that all stand near the chosen step "
    "mean a short memory. The ledger accounts for content, not for cause: what an early step wrote "
    "may itself have been decided by a still earlier one, so change the input or cut the unit "
    "before saying 'because'."
)


class NamedStep(NamedTuple):
    """A step, its part of all that is in the memory (0 to 1), and what it contributes, signed."""

    step: int
    share: float
    contribution: float


class Shares(NamedTuple):
    """Parts that add up to 1, of all absolute contributions; all 0 where the memory is empty.

    Attributes:
        steps: (T,) that of each step.
        initial: that of the state before the first step.
        other: that of what neither explains.
    """

    steps: Array
    initial: float
    other: float


class Ledger(NamedTuple):
    """Where the memory after one step comes from; arrays are in the order of time, float64.

    Steps that had not been read by then have zeros.

    Attributes:
        step: the step; None for an empty sequence, whose memory is its initial state.
        memory: (H,) the memory after it.
        written: (T, H) R_t write_t candidate_t.
        initial: (H,) R_0 m_0.
        other: (T, H) R_t other_t: clip, rounding.
        retention: (T, H) R_t, the part of what step t left that is still there.
    """

    step: int | None
    memory: Array
    written: Array
    initial: Array
    other: Array
    retention: Array

    @property
    def unaccounted(self) -> Array:
        """(H,) what the equation of the cell does not say: the sum of `other`."""
        return self.other.sum(0)

    @property
    def residual(self) -> Array:
        """(H,) the memory less all rows: rounding of float64, near 1e-16."""
        return self.memory - (self.written.sum(0) + self.initial + self.unaccounted)

    def shares(self, *, units: Sequence[int] | None = None, weight: Array | None = None) -> Shares:
        """How much of the memory each row holds.

        Args:
            units: these alone; all if None.
            weight: (H,) look along this direction, sum_u weight_u m_u, instead of adding up the
                absolute contributions of all units. See `output_weight`.
        """
        rows = _looked_at(np.vstack([self.written, self.initial, self.unaccounted]), units, weight)
        amounts = np.abs(rows).sum(1)
        with np.errstate(invalid="ignore"):
            parts = np.divide(amounts, amounts.sum(), out=0 * amounts, where=amounts != 0)
        return Shares(parts[:-2], float(parts[-2]), float(parts[-1]))

    def strongest(
        self,
        count: int = 5,
        *,
        units: Sequence[int] | None = None,
        weight: Array | None = None,
    ) -> tuple[NamedStep, ...]:
        """The steps that hold most of the memory, the strongest first; arguments as in `shares`."""
        parts = self.shares(units=units, weight=weight).steps
        signed = _looked_at(self.written, units, weight).sum(1)
        order = np.argsort(-parts, kind="stable")[:count]
        return tuple(
            NamedStep(int(t), float(parts[t]), float(signed[t])) for t in order if parts[t] > 0
        )

    def __str__(self) -> str:
        shares = self.shares()
        rows = [
            (f"step {named.step}", f"{named.share:.1%}", f"{named.contribution:+.4g}")
            for named in self.strongest()
        ]
        rows.append(("initial state", f"{shares.initial:.1%}", f"{self.initial.sum():+.4g}"))
        rows.append(("unaccounted", f"{shares.other:.1%}", f"{self.unaccounted.sum():+.4g}"))
        where = "an empty sequence" if self.step is None else f"step {self.step}"
        error = np.abs(self.residual).max(initial=0.0)
        return (
            f"memory after {where}; residual {error:.1e}\n"
            + table(("written at", "share", "sum of units"), rows)
        )  # fmt: skip


def ledger(one: SequencePass, step: int | None = None) -> Ledger:
    """Say which steps wrote what is in the memory of one sequence.

    Args:
        one: T steps of one layer and direction.
        step: after which step, in the order of time; None for the last that was read.

    Raises:
        InputError: there is no such step.

    Example:
        >>> import torch, gatework
        >>> trace = gatework.trace(gatework.LSTM(3, 8), torch.randn(10, 1, 3))
        >>> one = trace[""].find().sequence(0)
        >>> found = ledger(one)
        >>> found.written.shape, bool(abs(found.residual).max() < 1e-12)
        ((10, 8), True)
    """
    target = target_step(one, step)
    read = 0 if target is None else (len(one) - target if one.reverse else target + 1)

    def first_read(array: Array) -> Array:
        return np.asarray(one.in_scan_order(array)[:read], np.float64)

    state = one.cell.memory
    after, before = first_read(one.memory), first_read(one.before(state))
    initial = np.asarray(one.initial[state], np.float64)
    kept, wrote, _ = roles_of(one)
    keep = first_read(kept)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):  # of a state gone wrong
        new = first_read(wrote) * first_read(one.candidate)
        retention, whole = _products(keep)
        written, other = retention * new, retention * (after - (keep * before + new))

    def in_time(array: Array) -> Array:
        padded = np.zeros((len(one), array.shape[1]))
        padded[:read] = array
        return np.ascontiguousarray(one.in_scan_order(padded))

    return Ledger(
        step=target,
        memory=after[-1] if read else initial,
        written=in_time(written),
        initial=whole * initial,
        other=in_time(other),
        retention=in_time(retention),
    )


def target_step(one: SequencePass, step: int | None) -> int | None:
    """The step asked for; the last that was read if None, and None if there is none.

    Raises:
        InputError: there is no such step.
    """
    if step is None:
        return None if len(one) == 0 else (0 if one.reverse else len(one) - 1)
    if not 0 <= step < len(one):
        raise InputError(f"step {step} was asked for; the sequence has {len(one)}, from 0.")
    return step


def _products(keep: Array) -> tuple[Array, Array]:
    """prod_{s>t} keep_s for each t, and the product of all, through logarithms.

    A direct product over thousands of steps would underflow on its way, even where later factors
    bring it back.
    """
    logs, signs = np.log(np.abs(keep)), np.sign(keep)
    products = np.ones((len(keep) + 1, keep.shape[1]))
    products[:-1] = (np.cumprod(signs[::-1], axis=0) * np.exp(np.cumsum(logs[::-1], axis=0)))[::-1]
    return products[1:], products[0]


def _looked_at(rows: Array, units: Sequence[int] | None, weight: Array | None) -> Array:
    """The columns to add up: those of `units`, or the one along `weight`."""
    if weight is not None and np.shape(weight) != (rows.shape[1],):
        raise InputError(f"weight has shape {np.shape(weight)}; expected ({rows.shape[1]},).")
    for unit in units or ():
        check_unit(unit, rows.shape[1])
    chosen = slice(None) if units is None else list(units)
    if weight is None:
        return rows[:, chosen]
    return rows[:, chosen] @ np.asarray(weight, np.float64)[chosen, None]
