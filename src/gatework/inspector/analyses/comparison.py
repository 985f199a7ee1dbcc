"""Two models, or two checkpoints of one, on the same inputs: what is alike and where they part."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatework.errors import InputError
from gatework.inspector.analyses.assignment import assign
from gatework.inspector.analyses.rows import locate, usable
from gatework.inspector.trace import Array, Recording

READING = (
    "CKA says how alike two layers are as a whole, 0 to 1, whatever the order and the rotation of "
    "their units; much of it comes from the few directions of largest variance. The matching pairs "
    "each unit with the one in the other model that it correlates with most, all pairs together; a "
    "negative sign is a unit that does the opposite. The strip shows at which steps the pairs "
    "differ most: go there, and compare the gates."
)


class Difference(NamedTuple):
    """A step at which the two differ, and by how much."""

    sequence: int
    step: int
    difference: float


class Comparison(NamedTuple):
    """How alike two passes are over the same N steps.

    Attributes:
        cka: linear CKA, 0 to 1; NaN where one of them does not vary.
        units: (H,) of each unit of the first its partner in the second; -1 where there is none.
        correlations: (H,) with the partner, signed; NaN without one or where one does not vary.
        differences: (N,) the root mean square over pairs, in standard deviations of each unit,
            after turning partners of opposite sign round; or, of the same units, in the units of
            the state. NaN where a state is not finite.
        offsets: (B + 1,) where each sequence begins.
    """

    cka: float
    units: NDArray[np.intp]
    correlations: Array
    differences: Array
    offsets: NDArray[np.int64]

    def largest(self, count: int = 10) -> tuple[Difference, ...]:
        """The steps at which they differ most, the most first."""
        known = np.flatnonzero(~np.isnan(self.differences))
        rows = known[np.argsort(-self.differences[known], kind="stable")[:count]]
        sequences, steps = locate(self.offsets, rows)
        return tuple(
            Difference(int(b), int(t), float(self.differences[row]))
            for row, b, t in zip(rows, sequences, steps, strict=True)
        )

    def __str__(self) -> str:
        sizes = np.abs(self.correlations[~np.isnan(self.correlations)])
        middle = f"{np.median(sizes):.3f}" if len(sizes) else "unknown"
        return f"CKA {self.cka:.3f}; median |correlation| of matched units {middle}"


def compare(
    first: Recording,
    second: Recording,
    layer: int = 0,
    *,
    reverse: bool = False,
    state: str | None = None,
    same_units: bool = False,
) -> Comparison:
    """Compare one pass of two recordings of the same inputs.

    CKA is |Y'X|^2 / (|X'X| |Y'Y|) in Frobenius norms of the centred states (Kornblith et al. 2019,
    arXiv:1905.00414). Units are matched one to one so that the sum of |correlation| is largest (Li
    et al. 2016, arXiv:1511.07543), exactly.

    Args:
        first: a recording.
        second: another; of any cell and width, and read from the same inputs.
        layer: which layer of both.
        reverse: which direction of both.
        state: which state or gate; None is the memory of each.
        same_units: unit u is unit u in both, as in two checkpoints of one training: match nothing,
            and give the differences as they are.

    Raises:
        InputError: the inputs differ, and where; or the sizes do, where units are the same; or no
            step is left without NaN.

    Example:
        >>> import torch, gatework
        >>> x = torch.randn(10, 20, 3)
        >>> one = gatework.trace(gatework.LSTM(3, 8), x)[""]
        >>> other = gatework.trace(gatework.GRU(3, 5), x)[""]
        >>> found = compare(one, other)
        >>> int((found.units < 0).sum()), 0 <= found.cka <= 1
        (3, True)
    """
    _require_same_inputs(first, second)
    one, other = first.find(layer, reverse=reverse), second.find(layer, reverse=reverse)
    a, finite_a = usable(one, state)
    b, finite_b = usable(other, state)
    used = finite_a & finite_b
    if not used.any():
        raise InputError("no step has finite states in both traces; there is nothing to compare.")
    if same_units and a.shape != b.shape:
        raise InputError(f"same_units needs the same width; there are {a.shape[1]} units and "
                         f"{b.shape[1]}.")  # fmt: skip
    x, spread_x = _standardised(a[used])
    y, spread_y = _standardised(b[used])
    correlation = x.T @ y / len(x)
    units = np.arange(a.shape[1]) if same_units else assign(-np.abs(correlation))
    paired = np.flatnonzero(units >= 0)
    partners = units[paired]
    vary = (spread_x[paired] > 0) & (spread_y[partners] > 0)
    correlations = np.full(a.shape[1], np.nan)
    correlations[paired[vary]] = correlation[paired, partners][vary]
    differences = np.full(len(a), np.nan)
    if same_units:
        gap = a[used] - b[used]
    else:
        signs = np.where(correlation[paired, partners] < 0, -1.0, 1.0)
        gap = x[:, paired] - signs * y[:, partners]
    differences[used] = np.sqrt((gap**2).mean(1))
    centred_a, centred_b = a[used] - a[used].mean(0), b[used] - b[used].mean(0)
    return Comparison(_cka(centred_a, centred_b), units, correlations, differences, one.offsets)


def _cka(x: Array, y: Array) -> float:
    size = np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)
    return float(np.linalg.norm(y.T @ x) ** 2 / size) if size > 0 else float("nan")


def _standardised(states: Array) -> tuple[Array, Array]:
    """Mean 0 and spread 1 of each unit, or 0 where it does not vary; and the spreads."""
    spread = states.std(0)
    centred = states - states.mean(0)
    return np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0), spread


def _require_same_inputs(first: Recording, second: Recording) -> None:
    if not np.array_equal(first.offsets, second.offsets):
        raise InputError(f"the sequences differ: {_lengths(first)} steps in one trace and "
                         f"{_lengths(second)} in the other.")  # fmt: skip
    if first.inputs.shape[1] != second.inputs.shape[1]:
        raise InputError(f"the inputs differ: one trace has {first.inputs.shape[1]} features and "
                         f"the other {second.inputs.shape[1]}.")  # fmt: skip
    same = (first.inputs == second.inputs) | (np.isnan(first.inputs) & np.isnan(second.inputs))
    rows = np.flatnonzero(~same.all(1))
    if len(rows):
        sequences, steps = locate(first.offsets, rows[:1])
        raise InputError(
            f"the inputs differ at {len(rows)} of {len(same)} steps, first at step {steps[0]} of "
            f"sequence {sequences[0]}; trace both models on the same inputs."
        )


def _lengths(recording: Recording) -> str:
    shown = ", ".join(map(str, recording.lengths[:8]))
    return f"{shown}, ..." if len(recording.lengths) > 8 else shown
