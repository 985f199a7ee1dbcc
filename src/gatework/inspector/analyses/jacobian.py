"""The Jacobian of a step: how a small change of the state comes out one step later.

J_t = d(h', c') / d(h, c), exact, by automatic differentiation of the cell's own update. Its
singular values say how far a change can grow or shrink in the step, its eigenvalues in which ways
the step turns (Pascanu et al. 2013, arXiv:1211.5063; Pennington et al. 2017, arXiv:1711.04735).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import jacrev, vmap

from gatework.errors import InputError
from gatework.inspector.analyses.steps import Steps
from gatework.inspector.trace import Array, SequencePass

READING = (
    "Dots are the eigenvalues of a step's Jacobian, the circle has radius 1. Inside it a "
    "disturbance of the state fades in that direction, outside it grows, near 1 on the right it "
    "is kept: those are the memory. Away from the real axis the state turns as it goes on. "
    "Singular values tell what one step can do at most and at least; a spread of many powers of "
    "ten says that some directions are forgotten at once. One step is not the network: what "
    "happens over many is in the Lyapunov exponents."
)


class Spectrum(NamedTuple):
    """Of every chosen step, in the order of time; S is the size of all states together.

    Attributes:
        steps: (K,) the steps.
        singular: (K, S) singular values, largest first.
        eigenvalues: (K, S) complex, largest modulus first.
        log_volume: (K,) log |det J|: by how much the step shrinks volume.
        states: the names and widths of the parts of the state, in their order.
    """

    steps: NDArray[np.int64]
    singular: Array
    eigenvalues: NDArray[np.complex128]
    log_volume: Array
    states: tuple[tuple[str, int], ...]


def step_jacobians(made: SequencePass, steps: Sequence[int] | None = None) -> Array:
    """The exact Jacobian of chosen steps, (K, S, S), float64: row = new state, column = old.

    Args:
        made: a sequence in one layer and direction of a trace.
        steps: which, in the order of time; all if None. Each takes S * S * 8 bytes.

    Raises:
        InputError: there is no such step, or the layer did more than its cell (zoneout).

    Example:
        >>> import torch, gatework
        >>> trace = gatework.trace(gatework.LSTM(3, 8), torch.randn(10, 2, 3))
        >>> step_jacobians(trace[""].find().sequence(0)).shape
        (10, 16, 16)
    """
    chosen = _chosen(len(made), steps)
    blocks = list(_blocks(made, chosen))
    if not blocks:
        return np.zeros((0, *(sum(size for _, size in _states(made)),) * 2))
    return torch.cat(blocks).numpy()


def spectrum(made: SequencePass, steps: Sequence[int] | None = None) -> Spectrum:
    """Singular values and eigenvalues of the Jacobian of chosen steps.

    The arguments and errors are those of `step_jacobians`. A step with NaN has NaN throughout.

    Example:
        >>> import torch, gatework
        >>> trace = gatework.trace(gatework.GRU(3, 8), torch.randn(10, 2, 3))
        >>> spectrum(trace[""].find().sequence(0), steps=[0, 9]).eigenvalues.shape
        (2, 8)
    """
    chosen = _chosen(len(made), steps)
    size = sum(width for _, width in _states(made))
    singular, volume = np.full((len(chosen), size), np.nan), np.full(len(chosen), np.nan)
    eigenvalues = np.full((len(chosen), size), np.nan, dtype=np.complex128)
    at = 0
    for block in _blocks(made, chosen):
        for jacobian in block:
            if bool(jacobian.isfinite().all()):
                singular[at] = torch.linalg.svdvals(jacobian).numpy()
                found = torch.linalg.eigvals(jacobian).numpy()
                eigenvalues[at] = found[np.argsort(-np.abs(found), kind="stable")]
                volume[at] = float(torch.linalg.slogdet(jacobian).logabsdet)
            at += 1
    return Spectrum(chosen, singular, eigenvalues, volume, _states(made))


def jacobians_in_order(made: SequencePass) -> Iterator[Tensor]:
    """The Jacobian of each step, (S, S), in the order in which the layer took them."""
    order = np.arange(len(made))
    for block in _blocks(made, order[::-1] if made.reverse else order):
        yield from block


def _blocks(made: SequencePass, chosen: NDArray[np.int64]) -> Iterator[Tensor]:
    """Jacobians (K, S, S) of the chosen steps, some at a time: they are large."""
    if len(chosen) == 0:
        return
    steps = Steps.of(made, torch.float64)
    x, *old = (steps.in_order(part) for part in (steps.x, *steps.old))
    sizes = [part.shape[1] for part in old]

    def step(state: Tensor, x: Tensor) -> Tensor:
        return torch.cat(steps.update(state.unsqueeze(0).split(sizes, dim=1), x=x.unsqueeze(0)), 1)[
            0
        ]

    state = torch.cat(old, dim=1)
    together = max(1, 2**22 // sum(sizes) ** 2)
    for start in range(0, len(chosen), together):
        rows = torch.from_numpy(chosen[start : start + together].copy())
        yield vmap(jacrev(step))(state[rows], x[rows])


def _states(made: SequencePass) -> tuple[tuple[str, int], ...]:
    return tuple((name, made.values[name].shape[1]) for name in made.cell.states)


def _chosen(length: int, steps: Sequence[int] | None) -> NDArray[np.int64]:
    chosen = np.arange(length) if steps is None else np.array(steps, dtype=np.int64)
    outside = chosen[(chosen < 0) | (chosen >= length)]
    if len(outside):
        raise InputError(f"step {outside[0]} was asked for; the sequence has {length}, from 0.")
    return chosen
