"""Lyapunov exponents: does a small disturbance of the state die out or take over?

Q_t R_t = J_t Q_{t-1} along the trajectory; lambda_k = mean over t of log |R_t[k, k]| (Vogt et al.
2022, arXiv:2006.14123; Engelken et al. 2023, arXiv:2006.02427). Their sum is the mean of
log |det J_t|, which is computed beside it as a check.
"""

from typing import NamedTuple

import numpy as np
import torch

from gatework.errors import InputError
from gatework.inspector.analyses.jacobian import jacobians_in_order
from gatework.inspector.trace import Array, SequencePass

READING = (
    "Each exponent is the mean rate, per step, at which a disturbance in one direction grows "
    "(above 0) or dies (below 0) on this sequence. -1/lambda is its memory in steps: -0.01 is a "
    "hundred steps. The largest one above 0 means chaos: two runs that start alike part. The "
    "largest just below 0 is where long memory can be learnt. They are of this input, driven by "
    "it; a short sequence gives a rough estimate, and the first steps belong to the start, not to "
    "the network: 'after' leaves them out."
)


class Lyapunov(NamedTuple):
    """The exponents of one sequence, per step.

    Attributes:
        exponents: (K,) largest first.
        by_step: (T', K) log |R[k, k]| of each step, whose means they are; -infinity where it is
            below what float64 can tell from zero beside the largest.
        volume: the mean of log |det J|.
        error: |sum of all exponents - volume|; None where fewer than all were asked for, or a step
            is singular.
        steps: T', how many steps they are the mean of.
    """

    exponents: Array
    by_step: Array
    volume: float
    error: float | None
    steps: int

    @property
    def memory(self) -> Array:
        """(K,) -1/lambda, in steps; infinite where nothing dies out."""
        dying = np.where(self.exponents < 0, self.exponents, -1.0)
        return np.where(self.exponents < 0, -1 / dying, np.inf)


def lyapunov(made: SequencePass, *, count: int | None = None, after: int = 0) -> Lyapunov:
    """The Lyapunov exponents along a recorded sequence.

    Args:
        made: a sequence in one layer and direction of a trace.
        count: K, how many of the largest; all if None.
        after: steps at the start that only turn the directions and are not counted.

    Raises:
        InputError: no step is left, the trajectory has NaN, or count is out of range.

    Example:
        >>> import torch, gatework
        >>> trace = gatework.trace(gatework.LSTM(3, 8), torch.randn(100, 1, 3))
        >>> found = lyapunov(trace[""].find().sequence(0), after=20)
        >>> bool(found.exponents[0] < 0), found.error < 1e-9
        (True, True)
    """
    size = sum(made.values[name].shape[1] for name in made.cell.states)
    kept = size if count is None else count
    if not 1 <= kept <= size:
        raise InputError(f"count is {kept}; expected 1 to {size}, the size of the state.")
    if len(made) <= after:
        raise InputError(f"the sequence has {len(made)} steps; expected more than after = {after}.")
    q = torch.eye(size, kept, dtype=torch.float64)
    logs, volumes = [], []
    for t, jacobian in enumerate(jacobians_in_order(made)):
        if not bool(jacobian.isfinite().all()):
            raise InputError(f"step {t}, in the order of reading, has NaN or infinite values.")
        q, r = torch.linalg.qr(jacobian @ q)
        stretch = r.diagonal().abs()
        rounding = size * torch.finfo(r.dtype).eps * jacobian.abs().max()
        logs.append(stretch.where(stretch > rounding, 0.0).log())
        volumes.append(torch.linalg.slogdet(jacobian).logabsdet)
    by_step, volume = torch.stack(logs[after:]).numpy(), float(torch.stack(volumes[after:]).mean())
    exponents = by_step.mean(axis=0)
    order = np.argsort(-exponents, kind="stable")
    whole = kept == size and bool(np.isfinite(by_step).all())
    error = abs(float(exponents.sum()) - volume) if whole else None
    return Lyapunov(exponents[order], by_step[:, order], volume, error, len(by_step))
